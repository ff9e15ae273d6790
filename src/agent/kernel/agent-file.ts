import { open, readFile } from 'node:fs/promises';
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

/** Why an agent that was started in the background ended: its own refusal, in the shape of the API's errors. */
export interface LastWords {
  readonly error: string;
  readonly message: string;
  readonly hint?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

const TAIL_BYTES = 32 * 1024;

/**
 * What an agent said at last of why it ends. With `--json` its refusal is one line of JSON in its log.
 * @param start where the log ended before it was started, in bytes
 * @returns null when it said nothing of the kind
 */
export async function readLastWords(agentLog: string, start: number): Promise<LastWords | null> {
  const file = await open(agentLog, 'r');
  try {
    const { size } = await file.stat();
    const from = Math.max(start, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(Math.max(0, size - from)),
      0,
      size - from,
      from,
    );
    return lastWordsOf(buffer.toString('utf8', 0, bytesRead));
  } finally {
    await file.close();
  }
}

/** Pure. */
export function lastWordsOf(text: string): LastWords | null {
  for (const line of text.split('\n').toReversed()) {
    if (!line.startsWith('{"error":')) continue;
    try {
      const words = JSON.parse(line) as Partial<LastWords>;
      if (typeof words.error === 'string' && typeof words.message === 'string') return words as LastWords;
    } catch {
      // Cut off while it was written; an earlier line may tell.
    }
  }
  return null;
}
