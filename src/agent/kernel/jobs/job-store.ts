import { AppError, type ErrorBody, type Job, type Progress } from '../../../shared/contract/index.ts';
import { JOB_TRANSITIONS, statesBefore, type JobState } from '../../../shared/lifecycle/index.ts';
import { toIso, toIsoOrNull, type Clock } from '../clock.ts';
import type { Database } from '../database/database.ts';
import { newId } from '../ids.ts';

export interface JobRow {
  readonly id: string;
  readonly kind: string;
  readonly subject: string | null;
  readonly title: string;
  readonly dedupe_key: string | null;
  readonly state: JobState;
  readonly payload: string;
  readonly checkpoint: string | null;
  readonly progress: string | null;
  readonly result: string | null;
  readonly error: string | null;
  readonly attempt: number;
  readonly cancel_requested: number;
  readonly run_after: number;
  readonly created_by: string | null;
  readonly created_at: number;
  readonly started_at: number | null;
  readonly finished_at: number | null;
}

export interface NewJob {
  readonly kind: string;
  readonly payload: Record<string, unknown>;
  readonly subject: string | null;
  /** What a person reads in the list: verb and object. */
  readonly title: string;
  /** The same key while one is queued or running joins it. */
  readonly dedupeKey: string;
  readonly createdBy: string | null;
}

const LEASE_MS = 30_000;

/** The SQL of jobs. Rows are the truth; the runner only claims them. */
export class JobStore {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  get(id: string): JobRow {
    const row = this.#database.prepare<JobRow>('SELECT * FROM jobs WHERE id = :id').get({ id });
    if (row === undefined) throw new AppError('not_found', `There is no job ${id}.`);
    return row;
  }

  /** Inside the caller's transaction. */
  insert(job: NewJob): { row: JobRow; joined: boolean } {
    const running = this.#database
      .prepare<JobRow>("SELECT * FROM jobs WHERE dedupe_key = :key AND state IN ('queued', 'running')")
      .get({ key: job.dedupeKey });
    if (running !== undefined) return { row: running, joined: true };
    const id = newId();
    const now = this.#clock.now();
    this.#database
      .prepare(
        `INSERT INTO jobs (id, kind, subject, title, dedupe_key, state, payload, run_after, created_by, created_at)
         VALUES (:id, :kind, :subject, :title, :dedupe_key, 'queued', :payload, :now, :created_by, :now)`,
      )
      .run({
        id,
        kind: job.kind,
        subject: job.subject,
        title: job.title,
        dedupe_key: job.dedupeKey,
        payload: JSON.stringify(job.payload),
        created_by: job.createdBy,
        now,
      });
    return { row: this.get(id), joined: false };
  }

  /** The newest finished job with this key, for what an interrupted one left behind. */
  lastWithKey(dedupeKey: string): JobRow | undefined {
    return this.#database
      .prepare<JobRow>(
        'SELECT * FROM jobs WHERE dedupe_key = :dedupeKey ORDER BY created_at DESC, id DESC LIMIT 1',
      )
      .get({ dedupeKey });
  }

  /** Takes the oldest runnable job of a kind; null when there is none. */
  claim(kind: string): JobRow | null {
    const now = this.#clock.now();
    const row = this.#database
      .prepare<JobRow>(
        `UPDATE jobs SET state = 'running', attempt = attempt + 1, lease_until = :lease, started_at = COALESCE(started_at, :now)
         WHERE id = (SELECT id FROM jobs WHERE state = 'queued' AND kind = :kind AND run_after <= :now AND cancel_requested = 0
                     ORDER BY created_at, id LIMIT 1)
         RETURNING *`,
      )
      .get({ kind, now, lease: now + LEASE_MS });
    return row ?? null;
  }

  renewLease(id: string): void {
    this.#database
      .prepare("UPDATE jobs SET lease_until = :lease WHERE id = :id AND state = 'running'")
      .run({ id, lease: this.#clock.now() + LEASE_MS });
  }

  saveCheckpoint(id: string, checkpoint: unknown): void {
    this.#database
      .prepare('UPDATE jobs SET checkpoint = :checkpoint WHERE id = :id')
      .run({ id, checkpoint: JSON.stringify(checkpoint) });
  }

  saveProgress(id: string, progress: Progress): void {
    this.#database
      .prepare("UPDATE jobs SET progress = :progress WHERE id = :id AND state IN ('queued', 'running')")
      .run({ id, progress: JSON.stringify(progress) });
  }

  finish(
    id: string,
    state: 'succeeded' | 'failed' | 'cancelled',
    outcome: { result?: unknown; error?: ErrorBody },
  ): void {
    this.#database
      .prepare(
        `UPDATE jobs SET state = :state, result = :result, error = :error, finished_at = :now, lease_until = NULL
         WHERE id = :id AND state IN (SELECT value FROM json_each(:before))`,
      )
      .run({
        id,
        state,
        before: JSON.stringify(statesBefore(JOB_TRANSITIONS, state)),
        now: this.#clock.now(),
        result: outcome.result === undefined ? null : JSON.stringify(outcome.result),
        error: outcome.error === undefined ? null : JSON.stringify(outcome.error),
      });
  }

  requeue(id: string): void {
    this.#database
      .prepare("UPDATE jobs SET state = 'queued', lease_until = NULL WHERE id = :id AND state = 'running'")
      .run({ id });
  }

  requestCancel(id: string): void {
    this.#database.prepare('UPDATE jobs SET cancel_requested = 1 WHERE id = :id').run({ id });
  }

  inState(state: JobState): JobRow[] {
    return this.#database
      .prepare<JobRow>('SELECT * FROM jobs WHERE state = :state ORDER BY created_at, id')
      .all({ state });
  }

  /** Newest first, keyset by (created_at, id). */
  list(
    states: readonly JobState[] | undefined,
    limit: number,
    before: { created_at: number; id: string } | null,
  ): JobRow[] {
    const where = ['1 = 1'];
    const params: (string | number)[] = [];
    if (states !== undefined) {
      where.push(`state IN (${states.map(() => '?').join(', ')})`);
      params.push(...states);
    }
    if (before !== null) {
      where.push('(created_at, id) < (?, ?)');
      params.push(before.created_at, before.id);
    }
    return this.#database.query<JobRow>(
      `SELECT * FROM jobs WHERE ${where.join(' AND ')} ORDER BY created_at DESC, id DESC LIMIT ?`,
      [...params, limit],
    );
  }

  counts(): Partial<Record<JobState, number>> {
    const rows = this.#database
      .prepare<{ state: JobState; n: number }>('SELECT state, COUNT(*) AS n FROM jobs GROUP BY state')
      .all({});
    return Object.fromEntries(rows.map((row) => [row.state, row.n]));
  }
}

/** The wire form of a row. `progress` of a running job is newer in memory than in its row. */
export function toJob(row: JobRow, progress: Progress | null): Job {
  const parse = (text: string | null): unknown => (text === null ? null : JSON.parse(text));
  return {
    id: row.id,
    kind: row.kind,
    subject: row.subject,
    title: row.title,
    state: row.state,
    progress: progress ?? (parse(row.progress) as Progress | null),
    result: parse(row.result) as Job['result'],
    error: parse(row.error) as Job['error'],
    attempt: row.attempt,
    cancel_requested: row.cancel_requested === 1,
    created_by: row.created_by,
    created_at: toIso(row.created_at),
    started_at: toIsoOrNull(row.started_at),
    finished_at: toIsoOrNull(row.finished_at),
  };
}
