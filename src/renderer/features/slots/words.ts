import type { Slot } from '../../../shared/contract/index.ts';
import { formatDuration } from '../../parts/format.ts';
import { known, t } from '../../strings/text.ts';

/** The state of a slot in words, with what it is doing: `loading: weights`. Pure. */
export function slotStateWords(slot: Slot): string {
  const state = t(`load.${slot.load_state}`);
  if (slot.load_state === 'loading') {
    const current = currentMilestone(slot);
    const detail = current ?? (slot.phase === null ? null : t(`phase.${slot.phase}`));
    return detail === null ? state : t('slots.stateDetail', { state, detail });
  }
  if (slot.load_state === 'reconciling' && slot.phase !== null) return t(`phase.${slot.phase}`);
  if (slot.load_state === 'error' && slot.load_error !== null) {
    const detail = known(`cause.${slot.load_error.error}`);
    return detail === null ? state : t('slots.stateDetail', { state, detail });
  }
  return state;
}

/** The milestone that is being worked on, by its label. Pure. */
export function currentMilestone(slot: Pick<Slot, 'milestones'>): string | null {
  if (slot.milestones.every((milestone) => milestone.reached_at === null)) return null;
  return slot.milestones.find((milestone) => milestone.reached_at === null)?.label ?? null;
}

/** `18 s so far, usually 24 s`. Pure. @param now milliseconds */
export function loadingTime(slot: Pick<Slot, 'since' | 'usual_load_ms'>, now: number): string {
  if (slot.since === null) return '';
  const span = formatDuration(Math.max(0, Math.floor((now - Date.parse(slot.since)) / 1000) * 1000)).replace(
    '0 ms',
    '0 s',
  );
  return slot.usual_load_ms === null
    ? t('slots.soFar', { span })
    : t('slots.soFarUsual', { span, usual: formatDuration(slot.usual_load_ms) });
}

/** Whether somebody has to look at it. Pure. */
export function isDown(slot: Slot): boolean {
  return slot.load_error !== null && slot.load_state !== 'loading' && slot.load_state !== 'loaded';
}

/** Events of the last half minute: what turns may turn. Pure. */
export function isMoving(slot: Pick<Slot, 'load_state' | 'observed_at'>, now: number): boolean {
  return (
    slot.load_state === 'loading' && slot.observed_at !== null && now - Date.parse(slot.observed_at) < 30_000
  );
}

/** A setting as the editor calls it. Pure. */
export function settingName(key: string): string {
  return known(`setting.${key}`) ?? key;
}
