import { z } from 'zod';
import { GpusSchema, JobSchema, SlotMetricsSchema, SlotSchema } from './resources/index.ts';

/**
 * The event stream. Durable events are journal rows and carry the row's number as id, so that `Last-Event-ID`
 * resumes; transient ones carry no id and are only worth something now.
 */

export const TOPICS = ['journal', 'jobs', 'slots', 'system', 'telemetry', 'logs'] as const;
export type Topic = (typeof TOPICS)[number];

/** What was done to what. `subject` is `<kind>:<id>`, so a client knows what to read again. */
export const JournalEventSchema = z.object({
  seq: z.int(),
  at: z.iso.datetime(),
  actor_id: z.string().nullable(),
  action: z.string(),
  subject: z.string().nullable(),
});
export type JournalEvent = z.infer<typeof JournalEventSchema>;

export const EVENTS = {
  journal: JournalEventSchema,
  job: z.object({ job: JobSchema }),
  slot: z.object({ slot: SlotSchema }),
  log: z.object({
    slot_id: z.string(),
    attempt: z.int(),
    lines: z.array(z.object({ line: z.int(), stream: z.string(), text: z.string() })),
  }),
  /** Both only while somebody listens to `telemetry`. */
  gpus: GpusSchema,
  slot_metrics: z.object({ slot_id: z.string(), metrics: SlotMetricsSchema }),
  profile: z.object({ profile: z.enum(['online', 'offline']), refused_count: z.int() }),
  /** The wanted event is gone or too far back: read everything again. */
  'stream.reset': z.object({ head_seq: z.int() }),
  /** The client was too slow; the stream ends after this. */
  'stream.lagged': z.object({ head_seq: z.int() }),
  /** First on every stream: where it starts. */
  'stream.open': z.object({ head_seq: z.int(), version: z.string() }),
} as const;
export type EventName = keyof typeof EVENTS;
export type EventData<N extends EventName> = z.output<(typeof EVENTS)[N]>;
