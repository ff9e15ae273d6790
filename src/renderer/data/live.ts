import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
import {
  ENDPOINTS,
  type EventData,
  type Job,
  type JournalEvent,
  type Slot,
  type Topic,
} from '../../shared/contract/index.ts';
import { roleCovers } from '../../shared/lifecycle/states.ts';
import { asAppError, call, keyStore } from './api.ts';
import { connectionStore } from './connection.ts';
import { beforeNextPaint } from './frame.ts';
import { queries } from './queries.ts';
import { endSession, sessionStore } from './session.ts';
import { AppError } from '../../shared/contract/errors.ts';
import type { KeeperMessage, StreamEvent, StreamState } from './stream/protocol.ts';
import type { StreamLink } from './stream/link.ts';

/**
 * What happens, as the agent tells it: slots and jobs as whole resources by id, everything else as "read it again".
 * Events of one frame are taken together, so a busy agent never makes a page paint twice between two frames.
 */
export interface Live {
  readonly slots: Readonly<Record<string, Slot>>;
  /** Null until they were read once. */
  readonly slotsAt: number | null;
  readonly jobs: Readonly<Record<string, Job>>;
  readonly jobsAt: number | null;
  /** Why they could not be read. */
  readonly error: AppError | null;
}

const NONE: Live = { slots: {}, slotsAt: null, jobs: {}, jobsAt: null, error: null };

export const liveStore = createStore<Live>(() => NONE);

const BASE_TOPICS: readonly Topic[] = ['journal', 'jobs', 'slots', 'system'];
/** Jobs kept in memory; older ones are read when somebody asks for them. */
const KEPT_JOBS = 200;

type LogLines = EventData<'log'>;
type LogListener = (lines: LogLines) => void;
/** What is only sampled and told while somebody looks at it. */
export type TelemetryEvent =
  | { readonly name: 'gpus'; readonly data: EventData<'gpus'> }
  | { readonly name: 'slot_metrics'; readonly data: EventData<'slot_metrics'> };
type TelemetryListener = (event: TelemetryEvent) => void;
type JournalListener = (events: readonly JournalEvent[]) => void;
type JobListener = (job: Job, before: Job | undefined) => void;

class LiveFeed {
  #link: StreamLink | null = null;
  #queue: StreamEvent[] = [];
  #scheduled = false;
  readonly #logListeners = new Map<string, Set<LogListener>>();
  readonly #telemetryListeners = new Set<TelemetryListener>();
  readonly #journalListeners = new Set<JournalListener>();
  readonly #jobListeners = new Set<JobListener>();
  /** When an event about a resource came; an answer that was asked for earlier is older. */
  readonly #heard = new Map<string, number>();

  start(link: StreamLink): void {
    this.#link = link;
    link.listen((message) => this.#receive(message));
    sessionStore.subscribe((session, before) => {
      if (session.state === 'signed-in' && before.state !== 'signed-in') this.#attach();
      if (session.state === 'signed-out' && before.state === 'signed-in') this.#reset();
    });
    if (sessionStore.getState().state === 'signed-in') this.#attach();
  }

  /** Lines of a slot's log while somebody reads along. */
  followLogs(slotId: string, listener: LogListener): () => void {
    const listeners = this.#logListeners.get(slotId) ?? new Set();
    this.#logListeners.set(slotId, listeners.add(listener));
    this.#attach();
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#logListeners.delete(slotId);
      this.#attach();
    };
  }

  /** Figures of GPUs and engines while somebody looks at them: the agent samples faster for it. */
  followTelemetry(listener: TelemetryListener): () => void {
    this.#telemetryListeners.add(listener);
    // Only the first and the last change the topics; attaching reads slots and jobs again.
    if (this.#telemetryListeners.size === 1) this.#attach();
    return () => {
      this.#telemetryListeners.delete(listener);
      if (this.#telemetryListeners.size === 0) this.#attach();
    };
  }

  onJournal(listener: JournalListener): () => void {
    this.#journalListeners.add(listener);
    return () => this.#journalListeners.delete(listener);
  }

  onJob(listener: JobListener): () => void {
    this.#jobListeners.add(listener);
    return () => this.#jobListeners.delete(listener);
  }

  retry(): void {
    this.#link?.retry();
  }

  signOut(token: string): void {
    this.#link?.signOut(token);
  }

  /** Takes a slot that came as the answer to a change. */
  putSlot(slot: Slot): void {
    liveStore.setState(({ slots }) => ({ slots: { ...slots, [slot.id]: slot } }));
    this.#heard.set(`slot:${slot.id}`, performance.now());
  }

  putJob(job: Job): void {
    this.#applyJobs([job]);
  }

  #attach(): void {
    if (sessionStore.getState().state !== 'signed-in') return;
    const topics: Topic[] = [...BASE_TOPICS];
    if (this.#telemetryListeners.size > 0) topics.push('telemetry');
    if (this.#logListeners.size > 0) topics.push('logs');
    this.#link?.attach(keyStore.getState().token, topics);
  }

  #reset(): void {
    this.#queue = [];
    this.#heard.clear();
    liveStore.setState(NONE, true);
    connectionStore.setState({ lostAt: null, open: false, heardAt: null, version: null, firstVersion: null });
    queries.clear();
  }

  #receive(message: KeeperMessage): void {
    if (message.type === 'session') return;
    connectionStore.setState({ heardAt: message.heardAt });
    if (message.type === 'state') this.#stateChanged(message.state);
    else {
      this.#queue.push(...message.events);
      this.#schedule();
    }
  }

  #stateChanged(state: StreamState): void {
    if (state.status === 'refused') {
      if (sessionStore.getState().state !== 'signed-in') return;
      endSession(
        state.message === '' ? null : new AppError('unauthenticated', state.message, { hint: state.hint }),
      );
      return;
    }
    if (state.status === 'connecting') {
      connectionStore.setState({ open: false, lostAt: state.lostAt });
      return;
    }
    connectionStore.setState(({ firstVersion }) => ({
      open: true,
      lostAt: null,
      version: state.version,
      firstVersion: firstVersion ?? state.version,
    }));
    void this.#readAll();
    // Durable events that were missed follow by themselves; what stands in no journal is read again.
    queries.invalidate(new Set(state.resumed ? ['system', 'profile:runtime', 'slot:*'] : ['*']));
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    beforeNextPaint(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const events = this.#queue;
    this.#queue = [];
    const subjects = new Set<string>();
    const journal: JournalEvent[] = [];
    const jobs: Job[] = [];
    const slots = new Map<string, Slot>();
    for (const { name, data } of events) {
      if (name === 'journal') {
        const event = data as JournalEvent;
        journal.push(event);
        if (event.subject !== null) subjects.add(event.subject);
        if (event.action === 'slot.deleted' && event.subject !== null) this.#forgetSlot(event.subject);
      } else if (name === 'job') jobs.push((data as EventData<'job'>).job);
      else if (name === 'slot') {
        const { slot } = data as EventData<'slot'>;
        slots.set(slot.id, slot);
      } else if (name === 'gpus' || name === 'slot_metrics')
        this.#tellTelemetry({ name, data } as TelemetryEvent);
      else if (name === 'log') this.#tellLog(data as LogLines);
      else if (name === 'profile') subjects.add('profile:runtime');
      else if (name === 'stream.reset') {
        subjects.add('*');
        void this.#readAll();
      }
    }
    this.#applySlots(slots, subjects);
    this.#applyJobs(jobs, subjects);
    if (subjects.size > 0) queries.invalidate(subjects);
    if (journal.length > 0) for (const listener of this.#journalListeners) listener(journal);
    for (const id of slotsToRead(journal, slots)) void this.#readSlot(id);
  }

  #applySlots(changed: ReadonlyMap<string, Slot>, subjects: Set<string>): void {
    if (changed.size === 0) return;
    const { slots: before } = liveStore.getState();
    for (const slot of changed.values()) {
      this.#heard.set(`slot:${slot.id}`, performance.now());
      const old = before[slot.id];
      if (old === undefined || servesOtherwise(old, slot)) {
        for (const id of [slot.assigned_model_id, slot.loaded_managed_model_id, old?.loaded_managed_model_id])
          if (id != null) subjects.add(`model:${id}`);
        subjects.add(`slot:${slot.id}`);
      }
    }
    liveStore.setState({ slots: { ...before, ...Object.fromEntries(changed) } });
  }

  #applyJobs(changed: readonly Job[], subjects?: Set<string>): void {
    if (changed.length === 0) return;
    const { jobs: before } = liveStore.getState();
    const jobs = { ...before };
    const told: [Job, Job | undefined][] = [];
    for (const job of changed) {
      const old = jobs[job.id];
      if (old !== undefined && hasEnded(old) && !hasEnded(job)) continue;
      this.#heard.set(`job:${job.id}`, performance.now());
      jobs[job.id] = job;
      told.push([job, old]);
      if (old === undefined || old.state !== job.state) {
        subjects?.add(`job:${job.id}`);
        if (job.subject !== null) subjects?.add(job.subject);
      }
    }
    liveStore.setState({ jobs: trimmed(jobs) });
    for (const [job, old] of told) for (const listener of this.#jobListeners) listener(job, old);
  }

  async #readSlot(id: string): Promise<void> {
    try {
      const { slot } = await call(ENDPOINTS.getSlot, { params: { id } });
      this.putSlot(slot);
    } catch (error) {
      // Gone again meanwhile, or the agent went away: then everything is read again anyway.
      if (!(error instanceof AppError)) throw error;
    }
  }

  #forgetSlot(subject: string): void {
    const id = subject.slice('slot:'.length);
    liveStore.setState(({ slots: { [id]: _gone, ...slots } }) => ({ slots }));
  }

  #tellLog(lines: LogLines): void {
    for (const listener of this.#logListeners.get(lines.slot_id) ?? []) listener(lines);
  }

  #tellTelemetry(event: TelemetryEvent): void {
    for (const listener of this.#telemetryListeners) listener(event);
  }

  /** Slots and jobs as they are now. What an event told after the question was asked stays. */
  async #readAll(): Promise<void> {
    const session = sessionStore.getState();
    if (session.state !== 'signed-in' || !roleCovers(session.key.role, 'admin')) return;
    const askedAt = performance.now();
    const isOlder = (key: string): boolean => (this.#heard.get(key) ?? -1) > askedAt;
    try {
      const [{ slots }, { jobs }] = await Promise.all([
        call(ENDPOINTS.listSlots, { query: { limit: 200 } }),
        call(ENDPOINTS.listJobs, { query: { limit: 100 } }),
      ]);
      liveStore.setState((live) => ({
        slots: Object.fromEntries(
          slots.map((slot) => [slot.id, (isOlder(`slot:${slot.id}`) && live.slots[slot.id]) || slot]),
        ),
        jobs: {
          ...live.jobs,
          ...Object.fromEntries(jobs.filter((job) => !isOlder(`job:${job.id}`)).map((job) => [job.id, job])),
        },
        slotsAt: Date.now(),
        jobsAt: Date.now(),
        error: null,
      }));
    } catch (error) {
      liveStore.setState({ error: asAppError(error) });
    }
  }
}

/** Slots that somebody made or set otherwise: that stands in the journal only. Pure. */
function slotsToRead(journal: readonly JournalEvent[], told: ReadonlyMap<string, Slot>): Set<string> {
  const ids = new Set<string>();
  for (const { action, subject } of journal) {
    const id = subject?.startsWith('slot:') === true ? subject.slice('slot:'.length) : null;
    if (id === null) continue;
    if (action === 'slot.deleted') ids.delete(id);
    else if ((action === 'slot.created' || action === 'slot.changed') && !told.has(id)) ids.add(id);
  }
  return ids;
}

/** Whether a model's answerability may have changed with the slot. Heartbeats do not. Pure. */
function servesOtherwise(before: Slot, after: Slot): boolean {
  return (
    before.load_state !== after.load_state ||
    before.assigned_model_id !== after.assigned_model_id ||
    before.loaded_managed_model_id !== after.loaded_managed_model_id ||
    before.runtime_identity !== after.runtime_identity
  );
}

export function hasEnded(job: Pick<Job, 'state'>): boolean {
  return job.state === 'succeeded' || job.state === 'failed' || job.state === 'cancelled';
}

function trimmed(jobs: Record<string, Job>): Record<string, Job> {
  const all = Object.values(jobs);
  if (all.length <= KEPT_JOBS) return jobs;
  const newest = all.toSorted((a, b) => b.created_at.localeCompare(a.created_at)).slice(0, KEPT_JOBS);
  return Object.fromEntries(newest.map((job) => [job.id, job]));
}

export const liveFeed = new LiveFeed();

/** Slots by id, sorted; null until they were read. */
export function useSlots(): readonly Slot[] | null {
  const slots = useStore(liveStore, (live) => live.slots);
  const at = useStore(liveStore, (live) => live.slotsAt);
  return at === null ? null : Object.values(slots).toSorted((a, b) => a.id.localeCompare(b.id));
}

export function useSlot(id: string): Slot | undefined {
  return useStore(liveStore, (live) => live.slots[id]);
}

/** Jobs, newest first; null until they were read. */
export function useJobs(): readonly Job[] | null {
  const jobs = useStore(liveStore, (live) => live.jobs);
  const at = useStore(liveStore, (live) => live.jobsAt);
  return at === null
    ? null
    : Object.values(jobs).toSorted((a, b) => b.created_at.localeCompare(a.created_at));
}

export function useJob(id: string | null): Job | undefined {
  return useStore(liveStore, (live) => (id === null ? undefined : live.jobs[id]));
}
