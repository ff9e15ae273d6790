import { availableParallelism, cpus, freemem, loadavg, totalmem } from 'node:os';
import { statfs } from 'node:fs/promises';
import { toAppError, type System } from '../../shared/contract/index.ts';
import type { DockerEngine } from '../adapters/docker/index.ts';
import type { BlobStore } from '../artifacts/index.ts';
import { toIso, type Clock } from '../kernel/clock.ts';
import type { DataDir } from '../kernel/data-dir.ts';
import type { Database } from '../kernel/database/database.ts';
import type { DatabaseMaintenance } from '../kernel/database/maintenance.ts';
import type { NodeIdentity } from '../kernel/node-identity.ts';
import type { Secrets } from '../kernel/secrets.ts';
import { VERSION } from './version.ts';

export interface SystemDeps {
  readonly database: Database;
  readonly maintenance: DatabaseMaintenance;
  readonly secrets: Secrets;
  readonly identity: NodeIdentity;
  readonly paths: DataDir;
  readonly blobs: BlobStore;
  readonly docker: DockerEngine;
  readonly clock: Clock;
  readonly startedAt: number;
  readonly url: () => string;
  readonly insecure: boolean;
}

/** The machine, the agent and what it stands on, observed now. */
export async function systemInfo(deps: SystemDeps, signal: AbortSignal): Promise<System> {
  const { database, secrets, identity, paths, clock } = deps;
  const [disk, backups, docker, memory] = await Promise.all([
    statfs(paths.root),
    deps.maintenance.list(),
    dockerState(deps.docker, signal),
    availableMemory(),
  ]);
  const now = clock.now();
  const [processor] = cpus();
  return {
    node_id: identity.nodeId,
    node_name: identity.nodeName,
    version: VERSION,
    pid: process.pid,
    started_at: toIso(deps.startedAt),
    uptime_ms: Math.max(0, now - deps.startedAt),
    data_dir: paths.root,
    platform: `${process.platform} ${process.arch}`,
    cpu: {
      model: processor?.model.trim() ?? 'unknown',
      cores: availableParallelism(),
      load_percent:
        process.platform === 'win32'
          ? null
          : Math.min(100, Math.round(((loadavg()[0] ?? 0) / availableParallelism()) * 100)),
    },
    memory: { total_bytes: totalmem(), available_bytes: memory, agent_rss_bytes: process.memoryUsage.rss() },
    disk: {
      total_bytes: disk.blocks * disk.bsize,
      free_bytes: disk.bavail * disk.bsize,
      models_bytes: deps.blobs.totalBytes(),
    },
    database: {
      state: database.state,
      schema_version: database.schemaVersion,
      size_bytes: database.sizeBytes,
      last_backup_at: backups[0]?.created_at ?? null,
    },
    secrets: { state: secrets.state, wrapped_by: secrets.wrappedBy },
    docker,
    listening: { url: deps.url(), insecure: deps.insecure },
    observed_at: toIso(now),
  };
}

async function dockerState(docker: DockerEngine, signal: AbortSignal): Promise<System['docker']> {
  try {
    return { state: 'ok', version: (await docker.info(signal)).version, message: null };
  } catch (error) {
    return { state: 'unreachable', version: null, message: toAppError(error).message };
  }
}

/** What programs can still get; on Linux that is more than what is free. systeminformation knows it on every platform. */
async function availableMemory(): Promise<number> {
  const { mem } = await import('systeminformation');
  const { available } = await mem();
  return available > 0 ? available : freemem();
}
