import { setTimeout as delay } from 'node:timers/promises';
import type { z } from 'zod';
import { AppError, errorBody, toAppError, type Job, type Progress } from '../../../shared/contract/index.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../database/database.ts';
import type { EventHub } from '../event-hub.ts';
import type { Journal } from '../journal.ts';
import type { Logger } from '../logger.ts';
import { toJob, type JobRow, type JobStore, type NewJob } from './job-store.ts';

export interface JobContext<P> {
  readonly jobId: string;
  readonly actorId: string | null;
  readonly payload: P;
  /** What the last `checkpoint()` of this job said, also before a crash; null on a first run. */
  readonly checkpoint: unknown;
  /** Aborted by a cancel and by a stop of the agent. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Tells how far it is. Cheap: passed on at most four times a second. */
  report(progress: Progress): void;
  /** Keeps what a later run needs to go on. Durable when it resolves. */
  saveCheckpoint(value: unknown): Promise<void>;
}

/** What a kind of job is. A job that runs again after a crash has to find out itself what is done already. */
export interface JobKind<P extends Record<string, unknown> = Record<string, unknown>> {
  readonly kind: string;
  readonly payload: z.ZodType<P>;
  /** How many run at once. */
  readonly concurrency: number;
  /** Goes on after a crash or a restart of the agent; else it fails there. */
  readonly resumable: boolean;
  run(context: JobContext<P>): Promise<Record<string, unknown>>;
  /** Removes what a job that was cancelled or has failed for good left behind. */
  cleanUp?(payload: P, checkpoint: unknown): Promise<void>;
  /** Whether a failure leaves things as they are, so that the same request given again goes on from them. */
  keepAfter?(error: AppError): boolean;
}

interface Running {
  readonly kind: string;
  readonly controller: AbortController;
  readonly done: Promise<void>;
  progress: Progress | null;
  publishedAt: number;
  /** Passes on what was reported since the last time. */
  later: NodeJS.Timeout | null;
  savedAt: number;
}

type AbortReason = 'cancel' | 'stop';

interface Outcome {
  readonly state: 'succeeded' | 'failed' | 'cancelled';
  readonly result?: unknown;
  readonly error?: AppError;
}

const PUBLISH_EVERY_MS = 250;
const SAVE_EVERY_MS = 2000;
const RENEW_LEASE_MS = 10_000;
const RECORD_AGAIN_MS = 1000;

/** Runs jobs from their rows. One owner for every running job; a row never runs twice at once. */
export class JobRunner {
  readonly store: JobStore;
  readonly #database: Database;
  readonly #journal: Journal;
  readonly #hub: EventHub;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #kinds = new Map<string, JobKind>();
  readonly #running = new Map<string, Running>();
  readonly #waiters = new Map<string, Set<() => void>>();
  #accepting = false;
  #leaseTimer: NodeJS.Timeout | null = null;

  constructor(deps: {
    store: JobStore;
    database: Database;
    journal: Journal;
    hub: EventHub;
    clock: Clock;
    log: Logger;
  }) {
    this.store = deps.store;
    this.#database = deps.database;
    this.#journal = deps.journal;
    this.#hub = deps.hub;
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  register<P extends Record<string, unknown>>(kind: JobKind<P>): void {
    if (this.#kinds.has(kind.kind)) throw new Error(`two handlers for jobs of kind ${kind.kind}`);
    this.#kinds.set(kind.kind, kind);
  }

  /** Takes up what a crash left, then starts running. */
  async start(): Promise<void> {
    const interrupted = this.store.inState('running');
    if (interrupted.length > 0) {
      await this.#database.transact(() => {
        for (const row of interrupted) {
          if (this.#kinds.get(row.kind)?.resumable === true && row.cancel_requested === 0)
            this.store.requeue(row.id);
          else if (row.cancel_requested === 1) this.store.finish(row.id, 'cancelled', {});
          else
            this.store.finish(row.id, 'failed', {
              error: errorBody(new AppError('shutting_down', 'The agent stopped in the middle of it.')),
            });
        }
      });
    }
    this.#accepting = true;
    this.#leaseTimer = setInterval(() => {
      this.#lazily(() => {
        for (const id of this.#running.keys()) this.store.renewLease(id);
      });
    }, RENEW_LEASE_MS);
    this.#leaseTimer.unref();
    this.#pump();
  }

  /** Puts running jobs back into the queue and waits until they let go. */
  async stop(): Promise<void> {
    this.#accepting = false;
    if (this.#leaseTimer !== null) clearInterval(this.#leaseTimer);
    for (const running of this.#running.values()) running.controller.abort('stop' satisfies AbortReason);
    await Promise.all([...this.#running.values()].map((running) => running.done));
  }

  /** Adds a job, or joins the one with the same key that waits or runs. */
  async enqueue(job: NewJob): Promise<{ job: Job; joined: boolean }> {
    const { row, joined } = await this.#database.transact((unit) => {
      const inserted = this.store.insert(job);
      if (!inserted.joined) {
        this.#journal.append(unit, {
          actorId: job.createdBy,
          action: 'job.created',
          subject: `job:${inserted.row.id}`,
          data: { kind: job.kind, subject: job.subject },
        });
      }
      return inserted;
    });
    if (!joined) this.#publish(row.id);
    this.#pump();
    return { job: this.get(row.id), joined };
  }

  get(id: string): Job {
    return toJob(this.store.get(id), this.#running.get(id)?.progress ?? null);
  }

  toJob(row: JobRow): Job {
    return toJob(row, this.#running.get(row.id)?.progress ?? null);
  }

  /** @throws {AppError} `not_found`, `invalid_state_transition` when it has ended. */
  async cancel(id: string, actorId: string | null): Promise<Job> {
    const row = this.store.get(id);
    if (row.state !== 'queued' && row.state !== 'running') {
      throw new AppError('invalid_state_transition', `The job has ${row.state} already.`, {
        hint: 'Nothing to cancel.',
        details: { state: row.state },
      });
    }
    const running = this.#running.get(id);
    await this.#database.transact((unit) => {
      this.store.requestCancel(id);
      if (running === undefined) this.store.finish(id, 'cancelled', {});
      this.#journal.append(unit, { actorId, action: 'job.cancelled', subject: `job:${id}` });
    });
    if (running === undefined) await this.#cleanUp(row);
    else running.controller.abort('cancel' satisfies AbortReason);
    this.#publish(id);
    this.#settle(id);
    return this.get(id);
  }

  /** Resolves with the job once it has ended. @throws when `signal` aborts first. */
  async waitFor(id: string, signal: AbortSignal): Promise<Job> {
    for (;;) {
      signal.throwIfAborted();
      const job = this.get(id);
      if (job.state !== 'queued' && job.state !== 'running') return job;
      await new Promise<void>((resolve, reject) => {
        const waiters = this.#waiters.get(id) ?? new Set();
        this.#waiters.set(id, waiters);
        const stop = (): void => reject(signal.reason as Error);
        waiters.add(() => {
          signal.removeEventListener('abort', stop);
          resolve();
        });
        signal.addEventListener('abort', stop, { once: true });
      });
    }
  }

  #pump(): void {
    if (!this.#accepting) return;
    for (const kind of this.#kinds.values()) {
      const busy = [...this.#running.values()].filter((running) => running.kind === kind.kind).length;
      for (let free = kind.concurrency - busy; free > 0; free -= 1) {
        const row = this.store.claim(kind.kind);
        if (row === null) break;
        this.#launch(kind, row);
      }
    }
  }

  #launch(kind: JobKind, row: JobRow): void {
    const controller = new AbortController();
    const done = Promise.withResolvers<void>();
    const progress = row.progress === null ? null : (JSON.parse(row.progress) as Progress);
    this.#running.set(row.id, {
      kind: kind.kind,
      controller,
      done: done.promise,
      progress,
      publishedAt: 0,
      later: null,
      savedAt: this.#clock.now(),
    });
    this.#publish(row.id);
    void this.#run(kind, row, controller.signal)
      .catch((error: unknown) =>
        this.#log.error({ err: error, job_id: row.id }, 'the end of a job could not be recorded'),
      )
      .finally(() => {
        clearTimeout(this.#running.get(row.id)?.later ?? undefined);
        this.#running.delete(row.id);
        this.#publish(row.id);
        this.#settle(row.id);
        done.resolve();
        this.#pump();
      });
  }

  async #run(kind: JobKind, row: JobRow, signal: AbortSignal): Promise<void> {
    const log = this.#log.child({ job_id: row.id, job_kind: row.kind });
    let outcome: Outcome;
    try {
      const context: JobContext<Record<string, unknown>> = {
        jobId: row.id,
        actorId: row.created_by,
        payload: kind.payload.parse(JSON.parse(row.payload)),
        checkpoint: row.checkpoint === null ? null : (JSON.parse(row.checkpoint) as unknown),
        signal,
        log,
        report: (progress) => this.#report(row.id, progress),
        saveCheckpoint: (value) => this.#database.transact(() => this.store.saveCheckpoint(row.id, value)),
      };
      outcome = { state: 'succeeded', result: await kind.run(context) };
    } catch (thrown) {
      if (signal.aborted && signal.reason === 'stop') {
        this.#database.transactLazily(() => this.store.requeue(row.id));
        return;
      }
      const cancelled = signal.aborted && signal.reason === 'cancel';
      const error = toAppError(thrown);
      if (!cancelled) log.warn({ err: error.cause ?? error, code: error.code }, 'job failed');
      outcome = cancelled ? { state: 'cancelled' } : { state: 'failed', error };
    }
    const keep =
      outcome.state === 'succeeded' ||
      (outcome.error !== undefined && kind.keepAfter?.(outcome.error) === true);
    if (!keep) await this.#cleanUp(this.store.get(row.id));
    await this.#record(row, outcome, signal);
  }

  /** Writes how a job ended. On a full disk it is tried again, because nobody else would ever tell. */
  async #record(row: JobRow, outcome: Outcome, signal: AbortSignal): Promise<void> {
    const { state, result, error } = outcome;
    for (;;) {
      try {
        await this.#database.transact((unit) => {
          this.store.finish(row.id, state, {
            ...(result === undefined ? {} : { result }),
            ...(error === undefined ? {} : { error: errorBody(error) }),
          });
          this.#journal.append(unit, {
            actorId: row.created_by,
            action: `job.${state}`,
            subject: `job:${row.id}`,
            data: { kind: row.kind, ...(error === undefined ? {} : { error: error.code }) },
          });
        });
        return;
      } catch (failure) {
        const passes = failure instanceof AppError && failure.code === 'resource_exhausted';
        if (!passes || signal.reason === 'stop' || !this.#accepting) throw failure;
        await delay(RECORD_AGAIN_MS);
      }
    }
  }

  async #cleanUp(row: JobRow): Promise<void> {
    const kind = this.#kinds.get(row.kind);
    if (kind?.cleanUp === undefined) return;
    try {
      await kind.cleanUp(
        kind.payload.parse(JSON.parse(row.payload)),
        row.checkpoint === null ? null : JSON.parse(row.checkpoint),
      );
    } catch (error) {
      this.#log.warn({ err: error, job_id: row.id }, 'what a job left behind could not be removed');
    }
  }

  #report(id: string, progress: Progress): void {
    const running = this.#running.get(id);
    if (running === undefined) return;
    const phaseChanged =
      running.progress?.phase !== progress.phase ||
      running.progress?.steps?.length !== progress.steps?.length;
    running.progress = progress;
    const now = this.#clock.now();
    if (phaseChanged || now - running.savedAt >= SAVE_EVERY_MS) {
      running.savedAt = now;
      this.#lazily(() => this.store.saveProgress(id, progress));
    }
    if (phaseChanged || now - running.publishedAt >= PUBLISH_EVERY_MS) this.#pass(id, running);
    // The last report of a burst has to arrive too: nothing may follow it for long.
    else running.later ??= setTimeout(() => this.#pass(id, running), PUBLISH_EVERY_MS).unref();
  }

  #pass(id: string, running: Running): void {
    clearTimeout(running.later ?? undefined);
    running.later = null;
    running.publishedAt = this.#clock.now();
    this.#publish(id);
  }

  /** For rows that may be lost: a disk that is full now must not end a job that needs no room. */
  #lazily(write: () => void): void {
    try {
      this.#database.transactLazily(write);
    } catch (error) {
      this.#log.warn({ err: error }, 'progress could not be stored');
    }
  }

  #publish(id: string): void {
    if (this.#hub.hasListeners) this.#hub.publish('jobs', 'job', { job: this.get(id) });
  }

  #settle(id: string): void {
    const waiters = this.#waiters.get(id);
    if (waiters === undefined) return;
    this.#waiters.delete(id);
    for (const wake of waiters) wake();
  }
}
