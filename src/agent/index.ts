import { rm } from 'node:fs/promises';
import { AppError } from '../shared/contract/index.ts';
import { assertNodeVersion } from './kernel/node-version.ts';
import { systemClock } from './kernel/clock.ts';
import type { AgentConfig } from './kernel/config.ts';
import {
  dataDirPaths,
  inspectDatabase,
  lockDataDir,
  prepareDataDir,
  writeAgentFile,
  type DataDir,
  type DataDirLock,
} from './kernel/data-dir.ts';
import { Database } from './kernel/database/database.ts';
import { backupName, INLINE_CHECK_BYTES, runDatabaseTask } from './kernel/database/maintenance.ts';
import { SCHEMA_VERSION } from './kernel/database/migrations/index.ts';
import { toIso } from './kernel/clock.ts';
import { createLogger, type Logger } from './kernel/logger.ts';
import { compose, type Agent } from './composition.ts';
import type { AgentOverrides } from './composition/foundation.ts';
import { VERSION } from './system/index.ts';
import { join } from 'node:path';

assertNodeVersion();

export type { AgentOverrides } from './composition/foundation.ts';

export interface RunningAgent extends AsyncDisposable {
  readonly url: string;
  readonly dataDir: string;
  readonly tokenFile: string;
  /** Resolves when the agent has stopped, whoever asked for it, with the slots whose containers still run. */
  readonly stopped: Promise<{ stillRunning: readonly string[] }>;
  stop(): Promise<void>;
}

const ACTIVE_REQUESTS_MS = 3000;
const EMPTY_SLOTS_MS = 60_000;

/**
 * Starts the agent: takes the data directory, brings the database up to date, listens.
 * @throws {AppError} `data_dir_locked`, `schema_too_new`, `database_corrupt`, `data_dir_unusable`; nothing is left open.
 */
export async function startAgent(
  config: AgentConfig,
  overrides: AgentOverrides = {},
  logger?: Logger,
): Promise<RunningAgent> {
  const clock = overrides.clock ?? systemClock;
  const startedAt = clock.now();
  const log = logger ?? createLogger({ level: config.logLevel });
  const paths = dataDirPaths(config.dataDir);
  await prepareDataDir(paths);
  const lock = await lockDataDir(paths);
  let database: Database | null = null;
  try {
    const opened = await openDatabase(paths, log);
    database = opened.database;
    const stop = Promise.withResolvers<'keep' | 'stop'>();
    const agent = await compose({
      config,
      paths,
      database,
      clock,
      log,
      overrides,
      startedAt,
      onStopRequested: (slots) => stop.resolve(slots),
    });
    // Before anybody can call: what expired while the agent was down must not answer.
    await agent.renewals.expire();
    await listen(agent.app, config);
    await writeAgentFile(paths, {
      url: agent.url(),
      pid: process.pid,
      version: VERSION,
      started_at: toIso(startedAt),
    });
    const { settled } = await run(agent, database, opened.checkLater, log);
    // Nobody waits for it here; a list that comes early does, and says what went wrong.
    agent.modelIndex.build().catch(() => undefined);
    const stopped = stop.promise.then((slots) =>
      shutDown({ agent, database: opened.database, settled, lock, paths, log, slots }),
    );
    return {
      url: agent.url(),
      dataDir: paths.root,
      tokenFile: paths.adminToken,
      stopped,
      stop: async () => {
        stop.resolve('keep');
        await stopped;
      },
      [Symbol.asyncDispose]: async () => {
        stop.resolve('keep');
        await stopped;
      },
    };
  } catch (error) {
    await database?.close();
    lock.release();
    throw error;
  }
}

const LISTEN_PROBLEMS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is taken by another program',
  EACCES: 'may not be used by this user',
  EADDRNOTAVAIL: 'is not an address of this machine',
};

/** @throws {AppError} `invalid_argument` when the address cannot be had. */
async function listen(app: Agent['app'], { host, port }: AgentConfig): Promise<void> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const problem = LISTEN_PROBLEMS[code ?? ''];
    if (problem === undefined) throw error;
    throw new AppError('invalid_argument', `${host} port ${port} ${problem}.`, {
      hint: 'Choose another with --host and --port (0 picks a free port), or stop that program.',
      details: { fields: ['host', 'port'], code },
      cause: error,
    });
  }
}

async function openDatabase(
  paths: DataDir,
  log: Logger,
): Promise<{ database: Database; checkLater: boolean }> {
  const { version, sizeBytes } = await inspectDatabase(paths);
  if (version > 0 && version < SCHEMA_VERSION) {
    const target = join(paths.backups, backupName(Date.now(), `schema${version}`));
    await runDatabaseTask({ kind: 'backup', path: paths.database, target });
    log.info({ target, from: version, to: SCHEMA_VERSION }, 'backed up before the migration');
  }
  const database = Database.open(paths.database, (message) =>
    log.fatal({ problem: message }, 'the database is damaged; nothing is written any more'),
  );
  try {
    const checkLater = sizeBytes > INLINE_CHECK_BYTES;
    if (!checkLater && version > 0) database.quickCheck();
    await database.migrate();
    return { database, checkLater };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/**
 * Lets everything work that was built. The agent answers already.
 * @returns what goes on in the background after the start; a stop waits for it, or it would start what was just ended.
 */
async function run(
  agent: Agent,
  database: Database,
  checkLater: boolean,
  log: Logger,
): Promise<{ settled: Promise<void> }> {
  const { jobs, blobs, slots, keyring, maintenance, specs, journal, identity } = agent;
  await database.transact((unit) => {
    journal.append(unit, {
      actorId: null,
      action: 'agent.started',
      subject: `node:${identity.nodeId}`,
      data: { version: VERSION },
    });
  });
  const importsPending = [...jobs.store.inState('queued'), ...jobs.store.inState('running')].some(
    (job) => job.kind === 'import',
  );
  slots.start(agent.stopping.signal);
  agent.metrics.start();
  agent.gpus.start();
  agent.renewals.start();
  keyring.start();
  maintenance.start();
  const { signal } = agent.stopping;
  const later = async (): Promise<void> => {
    await blobs.sweep(!importsPending);
    if (signal.aborted) return;
    await jobs.start();
    await specs.watch();
    if (checkLater && !signal.aborted) await maintenance.check();
  };
  return {
    settled: later().catch((error: unknown) =>
      log.error({ err: error }, 'something that follows the start failed'),
    ),
  };
}

async function shutDown(parts: {
  agent: Agent;
  database: Database;
  settled: Promise<void>;
  lock: DataDirLock;
  paths: DataDir;
  log: Logger;
  slots: 'keep' | 'stop';
}): Promise<{ stillRunning: readonly string[] }> {
  const { agent, database, lock, paths, log } = parts;
  const { slots, journal, identity } = agent;
  if (parts.slots === 'stop') await slots.emptyAll(AbortSignal.timeout(EMPTY_SLOTS_MS));
  const stillRunning = slots.stillRunning();
  agent.stopping.abort();
  agent.terminals.close();
  const force = setTimeout(() => agent.app.server.closeAllConnections(), ACTIVE_REQUESTS_MS);
  await agent.app.close();
  clearTimeout(force);
  await parts.settled;
  await agent.jobs.stop();
  await agent.renewals.stop();
  agent.metrics.close();
  await agent.gpus.stop();
  await slots.close();
  await Promise.all([...agent.drivers.values()].map((driver) => driver.close()));
  await agent.specs.close();
  await agent.egress.close();
  agent.keyring.stop();
  if (database.state !== 'corrupt') {
    agent.usage.flush();
    await database.transact((unit) => {
      journal.append(unit, {
        actorId: null,
        action: 'agent.stopped',
        subject: `node:${identity.nodeId}`,
        data: { still_running: stillRunning.length },
      });
    });
    journal.signHead();
  }
  await agent.maintenance.stop();
  await database.close();
  await rm(paths.agentFile, { force: true });
  lock.release();
  log.info({ still_running: stillRunning }, 'stopped');
  return { stillRunning };
}
