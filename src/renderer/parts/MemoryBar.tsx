import type { ReactNode } from 'react';
import { layOut, memoryWords, type MemorySegment } from './memory.ts';
import css from './MemoryBar.module.css';

export interface MemoryBarProps {
  readonly segments: readonly MemorySegment[];
  /** Of the device, in bytes; null when the driver does not say. */
  readonly total: number | null;
  /** In use as the driver says, in bytes. */
  readonly used: number | null;
  /** What can be had of the device, where that is less than all of it. */
  readonly limit?: number | undefined;
  /** What the bar says, for who cannot see it; made of the figures where nothing is given. */
  readonly text?: string;
  /** 16 where the bar is what the place is about, 6 in the status bar. @default 10 */
  readonly height?: 6 | 10 | 16;
  readonly width?: number | string;
  /** Without the line of what the driver says. */
  readonly withoutUsed?: boolean;
}

/**
 * The memory of a device: what our slots reserve, solid or hatched where it is an estimate, and what is not ours; a tick
 * where it ends and red hatch behind it. Under it, what is really used.
 */
export function MemoryBar({
  segments,
  total,
  used,
  limit,
  text,
  height = 10,
  width = '100%',
  withoutUsed = false,
}: MemoryBarProps): ReactNode {
  const reserved = segments.reduce((sum, { kind, bytes }) => sum + (kind === 'other' ? 0 : bytes), 0);
  const words = text ?? memoryWords({ reserved, used, total });
  const layout =
    total === null ? null : layOut(segments, { total, used, ...(limit === undefined ? {} : { limit }) });
  return (
    <div
      role="meter"
      aria-valuemin={0}
      aria-valuemax={total ?? 0}
      aria-valuenow={Math.min(reserved, total ?? 0)}
      aria-valuetext={words}
      aria-label={words}
      className={css.bar}
      data-height={height}
      style={{ width }}
    >
      <div className={css.track}>
        {layout?.pieces.map((piece) => (
          <span
            key={piece.id}
            className={css.piece}
            data-kind={piece.kind}
            data-look={piece.look}
            style={{ left: `${piece.left}%`, width: `calc(${piece.width}% - 1px)` }}
          />
        ))}
      </div>
      {layout !== null && layout.limit !== null && (
        <span className={css.limit} data-limit="" style={{ left: `${layout.limit}%` }} />
      )}
      {!withoutUsed && (
        <div className={css.driver}>
          {layout !== null && layout.used !== null && (
            <span className={css.used} data-used="" style={{ width: `${layout.used}%` }} />
          )}
        </div>
      )}
    </div>
  );
}
