import { AppError } from '../../shared/contract/index.ts';
import type { Role } from '../../shared/lifecycle/index.ts';
import type { Caller } from '../../server/context.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Database } from '../kernel/database/database.ts';
import { newToken } from '../kernel/ids.ts';
import { hashOf, type Keyring } from './keyring.ts';
import { blankKey, type Keys, type MadeKey } from './keys.ts';

const SESSION_IDLE_MS = 12 * 3_600_000;
const CODE_LIFE_MS = 60_000;
const MAX_OPEN_CODES = 100;

interface Code {
  readonly keyId: string;
  readonly role: Role;
  readonly madeAt: number;
}

/** Signing a browser in: a one-time code, made with a key and traded for a session that may no more than that key. */
export class Sessions {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #keys: Keys;
  readonly #keyring: Keyring;
  readonly #codes = new Map<string, Code>();

  constructor(deps: { database: Database; clock: Clock; keys: Keys; keyring: Keyring }) {
    this.#database = deps.database;
    this.#clock = deps.clock;
    this.#keys = deps.keys;
    this.#keyring = deps.keyring;
  }

  /** For 60 seconds, with the role of whoever makes it. @throws {AppError} `rate_limited`. */
  createCode(caller: Caller): { code: string; expiresAt: number } {
    const now = this.#clock.now();
    for (const [hash, code] of this.#codes) if (isOld(code, now)) this.#codes.delete(hash);
    if (this.#codes.size >= MAX_OPEN_CODES)
      throw new AppError('rate_limited', 'Too many sign-in links are open.', {
        details: { retry_after_seconds: 60 },
      });
    const code = newToken('moc');
    this.#codes.set(hashOf(code).toString('base64'), {
      keyId: caller.keyId,
      role: caller.role,
      madeAt: now,
    });
    return { code, expiresAt: now + CODE_LIFE_MS };
  }

  /**
   * The session has the scopes, the limits and the end of the key it is opened with, and ends with it.
   * @throws {AppError} `unauthenticated` when the code is unknown, used or too old, or its key has ended.
   */
  async open(text: string): Promise<MadeKey> {
    const hash = hashOf(text).toString('base64');
    const code = this.#codes.get(hash);
    this.#codes.delete(hash);
    const refuse = (message: string, details: Record<string, unknown> = {}): AppError =>
      new AppError('unauthenticated', message, { hint: 'Make a new one with `modelops open`.', details });
    if (code === undefined) throw refuse('This sign-in link is not known here, or was used already.');
    const now = this.#clock.now();
    if (isOld(code, now)) throw refuse('This sign-in link is older than 60 seconds.', { reason: 'expired' });
    const made = await this.#database.transact((unit) => {
      const maker = this.#keyring.row(code.keyId);
      if (maker === undefined)
        throw refuse('The key that made this sign-in link was revoked.', { reason: 'revoked' });
      // Sessions do not make a chain: one that another session opened belongs to the key at its root.
      const root = maker.kind === 'session' ? maker.opened_by : maker.id;
      return this.#keys.insert(unit, {
        ...blankKey('session', 'browser', now),
        principal_id: maker.principal_id,
        role: code.role,
        created_by: maker.principal_id,
        idle_ms: SESSION_IDLE_MS,
        expires_at: maker.expires_at,
        scopes: maker.scopes,
        rate_limit_per_minute: maker.rate_limit_per_minute,
        daily_token_budget: maker.daily_token_budget,
        limits_of: maker.limits_of ?? (maker.kind === 'api' ? maker.id : null),
        opened_by: root,
      });
    });
    return { token: made.token, key: this.#keys.get(made.id) };
  }
}

/** A code from the future is as bad as an old one: a clock that is set back must not keep it for a day. */
function isOld({ madeAt }: Code, now: number): boolean {
  return Math.abs(now - madeAt) >= CODE_LIFE_MS;
}
