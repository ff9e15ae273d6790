import type { ReactNode } from 'react';
import css from './Meter.module.css';

export interface MeterPart {
  readonly value: number;
  /** `other`: not ours. */
  readonly kind: 'ours' | 'other';
}

/** A bar of something that has an end: disk, memory. Its text stands beside it, and is its name for a reader. */
export function Meter({
  parts,
  total,
  text,
  width = 96,
}: {
  readonly parts: readonly MeterPart[];
  readonly total: number;
  /** The same in words: `64.2 GiB used of 97.9`. */
  readonly text: string;
  readonly width?: number | string;
}): ReactNode {
  const used = parts.reduce((sum, part) => sum + part.value, 0);
  return (
    <div
      role="meter"
      aria-valuemin={0}
      aria-valuemax={total}
      aria-valuenow={Math.min(used, total)}
      aria-valuetext={text}
      aria-label={text}
      className={css.track}
      style={{ width }}
    >
      {parts.map((part) => (
        <span
          key={part.kind}
          className={css.part}
          data-kind={part.kind}
          style={{ width: `${total > 0 ? Math.min(100, (part.value / total) * 100) : 0}%` }}
        />
      ))}
    </div>
  );
}
