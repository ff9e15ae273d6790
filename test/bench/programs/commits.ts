import BetterSqlite3 from 'better-sqlite3';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../../src/agent/kernel/clock.ts';
import { Database } from '../../../src/agent/kernel/database/database.ts';
import { DatabaseMaintenance } from '../../../src/agent/kernel/database/maintenance.ts';
import { Journal } from '../../../src/agent/kernel/journal.ts';
import { createLogger } from '../../../src/agent/kernel/logger.ts';
import { percentile } from '../support/numbers.ts';
import type { CommitMode, CommitResult } from './commit-types.ts';

/**
 * Commits small transactions until it is told to stop, as an agent does while a model is copied, and measures how long
 * each holds the event loop. Arguments: a directory, the mode.
 */

const [, , directory = '', mode = 'barrier'] = process.argv;
const COMMIT_EVERY_MS = 5;
/** More often than the agent looks, so that check-points fall into the measurement. */
const MAINTAIN_EVERY_MS = 1000;
const NANOSECONDS = 1_000_000;

interface Writer {
  /** Starts one commit; returns when the event loop is free again. @returns when it is durable. */
  commit(): Promise<void>;
  close(): Promise<void>;
}

/** How long the main thread was ready to run and others had the processor, so far (proc(5), schedstat). */
function waitedForProcessor(): number {
  return Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[1]) / NANOSECONDS;
}

const entry = {
  actorId: null,
  action: 'model.registered',
  subject: 'model:bench-v1',
  data: { from: 'created', to: 'registered', content_id: `urn:modelops:content:sha256:${'0'.repeat(64)}` },
};

async function openBarrier(path: string): Promise<Writer> {
  const database = Database.open(path);
  await database.migrate();
  const journal = new Journal(database, systemClock);
  const backups = join(directory, 'backups');
  await mkdir(backups, { recursive: true });
  const log = createLogger({ level: 'warn' });
  const maintenance = new DatabaseMaintenance(database, backups, systemClock, log);
  maintenance.start(MAINTAIN_EVERY_MS);
  return {
    commit: () => database.transact((unit) => void journal.append(unit, entry)),
    close: async () => {
      await maintenance.stop();
      await database.close();
    },
  };
}

/** SQLite's own way to the same promise: each commit waits for the disk before it returns. */
function openFull(path: string): Writer {
  const sqlite = new BetterSqlite3(path);
  sqlite.pragma('journal_mode = WAL');
  sqlite.pragma('synchronous = FULL');
  sqlite.exec('CREATE TABLE journal (seq INTEGER PRIMARY KEY, entry TEXT NOT NULL) STRICT');
  const insert = sqlite.prepare('INSERT INTO journal (entry) VALUES (?)');
  const text = JSON.stringify(entry);
  return {
    commit: async () => void sqlite.transaction(() => insert.run(text)).immediate(),
    close: async () => void sqlite.close(),
  };
}

function openNone(): Writer {
  return { commit: async () => undefined, close: async () => undefined };
}

async function openWriter(chosen: CommitMode): Promise<Writer> {
  const path = join(directory, `${chosen}.db`);
  if (chosen === 'barrier') return openBarrier(path);
  return chosen === 'full' ? openFull(path) : openNone();
}

const stop = new AbortController();
process.on('message', () => stop.abort());
process.on('disconnect', () => process.exit());

const writer = await openWriter(mode as CommitMode);
const calls: number[] = [];
const own: number[] = [];
const durable: number[] = [];
const pending = new Set<Promise<void>>();
const monitor = monitorEventLoopDelay({ resolution: 1 });
process.send?.('ready');
monitor.enable();
while (!stop.signal.aborted) {
  const waitedBefore = waitedForProcessor();
  const from = performance.now();
  const commit = writer.commit();
  const call = performance.now() - from;
  calls.push(call);
  own.push(call - (waitedForProcessor() - waitedBefore));
  const settled = commit.then(() => {
    durable.push(performance.now() - from);
    pending.delete(settled);
  });
  pending.add(settled);
  await delay(COMMIT_EVERY_MS);
}
monitor.disable();
await Promise.all(pending);
await writer.close();
const result: CommitResult = {
  commits: calls.length,
  callP50: percentile(calls, 0.5),
  callP99: percentile(calls, 0.99),
  callMax: percentile(calls, 1),
  ownMax: percentile(own, 1),
  durableP50: percentile(durable, 0.5),
  durableP99: percentile(durable, 0.99),
  loopMax: monitor.max / NANOSECONDS,
};
process.send?.(result);
