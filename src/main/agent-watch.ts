import {
  ENDPOINTS,
  endpointUrl,
  SseParser,
  type EventData,
  type Job,
  type Slot,
} from '../shared/contract/index.ts';
import type { AgentConnection } from './agent-connection.ts';

/** What the tray and the question at quitting need to know, as the agent tells it. */
export interface AgentFacts {
  readonly slots: readonly Slot[];
  /** Those that run or wait. */
  readonly jobs: readonly Job[];
  readonly profile: 'online' | 'offline';
}

const TOPICS = 'journal,slots,jobs,system';

/**
 * Reads the agent's events and tells the facts after each that changes them. Resolves when the stream ends, which is
 * also how the end of an agent is noticed.
 * @throws {AppError} when the agent refuses; other errors when the connection breaks.
 */
export async function watchAgent(
  connection: AgentConnection,
  onFacts: (facts: AgentFacts) => void,
  signal: AbortSignal,
): Promise<void> {
  const path = endpointUrl(ENDPOINTS.streamEvents, { query: { topics: TOPICS } });
  const response = await fetch(new URL(path, connection.agent.url), {
    headers: { authorization: `Bearer ${connection.token}`, accept: 'text/event-stream' },
    signal,
  });
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    // The ordinary client puts the refusal in the words of the error table.
    await connection.call(ENDPOINTS.getSession, {}, { signal });
    return;
  }
  let facts = await readFacts(connection, signal);
  onFacts(facts);
  const decoder = new TextDecoder();
  const parser = new SseParser();
  for await (const chunk of response.body) {
    for (const event of parser.push(decoder.decode(chunk, { stream: true }))) {
      const changed = await afterEvent(facts, event.name, JSON.parse(event.data), connection, signal);
      if (changed === facts) continue;
      facts = changed;
      onFacts(facts);
    }
  }
}

async function readFacts({ call }: AgentConnection, signal: AbortSignal): Promise<AgentFacts> {
  const [{ slots }, { jobs }, { profile }] = await Promise.all([
    call(ENDPOINTS.listSlots, { query: { limit: 200 } }, { signal }),
    call(ENDPOINTS.listJobs, { query: { state: 'queued,running', limit: 200 } }, { signal }),
    call(ENDPOINTS.getProfile, {}, { signal }),
  ]);
  return { slots, jobs, profile };
}

async function afterEvent(
  facts: AgentFacts,
  name: string,
  data: unknown,
  connection: AgentConnection,
  signal: AbortSignal,
): Promise<AgentFacts> {
  switch (name) {
    case 'slot':
      return withSlot(facts, (data as EventData<'slot'>).slot);
    case 'job':
      return withJob(facts, (data as EventData<'job'>).job);
    case 'profile':
      return { ...facts, profile: (data as EventData<'profile'>).profile };
    case 'journal':
      // A slot that was deleted has no event of its own.
      return (data as EventData<'journal'>).action === 'slot.deleted' ? readFacts(connection, signal) : facts;
    case 'stream.reset':
      return readFacts(connection, signal);
    default:
      return facts;
  }
}

/** Pure. */
export function withSlot(facts: AgentFacts, slot: Slot): AgentFacts {
  const isKnown = facts.slots.some(({ id }) => id === slot.id);
  const slots = isKnown
    ? facts.slots.map((known) => (known.id === slot.id ? slot : known))
    : [...facts.slots, slot];
  return { ...facts, slots };
}

/** Pure. */
export function withJob(facts: AgentFacts, job: Job): AgentFacts {
  const others = facts.jobs.filter(({ id }) => id !== job.id);
  const isOpen = job.state === 'queued' || job.state === 'running';
  if (!isOpen) return others.length === facts.jobs.length ? facts : { ...facts, jobs: others };
  const isKnown = others.length < facts.jobs.length;
  const jobs = isKnown
    ? facts.jobs.map((known) => (known.id === job.id ? job : known))
    : [...facts.jobs, job];
  return { ...facts, jobs };
}
