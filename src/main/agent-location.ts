import { readFile } from 'node:fs/promises';
import { readAgentFile, sharedFiles, type AgentFile } from '../agent/kernel/agent-file.ts';
import { ENDPOINTS } from '../shared/contract/index.ts';
import type { Sighting } from './supervisor-rules.ts';

/** Who answers for a data directory, looked at now. */

const ANSWER_MS = 2000;

/** What `agent.json` says, and whether it is still true. */
export async function lookForAgent(dataDir: string): Promise<Sighting> {
  const agent = await readAgentFile(sharedFiles(dataDir));
  // Without its process the file is left over, and whoever listens at that address now must not see our key.
  if (agent === null || !(await isAlive(agent.pid))) return { saw: 'nobody' };
  const health = await askHealth(agent.url);
  return health === 'ok' ? { saw: 'agent', agent } : { saw: 'silence', pid: agent.pid };
}

export type Presence = 'answers' | 'silent' | 'gone';

/** How an agent is that answered before. */
export async function presenceOf(agent: AgentFile): Promise<Presence> {
  if ((await askHealth(agent.url)) === 'ok') return 'answers';
  return (await isAlive(agent.pid)) ? 'silent' : 'gone';
}

/** How an agent that is gone went: a clean stop takes `agent.json` away, another agent writes its own. */
export async function howItEnded(
  dataDir: string,
  agent: AgentFile,
): Promise<'stopped' | 'crashed' | 'replaced'> {
  const left = await readAgentFile(sharedFiles(dataDir));
  if (left === null) return 'stopped';
  return left.pid === agent.pid && left.started_at === agent.started_at ? 'crashed' : 'replaced';
}

async function askHealth(url: string): Promise<'ok' | 'other'> {
  try {
    const answer = await fetch(new URL(ENDPOINTS.getHealth.path, url), {
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const body: unknown = await answer.json();
    return answer.ok && (body as { status?: unknown } | null)?.status === 'ok' ? 'ok' : 'other';
  } catch {
    // Nobody listens, or nobody who speaks our protocol: the same for us.
    return 'other';
  }
}

async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // It may belong to somebody else, and then it is there all the same.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  if (process.platform !== 'linux') return true;
  // One that ended in a container whose first process buries nobody still has its number.
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return !/\) [ZX] /.test(stat);
}
