import type { Gpu, GpuEvent } from '../../../shared/contract/index.ts';
import type { ChartEvent } from '../../parts/Chart.tsx';
import { t } from '../../strings/text.ts';

/** GPUs in words. Pure. */

/** `NVIDIA GeForce RTX 4090` as people say it: without the maker's name. */
export function shortName(gpu: Pick<Gpu, 'name'>): string {
  return gpu.name.replace(/^NVIDIA\s+(GeForce\s+)?/i, '');
}

/** `GPU 0`; an instance by its profile. */
export function gpuTitle(gpu: Gpu): string {
  return gpu.parent_uuid === null
    ? t('gpu.name', { index: gpu.index })
    : t('gpu.instanceOf', { profile: gpu.mig_profile ?? '', index: gpu.index });
}

/** `GPU 0 and 1`, `GPU 0 to 7`. */
export function gpusTitle(gpus: readonly Gpu[]): string {
  const [first] = gpus;
  if (first === undefined) return '';
  if (gpus.length === 1) return gpuTitle(first);
  const indices = [...new Set(gpus.map((gpu) => gpu.index))].toSorted((a, b) => a - b);
  const last = indices.at(-1) ?? 0;
  const isRow = indices.length > 2 && last - (indices[0] ?? 0) === indices.length - 1;
  return t(isRow ? 'gpu.nameRange' : 'gpu.nameList', {
    from: indices[0] ?? 0,
    to: last,
    list: indices.slice(0, -1).join(', '),
  });
}

/** Why its clock is held down, where that is worth a word: resting is not. */
export function throttleWords(gpu: Pick<Gpu, 'throttle_reasons'>): string | null {
  const reasons = gpu.throttle_reasons.filter((reason) => reason !== 'idle');
  if (reasons.length === 0) return null;
  return t('gpu.throttled', {
    reasons: reasons.map((reason) => t(`gpu.throttle.${reason}`)).join(', '),
  });
}

/** Whether the hardware, not a setting, holds it down. */
export function isSlowed(gpu: Pick<Gpu, 'throttle_reasons'>): boolean {
  return gpu.throttle_reasons.some((reason) =>
    ['hardware_slowdown', 'software_thermal', 'hardware_thermal', 'power_brake'].includes(reason),
  );
}

export function eventWords(event: GpuEvent): string {
  return event.kind === 'xid' && event.code !== null
    ? t('gpu.event.xid', { code: event.code, message: event.message })
    : event.message;
}

export function eventTone(kind: GpuEvent['kind']): ChartEvent['tone'] {
  if (kind === 'xid' || kind === 'lost') return 'bad';
  if (kind === 'throttled') return 'warn';
  return kind === 'loaded' || kind === 'returned' ? 'blue' : 'text-3';
}
