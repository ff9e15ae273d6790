import type { Key, KeyScope } from '../../../shared/contract/index.ts';
import { parseCount } from '../../parts/format.ts';
import { t } from '../../strings/text.ts';

/** What a key may be given, as a form holds it. */

export const END_PRESETS = ['30', '90', '365', 'never', 'date'] as const;
export type EndPreset = (typeof END_PRESETS)[number] | 'keep';

export interface KeyForm {
  readonly scopes: readonly KeyScope[];
  readonly end: EndPreset;
  /** `2026-11-30`, of the preset `date`. */
  readonly day: string;
  /** As typed; empty is no limit. */
  readonly rate: string;
  readonly budget: string;
}

/** An application calls models and nothing else, for a quarter of a year, unless somebody wants more. */
export const NEW_KEY_FORM: KeyForm = { scopes: ['invoke'], end: '90', day: '', rate: '', budget: '' };

export function formOf(key: Key): KeyForm {
  return {
    scopes: key.scopes,
    end: 'keep',
    day: '',
    rate: key.rate_limit_per_minute === null ? '' : String(key.rate_limit_per_minute),
    budget: key.daily_token_budget === null ? '' : String(key.daily_token_budget),
  };
}

const DAY_MS = 86_400_000;

/** When a key ends; null for never, undefined when no day is chosen or it is over. Pure. @param now milliseconds */
export function endOf({ end, day }: Pick<KeyForm, 'end' | 'day'>, now: number): string | null | undefined {
  if (end === 'never') return null;
  if (end !== 'date') return new Date(now + Number(end) * DAY_MS).toISOString();
  // Until the end of that day, where the person is.
  const last = new Date(`${day}T23:59:59`).getTime();
  return Number.isNaN(last) || last <= now ? undefined : new Date(last).toISOString();
}

/** A limit as typed; null for none, undefined when it is no limit. Pure. */
export function limitOf(typed: string): number | null | undefined {
  if (typed.trim() === '') return null;
  const value = parseCount(typed);
  return value === null || value < 1 || !Number.isInteger(value) ? undefined : value;
}

/** Why a form cannot be sent; null when it can. Pure. */
export function troubleOf(form: KeyForm, now: number): string | null {
  if (form.scopes.length === 0) return t('keys.scopesMissing');
  if (form.end !== 'keep' && endOf(form, now) === undefined) return t('keys.endDateMissing');
  if (limitOf(form.rate) === undefined || limitOf(form.budget) === undefined) return t('keys.badLimit');
  return null;
}

/** The part of a form that a new key takes. Pure; call it with a form that has no trouble. */
export function asNewKey(
  form: KeyForm,
  now: number,
): {
  scopes: KeyScope[];
  rate_limit_per_minute: number | null;
  daily_token_budget: number | null;
  expires_at?: string;
} {
  const end = endOf(form, now);
  return {
    scopes: [...form.scopes],
    rate_limit_per_minute: limitOf(form.rate) ?? null,
    daily_token_budget: limitOf(form.budget) ?? null,
    ...(typeof end === 'string' ? { expires_at: end } : {}),
  };
}

/** What a form changes of a key. Pure. */
export function changesOf(
  key: Key,
  form: KeyForm,
  now: number,
): {
  scopes?: KeyScope[];
  rate_limit_per_minute?: number | null;
  daily_token_budget?: number | null;
  expires_at?: string | null;
} {
  const before = key.scopes.toSorted().join();
  const end = form.end === 'keep' ? undefined : endOf(form, now);
  const rate = limitOf(form.rate);
  const budget = limitOf(form.budget);
  return {
    ...(before === form.scopes.toSorted().join() ? {} : { scopes: [...form.scopes] }),
    ...(end === undefined || end === key.expires_at ? {} : { expires_at: end }),
    ...(rate === undefined || rate === key.rate_limit_per_minute ? {} : { rate_limit_per_minute: rate }),
    ...(budget === undefined || budget === key.daily_token_budget ? {} : { daily_token_budget: budget }),
  };
}
