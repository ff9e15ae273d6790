import { ENDPOINTS, endpointUrl, SseParser, type Job } from '../shared/contract/index.ts';
import type { Connection } from './agent-connection.ts';

export interface StreamedEvent {
  readonly id: number | null;
  readonly name: string;
  readonly data: unknown;
}

/** The agent's events until `signal` aborts or the stream ends. */
export async function* readEvents(
  { url, token }: Pick<Connection, 'url' | 'token'>,
  topics: string,
  signal: AbortSignal,
  lastEventId?: number,
): AsyncGenerator<StreamedEvent> {
  const response = await fetch(url + endpointUrl(ENDPOINTS.streamEvents, { query: { topics } }), {
    headers: {
      authorization: `Bearer ${token}`,
      accept: 'text/event-stream',
      ...(lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) }),
    },
    signal,
  });
  if (response.body === null) return;
  const decoder = new TextDecoder();
  const parser = new SseParser();
  for await (const chunk of response.body) {
    for (const event of parser.push(decoder.decode(chunk as Uint8Array, { stream: true }))) {
      yield {
        id: event.id === null ? null : Number(event.id),
        name: event.name,
        data: JSON.parse(event.data) as unknown,
      };
    }
  }
}

/** Waits for the end of a job, telling how far it is. Falls back on asking when the stream breaks. */
export async function waitForJob(
  connection: Connection,
  id: string,
  onUpdate: (job: Job) => void,
): Promise<Job> {
  const { call } = connection;
  const ended = (job: Job): boolean => job.state !== 'queued' && job.state !== 'running';
  const stop = new AbortController();
  try {
    const events = readEvents(connection, 'jobs', stop.signal);
    // The stream is open once its first event is here; what happened before shows in the job itself.
    for await (const event of events) {
      const job =
        event.name === 'job'
          ? (event.data as { job: Job }).job
          : event.name === 'stream.open'
            ? (await call(ENDPOINTS.getJob, { params: { id } })).job
            : null;
      if (job?.id !== id) continue;
      onUpdate(job);
      if (ended(job)) return job;
    }
  } finally {
    stop.abort();
  }
  for (;;) {
    const { job } = await call(ENDPOINTS.getJob, { params: { id } });
    onUpdate(job);
    if (ended(job)) return job;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
