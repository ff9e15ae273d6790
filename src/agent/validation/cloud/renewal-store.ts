import type { Database } from '../../kernel/database/database.ts';

/** A validation in force that ends by itself, with what came of renewing it so far. */
export interface ExpiringRow {
  readonly model_id: string;
  readonly runtime_identity: string;
  readonly fingerprint: string;
  readonly expires_at: number;
  /** Renewals that failed since the last success. */
  readonly failures: number;
  readonly last_failure_at: number | null;
}

/** The SQL of renewing. */
export class RenewalStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Those that end at `until` or before, the first to end first. */
  expiringUntil(until: number): ExpiringRow[] {
    return this.#database
      .prepare<ExpiringRow>(
        `SELECT current_validations.model_id, current_validations.runtime_identity, current_validations.fingerprint,
           current_validations.expires_at, COUNT(failed.seq) AS failures, MAX(failed.created_at) AS last_failure_at
         FROM current_validations JOIN validations AS held ON held.id = current_validations.validation_id
         LEFT JOIN validations AS failed ON failed.model_id = current_validations.model_id AND failed.seq > held.seq
           AND failed.trigger_reason = 'renewal' AND failed.result = 'failure'
         WHERE current_validations.expires_at <= :until
         GROUP BY current_validations.model_id, current_validations.runtime_identity
         ORDER BY current_validations.expires_at`,
      )
      .all({ until });
  }

  /** When the first of the others ends. */
  firstAfter(until: number): number | null {
    return (
      this.#database
        .prepare<{ at: number | null }>(
          'SELECT MIN(expires_at) AS at FROM current_validations WHERE expires_at > :until',
        )
        .get({ until })?.at ?? null
    );
  }

  /** When one ends now; null when it is no longer in force. */
  expiryOf(modelId: string, identity: string): number | null {
    return (
      this.#database
        .prepare<{ expires_at: number | null }>(
          'SELECT expires_at FROM current_validations WHERE model_id = :modelId AND runtime_identity = :identity',
        )
        .get({ modelId, identity })?.expires_at ?? null
    );
  }

  extend(modelId: string, identity: string, validationId: string, expiresAt: number): void {
    this.#database
      .prepare(
        `UPDATE current_validations SET validation_id = :validationId, expires_at = :expiresAt
         WHERE model_id = :modelId AND runtime_identity = :identity`,
      )
      .run({ modelId, identity, validationId, expiresAt });
  }
}
