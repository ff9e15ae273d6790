import { AppError } from '../../shared/contract/index.ts';
import { roleCovers, type Role } from '../../shared/lifecycle/index.ts';

/** The name of the principal that the node is born with; its token lies in the data directory. */
export const BUILT_IN = 'admin';

/** A last use that lies further ahead than this was written by a clock that was plainly wrong. */
const TRUSTED_SKEW_MS = 48 * 3_600_000;

/** The role that counts: a key has at most its own, and at most its principal's. Pure. */
export function lowerRole(key: Role, principal: Role): Role {
  return roleCovers(key, principal) ? principal : key;
}

export interface Lifetime {
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly idle_ms: number | null;
}

/** When a key ends: at its date, or when it was not used for its idle time, whichever is first. Pure; milliseconds. */
export function expiryOf(key: Lifetime, lastUsedAt: number | null): number | null {
  const idleEnd = key.idle_ms === null ? null : (lastUsedAt ?? key.created_at) + key.idle_ms;
  if (key.expires_at === null) return idleEnd;
  return idleEnd === null ? key.expires_at : Math.min(key.expires_at, idleEnd);
}

/**
 * The last use, or else the making, moved on by a use at `now`. A clock that is set back a little does not turn it around, or a session that is in
 * use would seem idle once the clock is right again; one that was wrong by days is not believed. Pure.
 */
export function usedAt(before: number, now: number): number {
  if (before - now > TRUSTED_SKEW_MS) return now;
  return Math.max(before, now);
}

/** What a change of a principal would do to it. */
export interface PrincipalChange {
  readonly role?: Role | undefined;
  readonly disabled?: boolean | undefined;
  readonly erased?: boolean;
}

/**
 * Why a principal must stay as it is; null when it may change. The built-in one is the way back in, so it keeps its role
 * and is never shut out, and so the node always has a superadmin. Pure.
 */
export function refusalToChange(
  principal: { readonly name: string; readonly role: Role },
  change: PrincipalChange,
): AppError | null {
  if (principal.name !== BUILT_IN) return null;
  const refuse = (what: string): AppError =>
    new AppError('dependencies_unsatisfied', `The built-in principal ${BUILT_IN} cannot be ${what}.`, {
      hint: 'It is the way back into this node. Make another superadmin for yourself, and keep the file admin-token safe.',
      details: { reason: 'built_in' },
    });
  if (change.erased === true) return refuse('erased');
  if (change.disabled === true) return refuse('disabled');
  if (change.role !== undefined && change.role !== principal.role) return refuse('given another role');
  return null;
}

/** @throws {AppError} `invalid_argument` naming the field, when a time given as an end lies in the past. */
export function assertFuture(field: string, at: number, now: number): void {
  if (at > now) return;
  throw new AppError('invalid_argument', `${field} lies in the past.`, {
    hint: 'Give a time that is still to come, or leave it out for a key without an end.',
    details: { fields: [field] },
  });
}
