import { TOPICS, type Topic } from '../../shared/contract/index.ts';
import { AppError } from '../../shared/contract/index.ts';
import { roleCovers } from '../../shared/lifecycle/index.ts';
import type { Caller } from '../../server/context.ts';
import type { DurableEvent, EventSource } from '../../server/event-stream.ts';
import { maySee, type Credentials, type Visibility } from '../access/index.ts';
import type { ModelStore } from '../catalog/index.ts';
import { toIso } from '../kernel/clock.ts';
import type { EventHub } from '../kernel/event-hub.ts';
import type { Journal, JournalRecord } from '../kernel/journal.ts';

/** What each topic asks of the reader. Slots, jobs and logs are an administrator's view. */
const TOPIC_ROLE: Record<Topic, 'user' | 'admin' | 'superadmin'> = {
  journal: 'user',
  system: 'user',
  jobs: 'admin',
  slots: 'admin',
  telemetry: 'admin',
  logs: 'superadmin',
};

/** @throws {AppError} `invalid_argument` for a topic that does not exist. */
export function parseTopics(text: string | undefined): Set<Topic> {
  // Logs are a flood, and telemetry makes the agent sample; both come only when asked for.
  if (text === undefined || text === '')
    return new Set(TOPICS.filter((topic) => topic !== 'logs' && topic !== 'telemetry'));
  const names = text.split(',');
  const unknown = names.filter((name) => !(TOPICS as readonly string[]).includes(name));
  if (unknown.length > 0)
    throw new AppError('invalid_argument', `There is no topic ${unknown.join(', ')}.`, {
      details: { fields: ['topics'], allowed: [...TOPICS] },
    });
  return new Set(names as Topic[]);
}

interface Readers {
  readonly models: ModelStore;
  readonly visibility: Visibility;
  readonly credentials: Credentials;
}

/**
 * Whether a caller may read a journal row: superadmins all; others what is about models, families and credentials they
 * see, and the profile; administrators also what is about the node. Of a model that is deleted, administrators read on.
 */
export function mayRead(
  caller: Caller,
  { subject }: Pick<JournalRecord, 'subject'>,
  { models, visibility, credentials }: Readers,
): boolean {
  if (caller.role === 'superadmin' || subject === 'profile:runtime') return true;
  const isAdmin = roleCovers(caller.role, 'admin');
  const [, kind, id = ''] = /^(model|family|credential):(.*)$/s.exec(subject ?? '') ?? [];
  if (kind === 'model') {
    const row = models.find(id);
    return row === undefined ? isAdmin : visibility.seesThrough(caller, row) !== null;
  }
  if (kind === 'family') return models.seesFamily(caller, id);
  if (kind === 'credential') {
    const row = credentials.summary(id);
    return row !== null && maySee(row, caller);
  }
  return isAdmin;
}

/** The events of the node for one caller. */
export function eventSourceFor(
  caller: Caller,
  topics: ReadonlySet<Topic>,
  deps: Readers & { journal: Journal; hub: EventHub },
): EventSource {
  const { journal, hub } = deps;
  const wanted = new Set([...topics].filter((topic) => roleCovers(caller.role, TOPIC_ROLE[topic])));
  const durable = (record: JournalRecord): DurableEvent => ({
    seq: record.seq,
    name: 'journal',
    data: {
      seq: record.seq,
      at: toIso(record.at),
      actor_id: record.actor_id,
      action: record.action,
      subject: record.subject,
    },
  });
  const readable = (record: JournalRecord): boolean => wanted.has('journal') && mayRead(caller, record, deps);
  return {
    get headSeq() {
      return journal.headSeq;
    },
    after(seq, limit) {
      const records = journal.after(seq, limit).filter((record) => record.seq <= journal.headSeq);
      return {
        events: records.filter(readable).map(durable),
        scannedTo: records.at(-1)?.seq ?? journal.headSeq,
      };
    },
    listen(onDurable, onTransient) {
      return hub.listen(
        (event) => {
          if (wanted.has(event.topic)) onTransient(event.name, event.data);
        },
        (record) => {
          if (readable(record)) onDurable(durable(record));
        },
        wanted,
      );
    },
  };
}
