import type { ServerResponse } from 'node:http';

/** A row of the durable stream: its number is the id clients resume from. */
export interface DurableEvent {
  readonly seq: number;
  readonly name: string;
  readonly data: unknown;
}

/** Where a stream takes its events from. */
export interface EventSource {
  /** Number of the newest durable event. */
  readonly headSeq: number;
  /** Durable events after `seq`, oldest first, only those this reader may see; `scannedTo` is where to go on. */
  after(seq: number, limit: number): { events: readonly DurableEvent[]; scannedTo: number };
  /** Live events from now on. */
  listen(
    onDurable: (event: DurableEvent) => void,
    onTransient: (name: string, data: unknown) => void,
  ): () => void;
}

export interface EventStreamOptions {
  readonly lastEventId: number | null;
  readonly version: string;
  readonly signal: AbortSignal;
  readonly heartbeatMs?: number;
  /** Bytes a slow reader may fall behind before it is let go. */
  readonly maxQueuedBytes?: number;
}

const BATCH = 500;

/**
 * Server-sent events: first what was missed since `Last-Event-ID`, then what happens. A reader that is too slow gets
 * `stream.lagged` and is closed; it comes back with its last id and misses nothing that is durable. Resolves when
 * the stream has ended.
 */
export async function streamEvents(
  response: ServerResponse,
  source: EventSource,
  options: EventStreamOptions,
): Promise<void> {
  const { heartbeatMs = 15_000, maxQueuedBytes = 1024 * 1024, signal } = options;
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  const ended = Promise.withResolvers<void>();
  response.once('close', () => ended.resolve());
  const write = (text: string): boolean => {
    if (response.destroyed || response.writableEnded) return false;
    response.write(text);
    if (response.writableLength <= maxQueuedBytes) return true;
    response.end(frame('stream.lagged', { head_seq: source.headSeq }));
    return false;
  };
  const stopped = (): void => void response.end();
  signal.addEventListener('abort', stopped, { once: true });

  write(frame('stream.open', { head_seq: source.headSeq, version: options.version }));
  const cursor = { seq: await replay(response, source, options.lastEventId, write) };
  const stop = source.listen(
    (event) => {
      if (event.seq <= cursor.seq) return;
      cursor.seq = event.seq;
      write(frame(event.name, event.data, event.seq));
    },
    (name, data) => write(frame(name, data)),
  );
  const heartbeat = setInterval(() => write(': still here\n\n'), heartbeatMs);
  await ended.promise;
  clearInterval(heartbeat);
  stop();
  signal.removeEventListener('abort', stopped);
}

/** Sends what was missed; returns the number of the last event seen. No await stands between the last read and the caller's listen. */
async function replay(
  response: ServerResponse,
  source: EventSource,
  lastEventId: number | null,
  write: (text: string) => boolean,
): Promise<number> {
  const head = source.headSeq;
  if (lastEventId === null) return head;
  if (lastEventId > head) {
    // Another database, or one restored from a backup: what the reader knows is not from here.
    write(frame('stream.reset', { head_seq: head }));
    return head;
  }
  let seq = lastEventId;
  for (;;) {
    const { events, scannedTo } = source.after(seq, BATCH);
    for (const event of events) if (!write(frame(event.name, event.data, event.seq))) return scannedTo;
    seq = scannedTo;
    if (seq >= source.headSeq) return seq;
    if (response.writableNeedDrain) {
      await new Promise<void>((resolve) => {
        response.once('drain', resolve);
        response.once('close', resolve);
      });
    }
  }
}

function frame(name: string, data: unknown, id?: number): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
