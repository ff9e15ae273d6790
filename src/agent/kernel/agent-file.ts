import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/**
 * What programs beside the agent have to know about its data directory: the CLI, and the desktop, which can load
 * nothing that reaches the database.
 */

/** `agent.json`: how the CLI and the desktop find a running agent. */
export interface AgentFile {
  readonly url: string;
  readonly pid: number;
  readonly version: string;
  readonly started_at: string;
}

/** The files of a data directory that other programs read. */
export interface SharedFiles {
  readonly agentFile: string;
  readonly adminToken: string;
  readonly logs: string;
  /** Where an agent that somebody else started writes what it has to say. */
  readonly agentLog: string;
}

export function sharedFiles(root: string): SharedFiles {
  const logs = join(root, 'logs');
  return {
    agentFile: join(root, 'agent.json'),
    adminToken: join(root, 'admin-token'),
    logs,
    agentLog: join(logs, 'agent.log'),
  };
}

/** `$XDG_DATA_HOME/modelops-node` and its fellows on other systems. */
export function defaultDataDir(env: NodeJS.ProcessEnv, platform: NodeJS.Platform = process.platform): string {
  if (platform === 'win32')
    return join(env['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local'), 'ModelOps Node');
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'ModelOps Node');
  return join(env['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share'), 'modelops-node');
}

/** What was asked for, else `MODELOPS_DATA_DIR`, else the default; always absolute. */
export function resolveDataDir(option: string | undefined, env: NodeJS.ProcessEnv = process.env): string {
  const fromEnv = env['MODELOPS_DATA_DIR'];
  return resolve(option ?? (fromEnv === undefined || fromEnv === '' ? defaultDataDir(env) : fromEnv));
}

/** @returns null when there is none or it cannot be read as one. It may be left over from an agent that was killed. */
export async function readAgentFile({
  agentFile,
}: Pick<SharedFiles, 'agentFile'>): Promise<AgentFile | null> {
  try {
    const value = JSON.parse(await readFile(agentFile, 'utf8')) as Partial<AgentFile>;
    if (typeof value.url !== 'string' || typeof value.pid !== 'number') return null;
    return {
      url: value.url,
      pid: value.pid,
      version: value.version ?? '',
      started_at: value.started_at ?? '',
    };
  } catch {
    // Missing, or half a file of an older version: both mean that nobody told us where an agent is.
    return null;
  }
}
