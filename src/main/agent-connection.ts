import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { sharedFiles, type AgentFile } from '../agent/kernel/agent-file.ts';
import {
  AppError,
  createClient,
  ENDPOINTS,
  slugify,
  toAppError,
  type Call,
  type Key,
} from '../shared/contract/index.ts';
import type { AgentWarning } from '../shared/desktop/bridge.ts';
import { secretsKey, type Keychain } from './keychain.ts';

/** An agent that answers, and the key with which the desktop speaks to it. */
export interface AgentConnection {
  readonly agent: AgentFile;
  readonly token: string;
  readonly call: Call<AbortSignal>;
  readonly warnings: readonly AgentWarning[];
}

export interface ConnectDeps {
  readonly dataDir: string;
  readonly keychain: Keychain;
  readonly appVersion: string;
}

const CALL_MS = 20_000;

/**
 * Comes to a key for this agent and hands it the key of its secrets where it waits for that.
 * @throws {AppError} `agent_unreachable`; `permission_denied` when neither a key was kept nor the key file can be read.
 */
export async function connectToAgent(agent: AgentFile, deps: ConnectDeps): Promise<AgentConnection> {
  const token = await keyFor(agent, deps);
  const call = clientOf(agent.url, token);
  const warnings = [deps.keychain.warning, versionWarning(agent, deps), await unlock(call, deps.keychain)];
  return { agent, token, call, warnings: warnings.filter((warning) => warning !== null) };
}

/** Another key for the same agent, because it no longer takes the one that was used. */
export async function reconnect(connection: AgentConnection, deps: ConnectDeps): Promise<AgentConnection> {
  const token = await keyFor(connection.agent, deps);
  return { ...connection, token, call: clientOf(connection.agent.url, token) };
}

function clientOf(url: string, token: string): Call<AbortSignal> {
  return createClient<AbortSignal>({
    baseUrl: url,
    fetch: (target, init) => fetch(target, { ...init, signal: init.signal ?? AbortSignal.timeout(CALL_MS) }),
    token: () => token,
  });
}

function versionWarning({ version }: AgentFile, { appVersion }: ConnectDeps): AgentWarning | null {
  if (version === appVersion) return null;
  const message = `The agent is version ${version}, this app ${appVersion}. Stop the agent and start it again to use the same.`;
  return { code: 'other_version', message };
}

/** The key of the desktop for this node: the one that was kept, else a new one; without a keychain the node's own. */
async function keyFor(agent: AgentFile, { dataDir, keychain }: ConnectDeps): Promise<string> {
  if (!keychain.available) return adminToken(dataDir);
  // Nodes differ by their directory; the keychain is one.
  const name = `agent-key-${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}`;
  const kept = await keychain.read(name);
  if (kept.state === 'kept' && (await isTaken(agent.url, kept.text))) return kept.text;
  const made = await makeKey(clientOf(agent.url, await adminToken(dataDir)));
  await keychain.write(name, made);
  return made;
}

/** Whether the agent takes a key. */
async function isTaken(url: string, token: string): Promise<boolean> {
  try {
    await clientOf(url, token)(ENDPOINTS.getSession, {});
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'unauthenticated') return false;
    throw error;
  }
}

async function adminToken(dataDir: string): Promise<string> {
  const { adminToken: path } = sharedFiles(dataDir);
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (cause) {
    throw new AppError('permission_denied', `The key file ${path} cannot be read.`, {
      hint: 'Use the account that runs the agent.',
      cause,
    });
  }
}

/** A key that bears our name and is not in our keychain is lost to us: it is revoked, and a new one takes its place. */
async function makeKey(call: Call<AbortSignal>): Promise<string> {
  const body = { name: desktopKeyName(userInfo().username), role: 'superadmin', kind: 'desktop' } as const;
  try {
    return (await call(ENDPOINTS.createKey, { body })).token;
  } catch (error) {
    if (toAppError(error).code !== 'already_exists') throw error;
  }
  const lost = await findKey(call, body.name);
  if (lost !== null) await call(ENDPOINTS.revokeKey, { params: { id: lost.id } });
  return (await call(ENDPOINTS.createKey, { body })).token;
}

/** `desktop-<account>`, fit for a name. Pure. */
export function desktopKeyName(account: string): string {
  return slugify(`desktop-${account.replaceAll(/[\\/]/g, '-')}`);
}

async function findKey(call: Call<AbortSignal>, name: string): Promise<Key | null> {
  let cursor: string | null = null;
  do {
    const page: { keys: Key[]; next_cursor: string | null } = await call(ENDPOINTS.listKeys, {
      query: { limit: 200, ...(cursor === null ? {} : { cursor }) },
    });
    const found = page.keys.find(
      (key) => key.name === name && key.revoked_at === null && key.kind !== 'session',
    );
    if (found !== undefined) return found;
    cursor = page.next_cursor;
  } while (cursor !== null);
  return null;
}

/** @returns what stays wrong; null when the secrets are open. */
async function unlock(call: Call<AbortSignal>, keychain: Keychain): Promise<AgentWarning | null> {
  const { system } = await call(ENDPOINTS.getSystem, {});
  if (system.secrets.state === 'unlocked') return null;
  const locked = (why: string): AgentWarning => ({
    code: 'secrets_locked',
    message: `The secrets of this node are locked: ${why}.`,
  });
  if (system.secrets.wrapped_by === 'file')
    return locked('the key file beside the database does not open them');
  const key = await secretsKey(keychain);
  if (key === null) return locked('the keychain of this account does not give their key');
  try {
    await call(ENDPOINTS.unlockSecrets, { body: { key } });
    return null;
  } catch (error) {
    if (toAppError(error).code !== 'forbidden') throw error;
    return locked("the key in this account's keychain does not open them");
  }
}
