import { AppError } from '../../shared/contract/index.ts';
import type { Clock } from './clock.ts';
import type { Database } from './database/database.ts';
import type { Journal } from './journal.ts';

export type Profile = 'online' | 'offline';
export type ProfileSource = 'default' | 'stored' | 'argument' | 'environment' | 'file';

export interface ProfileState {
  readonly profile: Profile;
  readonly locked: boolean;
  readonly source: ProfileSource;
}

/** Who decided, as it reads in a sentence. */
export const SOURCE_WORDS: Record<ProfileSource, string> = {
  default: 'nobody',
  stored: 'a person',
  argument: 'an argument',
  environment: 'the environment',
  file: 'the configuration file',
};

/** Online or offline, and who decided. Set from outside (argument, environment, file) it is locked. */
export class RuntimeProfile {
  readonly #database: Database;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #forced: { profile: Profile; source: ProfileSource } | null;
  readonly #listeners = new Set<(profile: Profile) => void>();
  #stored: Profile | null;

  constructor(
    database: Database,
    journal: Journal,
    clock: Clock,
    forced: { profile: Profile; source: ProfileSource } | null,
  ) {
    this.#database = database;
    this.#journal = journal;
    this.#clock = clock;
    this.#forced = forced;
    const row = database
      .prepare<{ value: string }>("SELECT value FROM settings WHERE key = 'runtime_profile'")
      .get({});
    this.#stored = row === undefined ? null : (row.value as Profile);
  }

  get state(): ProfileState {
    if (this.#forced !== null) return { ...this.#forced, locked: true };
    if (this.#stored !== null) return { profile: this.#stored, locked: false, source: 'stored' };
    return { profile: 'online', locked: false, source: 'default' };
  }

  get current(): Profile {
    return this.state.profile;
  }

  listen(listener: (profile: Profile) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @throws {AppError} `runtime_profile_locked`. */
  async set(profile: Profile, actorId: string | null): Promise<ProfileState> {
    if (this.#forced !== null) {
      throw new AppError(
        'runtime_profile_locked',
        `The profile is ${this.#forced.profile}, set by ${SOURCE_WORDS[this.#forced.source]} when the agent started.`,
        { hint: 'Change it there and restart the agent.', details: { source: this.#forced.source } },
      );
    }
    if (this.current === profile) return this.state;
    await this.#database.transact((unit) => {
      this.#database
        .prepare(
          `INSERT INTO settings (key, value, updated_at) VALUES ('runtime_profile', :profile, :at)
           ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`,
        )
        .run({ profile, at: this.#clock.now() });
      this.#journal.append(unit, {
        actorId,
        action: 'profile.changed',
        subject: 'profile:runtime',
        data: { profile },
      });
      unit.after(() => {
        this.#stored = profile;
        for (const listener of this.#listeners) listener(profile);
      });
    });
    return this.state;
  }
}
