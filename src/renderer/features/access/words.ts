import type { Key } from '../../../shared/contract/index.ts';
import { formatDuration } from '../../parts/format.ts';
import type { StateOf } from '../../parts/glyphs.tsx';
import { t } from '../../strings/text.ts';

/** From here an end is worth a warning. */
const SOON_MS = 7 * 86_400_000;

export type KeyState = 'live' | 'soon' | 'ended' | 'revoked';

/** How a key stands. Pure. @param now milliseconds */
export function keyState(key: Pick<Key, 'revoked_at' | 'expires_at' | 'kind'>, now: number): KeyState {
  if (key.revoked_at !== null) return 'revoked';
  if (key.expires_at === null) return 'live';
  const left = Date.parse(key.expires_at) - now;
  if (left <= 0) return 'ended';
  // A session ends by itself every day; that is nobody's worry.
  return left < SOON_MS && key.kind !== 'session' ? 'soon' : 'live';
}

export function isLive(key: Pick<Key, 'revoked_at' | 'expires_at' | 'kind'>, now: number): boolean {
  const state = keyState(key, now);
  return state === 'live' || state === 'soon';
}

/** How long a key still works: `3 d 4 h`. Pure. */
export function restOf(key: Pick<Key, 'expires_at'>, now: number): string {
  return formatDuration(key.expires_at === null ? null : Date.parse(key.expires_at) - now);
}

export function keyWords(key: Key, now: number): string {
  const state = keyState(key, now);
  return state === 'soon' ? t('keys.state.soon', { span: restOf(key, now) }) : t(`keys.state.${state}`);
}

export const KEY_GLYPHS: Record<KeyState, StateOf<'check'>> = {
  live: 'ok',
  soon: 'warning',
  ended: 'skipped',
  revoked: 'skipped',
};
