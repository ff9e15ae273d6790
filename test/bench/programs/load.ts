import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { percentile } from '../support/numbers.ts';
import type { LoadAnswer, LoadResult, LoadTarget, LoadTask } from './load-types.ts';

/**
 * The load generator, in a process of its own. Raw sockets and the least parsing that still sees a wrong answer, so
 * that on two cores it costs less than what it measures. One request at a time on each kept connection.
 *
 * With a rate, requests have a time at which they should go out, and latency counts from there: a server that stalls
 * is charged with the requests that had to wait for it (no coordinated omission). To send on time, and not when a
 * timer of a millisecond fires, it then spins.
 */

const HEADER_END = '\r\n\r\n';
const LAST_CHUNK = '\r\n0\r\n\r\n';
const TOKEN = '"content":"';
/** How long after the end of a task its last answers may take. */
const ANSWER_MS = 10_000;

interface Sample {
  /** When it was sent, or should have been. */
  readonly from: number;
  readonly firstTokenAt: number;
  readonly endedAt: number;
}

/** One kept connection. */
class Connection {
  readonly #socket: Socket;
  readonly #request: Buffer;
  readonly #expect: string;
  readonly #onAnswer: (sample: Sample, connection: Connection) => void;
  readonly #onFailure: (message: string) => void;
  #text = '';
  #from = 0;
  #bodyAt = -1;
  #length = -1;
  #firstTokenAt = 0;
  #busy = false;

  constructor(
    socket: Socket,
    target: LoadTarget,
    onAnswer: (sample: Sample, connection: Connection) => void,
    onFailure: (message: string) => void,
  ) {
    this.#socket = socket;
    this.#request = requestBytes(target);
    this.#expect = target.expect;
    this.#onAnswer = onAnswer;
    this.#onFailure = onFailure;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('error', (error) => onFailure(error.message));
    socket.on('close', () => onFailure('the server closed a connection'));
  }

  /** Sends the request; it counts from `from`. */
  send(from: number): void {
    this.#from = from;
    this.#text = '';
    this.#bodyAt = -1;
    this.#firstTokenAt = 0;
    this.#busy = true;
    this.#socket.write(this.#request);
  }

  /** What it waits for, for a report; null when it waits for nothing. */
  get waitingFor(): string | null {
    return this.#busy
      ? `after ${this.#text.length} bytes, the last of them ${JSON.stringify(this.#text.slice(-600))}`
      : null;
  }

  close(): void {
    this.#socket.removeAllListeners('close');
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    if (!this.#busy) return this.#onFailure('bytes without a request');
    // One character a byte, so that lengths are those of the wire.
    this.#text += chunk.toString('latin1');
    if (this.#bodyAt < 0 && !this.#readHeader()) return;
    if (this.#firstTokenAt === 0 && this.#text.includes(TOKEN, this.#bodyAt))
      this.#firstTokenAt = performance.now();
    const whole =
      this.#length >= 0 ? this.#text.length >= this.#bodyAt + this.#length : this.#text.endsWith(LAST_CHUNK);
    if (!whole) return;
    this.#busy = false;
    if (!this.#text.includes(this.#expect, this.#bodyAt))
      return this.#onFailure(`a wrong answer: ${this.#text.slice(0, 600)}`);
    this.#onAnswer({ from: this.#from, firstTokenAt: this.#firstTokenAt, endedAt: performance.now() }, this);
  }

  #readHeader(): boolean {
    const end = this.#text.indexOf(HEADER_END);
    if (end < 0) return false;
    if (!this.#text.startsWith('HTTP/1.1 200')) {
      this.#onFailure(`refused: ${this.#text.slice(0, 600)}`);
      return false;
    }
    this.#bodyAt = end + HEADER_END.length;
    const length = /content-length: (\d+)/i.exec(this.#text)?.[1];
    this.#length = length === undefined ? -1 : Number(length);
    return true;
  }
}

function requestBytes({ host, port, path, headers, body }: LoadTarget): Buffer {
  const lines = [
    `POST ${path} HTTP/1.1`,
    `Host: ${host}:${port}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.from(lines.join('\r\n') + HEADER_END + body);
}

/** Runs one task to its end. @throws at the first answer that is not as expected. */
async function run(task: LoadTask): Promise<LoadResult> {
  const { target } = task;
  const failed = Promise.withResolvers<never>();
  // Awaited in a race below; a failure after its end is none.
  failed.promise.catch(() => undefined);
  const sockets = await Promise.all(
    Array.from({ length: task.connections }, async () => {
      const socket = connect({ host: target.host, port: target.port });
      await once(socket, 'connect');
      return socket;
    }),
  );
  const samples: number[] = [];
  const startedAt = performance.now();
  const measureFrom = startedAt + task.warmUpMs;
  const until = measureFrom + task.measureMs;
  const record = (sample: Sample): void => {
    // What should have gone out in the window counts, however late it was answered.
    if (sample.from < measureFrom || sample.from >= until) return;
    samples.push((task.firstToken ? sample.firstTokenAt : sample.endedAt) - sample.from);
  };
  const driver = task.rate === null ? closedLoop(until) : openLoop(task.rate, startedAt, until);
  const connections = sockets.map(
    (socket) =>
      new Connection(
        socket,
        target,
        (sample, connection) => {
          record(sample);
          driver.free(connection);
        },
        (message) => failed.reject(new Error(message)),
      ),
  );
  const stuck = setTimeout(
    () => {
      const waiting = connections.map((one) => one.waitingFor).find((text) => text !== null);
      failed.reject(new Error(`no answer in ${ANSWER_MS} ms, ${waiting ?? 'on no connection'}`));
    },
    task.warmUpMs + task.measureMs + ANSWER_MS,
  );
  const before = process.cpuUsage();
  try {
    const sent = await Promise.race([driver.run(connections), failed.promise]);
    const used = process.cpuUsage(before);
    return {
      p50Ms: percentile(samples, 0.5),
      p99Ms: percentile(samples, 0.99),
      maxMs: percentile(samples, 1),
      requestsPerSecond: samples.length / (task.measureMs / 1000),
      sent,
      generatorShare: (used.user + used.system) / 1000 / (performance.now() - startedAt),
    };
  } finally {
    clearTimeout(stuck);
    for (const connection of connections) connection.close();
  }
}

interface Driver {
  /** @returns how many requests it sent. */
  run(connections: readonly Connection[]): Promise<number>;
  /** A connection has its answer. */
  free(connection: Connection): void;
}

/** Each connection sends again as soon as it has its answer. */
function closedLoop(until: number): Driver {
  const done = Promise.withResolvers<number>();
  let open = 0;
  let sent = 0;
  const next = (connection: Connection): void => {
    const now = performance.now();
    if (now < until) {
      sent += 1;
      connection.send(now);
      return;
    }
    open -= 1;
    if (open === 0) done.resolve(sent);
  };
  return {
    run: (connections) => {
      open = connections.length;
      for (const connection of connections) next(connection);
      return done.promise;
    },
    free: next,
  };
}

/** A request every 1/rate seconds, whatever came back; one that finds no free connection waits for it. */
function openLoop(rate: number, startedAt: number, until: number): Driver {
  const done = Promise.withResolvers<number>();
  const interval = 1000 / rate;
  const idle: Connection[] = [];
  const waiting: number[] = [];
  let scheduled = 0;
  let answered = 0;
  const give = (from: number): void => {
    const connection = idle.shift();
    if (connection === undefined) waiting.push(from);
    else connection.send(from);
  };
  const spin = (): void => {
    const now = performance.now();
    let due = startedAt + scheduled * interval;
    while (due <= now && due < until) {
      scheduled += 1;
      give(due);
      due = startedAt + scheduled * interval;
    }
    if (due < until || answered < scheduled) setImmediate(spin);
    else done.resolve(scheduled);
  };
  return {
    run: (connections) => {
      idle.push(...connections);
      spin();
      return done.promise;
    },
    free: (connection) => {
      answered += 1;
      const from = waiting.shift();
      if (from === undefined) idle.push(connection);
      else connection.send(from);
    },
  };
}

process.on('message', (task: LoadTask) => {
  const answer = (message: LoadAnswer): void => void process.send?.(message);
  run(task).then(
    (result) => answer({ result }),
    (error: unknown) => answer({ failure: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit());
