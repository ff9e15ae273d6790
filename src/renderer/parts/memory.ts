import { MEMORY_PARTS, type MemoryPart, type RequiredMemory } from '../../shared/contract/index.ts';
import { t } from '../strings/text.ts';
import { formatBytes, inUnitOf, UNKNOWN } from './format.ts';

/** The memory of a device as a bar and as words. Pure. */

/** What a stretch of a bar stands for; `other`: not ours. */
export type MemoryKind = MemoryPart | 'other';

export interface MemorySegment {
  readonly id: string;
  readonly kind: MemoryKind;
  readonly bytes: number;
  /** Not there yet, or never measured. */
  readonly estimated?: boolean;
}

export interface MemoryPiece {
  readonly id: string;
  readonly kind: MemoryKind;
  /** Percent of the bar. */
  readonly left: number;
  readonly width: number;
  readonly look: 'solid' | 'estimate' | 'over';
}

export interface MemoryLayout {
  readonly pieces: readonly MemoryPiece[];
  /** Where the limit stands, in percent; null where nothing passes the end of the bar. */
  readonly limit: number | null;
  /** How far the driver says it is used, in percent; null when it does not say. */
  readonly used: number | null;
}

/** What a model takes, as four stretches in their order. @param share of the whole that lies on this device */
export function segmentsOf(
  id: string,
  required: RequiredMemory,
  { share = 1, estimated = false }: { readonly share?: number; readonly estimated?: boolean } = {},
): MemorySegment[] {
  return MEMORY_PARTS.map((part) => ({
    id: `${id} ${part}`,
    kind: part,
    bytes: required[`${part}_bytes`] * share,
    estimated,
  }));
}

/**
 * Where everything stands on a bar as long as the device, or as long as what is asked of it when that is more. What lies
 * behind the limit is over.
 * @param total of the device, in bytes
 * @param limit what can be had of it; the total where nothing else is said
 */
export function layOut(
  segments: readonly MemorySegment[],
  { total, used, limit = total }: { total: number; used: number | null; limit?: number },
): MemoryLayout {
  const asked = segments.reduce((sum, { bytes }) => sum + bytes, 0);
  const scale = Math.max(total, asked, 1);
  const percent = (bytes: number): number => (bytes / scale) * 100;
  const pieces: MemoryPiece[] = [];
  let at = 0;
  for (const { id, kind, bytes, estimated = false } of segments) {
    if (bytes <= 0) continue;
    const inside = Math.max(0, Math.min(bytes, limit - at));
    if (inside > 0)
      pieces.push({
        id,
        kind,
        left: percent(at),
        width: percent(inside),
        look: estimated ? 'estimate' : 'solid',
      });
    if (inside < bytes)
      pieces.push({
        id: `${id} over`,
        kind,
        left: percent(at + inside),
        width: percent(bytes - inside),
        look: 'over',
      });
    at += bytes;
  }
  return {
    pieces,
    limit: asked > limit || limit < total ? percent(limit) : null,
    used: used === null ? null : Math.min(100, percent(used)),
  };
}

/** `18.1 GiB reserved, 18.9 used of 24.0`: all in the unit of the whole, a dash for what nobody knows. */
export function memoryWords(memory: {
  readonly reserved: number;
  readonly used: number | null;
  readonly total: number | null;
}): string {
  const { reserved, used, total } = memory;
  if (total === null)
    return t('memory.words', { reserved: formatBytes(reserved), used: formatBytes(used), total: UNKNOWN });
  return t('memory.words', {
    reserved: `${inUnitOf(reserved, total)} ${unitWord(total)}`,
    used: used === null ? UNKNOWN : inUnitOf(used, total),
    total: inUnitOf(total, total),
  });
}

function unitWord(total: number): string {
  return formatBytes(total).split(' ')[1] ?? '';
}
