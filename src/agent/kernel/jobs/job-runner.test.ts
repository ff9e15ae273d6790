import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { AppError, type Progress } from '../../../shared/contract/index.ts';
import { JOB_STATES, JOB_TRANSITIONS } from '../../../shared/lifecycle/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../../../test/support/temporary.ts';
import { systemClock } from '../clock.ts';
import { Database } from '../database/database.ts';
import { EventHub } from '../event-hub.ts';
import { Journal } from '../journal.ts';
import { createLogger } from '../logger.ts';
import { JobRunner, type JobContext, type JobKind } from './job-runner.ts';
import { JobStore } from './job-store.ts';

let directory: TemporaryDirectory;
beforeEach(async () => {
  directory = await temporaryDirectory();
  return () => directory[Symbol.asyncDispose]();
});

const Payload = z.strictObject({ n: z.number() });
type Payload = z.infer<typeof Payload>;
const signal = AbortSignal.timeout(20_000);

interface Bench {
  readonly runner: JobRunner;
  readonly database: Database;
  readonly hub: EventHub;
}

async function bench(
  kinds: readonly (Partial<JobKind<Payload>> & Pick<JobKind<Payload>, 'run'>)[],
  database?: Database,
): Promise<Bench> {
  const db = database ?? Database.open(join(directory.path, 'db'));
  if (database === undefined) {
    await db.migrate();
    onTestFinished(() => db.close());
  }
  const journal = new Journal(db, systemClock);
  const hub = new EventHub(journal);
  const runner = new JobRunner({
    store: new JobStore(db, systemClock),
    database: db,
    journal,
    hub,
    clock: systemClock,
    log: createLogger({ level: 'silent' }),
  });
  for (const kind of kinds)
    runner.register({ kind: 'k', payload: Payload, concurrency: 1, resumable: true, ...kind });
  return { runner, database: db, hub };
}

const job = (n: number, key = `key-${n}`) => ({
  kind: 'k',
  payload: { n },
  subject: null,
  title: `Job ${n}`,
  dedupeKey: key,
  createdBy: null,
});

/** A job that says when it runs and goes on when it is told. */
function gate(): {
  kind: Pick<JobKind<Payload>, 'run'>;
  entered: Promise<JobContext<Payload>>;
  open: (result: Record<string, unknown>) => void;
} {
  const entered = Promise.withResolvers<JobContext<Payload>>();
  const done = Promise.withResolvers<Record<string, unknown>>();
  return {
    entered: entered.promise,
    open: done.resolve,
    kind: {
      run: async (context) => {
        entered.resolve(context);
        const aborted = new Promise<never>((_resolve, reject) =>
          context.signal.addEventListener('abort', () => reject(new Error('aborted'))),
        );
        return Promise.race([done.promise, aborted]);
      },
    },
  };
}

describe('a job', () => {
  it('runs once and keeps its result', async () => {
    const { runner } = await bench([{ run: ({ payload }) => Promise.resolve({ doubled: payload.n * 2 }) }]);
    await runner.start();
    const { job: made } = await runner.enqueue(job(21));
    expect(await runner.waitFor(made.id, signal)).toMatchObject({
      state: 'succeeded',
      result: { doubled: 42 },
      attempt: 1,
      error: null,
    });
    await runner.stop();
  });

  it('joins the same request while it runs, and is a new one afterwards', async () => {
    const held = gate();
    const { runner } = await bench([held.kind]);
    await runner.start();
    const first = await runner.enqueue(job(1));
    await held.entered;
    const second = await runner.enqueue(job(1));
    expect(second).toMatchObject({ joined: true, job: { id: first.job.id } });
    held.open({});
    await runner.waitFor(first.job.id, signal);
    expect((await runner.enqueue(job(1))).joined).toBe(false);
    await runner.stop();
  });

  it('fails with the code and the words of its error, and cleans up', async () => {
    const cleaned: number[] = [];
    const { runner } = await bench([
      {
        run: () =>
          Promise.reject(
            new AppError('unsupported_format', 'a web page', {
              hint: 'log in',
              details: { reason: 'web_page' },
            }),
          ),
        cleanUp: ({ n }) => Promise.resolve(void cleaned.push(n)),
      },
    ]);
    await runner.start();
    const { job: made } = await runner.enqueue(job(7));
    const done = await runner.waitFor(made.id, signal);
    expect(done).toMatchObject({
      state: 'failed',
      error: {
        error: 'unsupported_format',
        message: 'a web page',
        hint: 'log in',
        details: { reason: 'web_page' },
      },
    });
    expect(cleaned).toEqual([7]);
    await runner.stop();
  });

  it('keeps what it has for another try when its kind says so', async () => {
    const cleaned: number[] = [];
    const { runner } = await bench([
      {
        run: () => Promise.reject(new AppError('resource_exhausted', 'full')),
        keepAfter: (error) => error.code === 'resource_exhausted',
        cleanUp: ({ n }) => Promise.resolve(void cleaned.push(n)),
      },
    ]);
    await runner.start();
    const { job: made } = await runner.enqueue(job(7));
    await runner.waitFor(made.id, signal);
    expect(cleaned).toEqual([]);
    await runner.stop();
  });

  it('tells nothing of a fault of ours but that it was one', async () => {
    const { runner } = await bench([{ run: () => Promise.reject(new TypeError('x is not a function')) }]);
    await runner.start();
    const { job: made } = await runner.enqueue(job(1));
    const done = await runner.waitFor(made.id, signal);
    expect(done.error).toMatchObject({ error: 'internal_error' });
    expect(JSON.stringify(done)).not.toContain('not a function');
    await runner.stop();
  });

  it('is cancelled while it waits, and while it runs', async () => {
    const held = gate();
    const cleaned: number[] = [];
    const { runner } = await bench([
      { ...held.kind, cleanUp: ({ n }) => Promise.resolve(void cleaned.push(n)) },
    ]);
    await runner.start();
    const running = await runner.enqueue(job(1));
    await held.entered;
    const waiting = await runner.enqueue(job(2));
    expect(await runner.cancel(waiting.job.id, null)).toMatchObject({ state: 'cancelled' });
    await runner.cancel(running.job.id, null);
    expect(await runner.waitFor(running.job.id, signal)).toMatchObject({ state: 'cancelled', error: null });
    expect(cleaned).toEqual([2, 1]);
    await expect(runner.cancel(running.job.id, null)).rejects.toMatchObject({
      code: 'invalid_state_transition',
    });
    await runner.stop();
  });

  it('goes on after a stop with its checkpoint, progress and next attempt', async () => {
    const held = gate();
    const first = await bench([
      {
        run: async (context) => {
          await context.saveCheckpoint({ at: 5 });
          context.report({ phase: 'copying', bytes_done: 5, bytes_total: 10 });
          return held.kind.run(context);
        },
      },
    ]);
    await first.runner.start();
    const { job: made } = await first.runner.enqueue(job(1));
    await held.entered;
    await first.runner.stop();
    expect(first.runner.get(made.id)).toMatchObject({ state: 'queued', progress: { phase: 'copying' } });

    const seen: unknown[] = [];
    const second = await bench(
      [{ run: ({ checkpoint }) => (seen.push(checkpoint), Promise.resolve({})) }],
      first.database,
    );
    await second.runner.start();
    expect(await second.runner.waitFor(made.id, signal)).toMatchObject({ state: 'succeeded', attempt: 2 });
    expect(seen).toEqual([{ at: 5 }]);
    await second.runner.stop();
  });

  it('that a crash left running goes on, or fails when its kind cannot', async () => {
    const { database, runner } = await bench([{ run: () => Promise.resolve({}) }]);
    const { job: made } = await runner.enqueue(job(1));
    await database.transact(() => database.prepare("UPDATE jobs SET state = 'running', attempt = 1").run({}));
    const resumable = await bench([{ run: () => Promise.resolve({ again: true }) }], database);
    await resumable.runner.start();
    expect(await resumable.runner.waitFor(made.id, signal)).toMatchObject({ state: 'succeeded', attempt: 2 });
    await resumable.runner.stop();

    const other = await resumable.runner.enqueue(job(2));
    await database.transact(() =>
      database.prepare("UPDATE jobs SET state = 'running' WHERE id = :id").run({ id: other.job.id }),
    );
    const not = await bench([{ resumable: false, run: () => Promise.resolve({}) }], database);
    await not.runner.start();
    expect(not.runner.get(other.job.id)).toMatchObject({
      state: 'failed',
      error: { error: 'shutting_down' },
    });
    await not.runner.stop();
  });

  it('runs as many at once as its kind allows', async () => {
    let now = 0;
    let most = 0;
    const { runner } = await bench([
      {
        concurrency: 2,
        run: async () => {
          most = Math.max(most, (now += 1));
          await new Promise((resolve) => setImmediate(resolve));
          now -= 1;
          return {};
        },
      },
    ]);
    const made = await Promise.all([1, 2, 3, 4, 5].map((n) => runner.enqueue(job(n))));
    await runner.start();
    await Promise.all(made.map(({ job: { id } }) => runner.waitFor(id, signal)));
    expect(most).toBe(2);
    await runner.stop();
  });

  it('tells each phase at once and passes bytes on four times a second at most', async () => {
    const { runner, hub } = await bench([
      {
        run: (context) => {
          for (let bytes = 0; bytes < 1000; bytes += 1)
            context.report({ phase: 'copying', bytes_done: bytes });
          context.report({ phase: 'publishing' });
          return Promise.resolve({});
        },
      },
    ]);
    const told: (Progress | null)[] = [];
    hub.listen(
      (event) => told.push((event.data as { job: { progress: Progress | null } }).job.progress),
      () => undefined,
    );
    await runner.start();
    const { job: made } = await runner.enqueue(job(1));
    await runner.waitFor(made.id, signal);
    const phases = told.flatMap((progress) => (progress === null ? [] : [progress.phase]));
    expect(phases.filter((phase) => phase === 'copying').length).toBeLessThan(5);
    expect(phases).toContain('publishing');
    await runner.stop();
  });

  it('passes on the last report of a burst, though nothing follows it', async () => {
    const end = Promise.withResolvers<Record<string, never>>();
    const { runner, hub } = await bench([
      {
        run: (context) => {
          for (let bytes = 0; bytes <= 9; bytes += 1) context.report({ phase: 'copying', bytes_done: bytes });
          return end.promise;
        },
      },
    ]);
    const last = new Promise<void>((resolve) => {
      hub.listen(
        (event) => {
          const { progress } = (event.data as { job: { progress: Progress | null } }).job;
          if (progress?.bytes_done === 9) resolve();
        },
        () => undefined,
      );
    });
    await runner.start();
    const { job: made } = await runner.enqueue(job(1));
    await last;
    end.resolve({});
    expect((await runner.waitFor(made.id, signal)).state).toBe('succeeded');
    await runner.stop();
  });

  it('of a kind is handled in one place', async () => {
    const { runner } = await bench([{ run: () => Promise.resolve({}) }]);
    expect(() =>
      runner.register({
        kind: 'k',
        payload: Payload,
        concurrency: 1,
        resumable: true,
        run: () => Promise.resolve({}),
      }),
    ).toThrow(/two handlers/);
  });
});

describe('the table of job states', () => {
  it('ends in states that nothing follows', () => {
    for (const state of JOB_STATES) {
      const isEnd = state === 'succeeded' || state === 'failed' || state === 'cancelled';
      expect(JOB_TRANSITIONS[state].length === 0, state).toBe(isEnd);
    }
  });
});
