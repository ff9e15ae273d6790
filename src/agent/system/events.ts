import { TOPICS, type Topic } from '../../shared/contract/index.ts';
import { AppError } from '../../shared/contract/index.ts';
import { roleCovers } from '../../shared/lifecycle/index.ts';
import type { Caller } from '../../server/context.ts';
import type { DurableEvent, EventSource } from '../../server/event-stream.ts';
import type { Visibility } from '../access/index.ts';
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
  logs: 'superadmin',
};

/** @throws {AppError} `invalid_argument` for a topic that does not exist. */
export function parseTopics(text: string | undefined): Set<Topic> {
  // Logs are a flood; they come only when asked for.
  if (text === undefined || text === '') return new Set(TOPICS.filter((topic) => topic !== 'logs'));
  const names = text.split(',');
  const unknown = names.filter((name) => !(TOPICS as readonly string[]).includes(name));
  if (unknown.length > 0)
    throw new AppError('invalid_argument', `There is no topic ${unknown.join(', ')}.`, {
      details: { fields: ['topics'], allowed: [...TOPICS] },
    });
  return new Set(names as Topic[]);
}

/** Whether a caller may read a journal row: administrators all, others what is about models and families they see, and the
 * profile. */
export function mayRead(
  caller: Caller,
  record: Pick<JournalRecord, 'subject'>,
  { models, visibility }: { models: ModelStore; visibility: Visibility },
): boolean {
  if (roleCovers(caller.role, 'admin')) return true;
  if (record.subject?.startsWith('family:') === true)
    return models.seesFamily(caller, record.subject.slice('family:'.length));
  const id = record.subject?.startsWith('model:') === true ? record.subject.slice('model:'.length) : null;
  if (id === null) return record.subject === 'profile:runtime';
  const row = models.find(id);
  return row !== undefined && visibility.seesThrough(caller, row) !== null;
}

/** The events of the node for one caller. */
export function eventSourceFor(
  caller: Caller,
  topics: ReadonlySet<Topic>,
  deps: { journal: Journal; hub: EventHub; models: ModelStore; visibility: Visibility },
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
      );
    },
  };
}
