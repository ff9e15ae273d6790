import type { Dispatcher } from 'undici';
import { AppError } from '../../../shared/contract/index.ts';
import { ConnectFailed } from '../../kernel/dial.ts';
import type { Egress } from '../../kernel/egress.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { ProviderAccount } from './provider.ts';
import { transportFailure, upstreamRefusal } from './refusals.ts';
import { retryWait, type Failure } from './retry.ts';

/** How long a provider may be silent, in milliseconds. */
export interface ProviderTiming {
  /** From the request to the first byte of the answer's body. */
  readonly firstByteMs: number;
  /** Between two bytes. */
  readonly stallMs: number;
}

export const PROVIDER_TIMING: ProviderTiming = { firstByteMs: 120_000, stallMs: 60_000 };

export interface ProviderRequest {
  readonly method: 'GET' | 'POST';
  /** Behind the base address. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** For messages; null when no model is asked for. */
  readonly providerModelId: string | null;
}

export interface ProviderResponse {
  readonly contentType: string;
  /** Ends with an AppError when the provider stalls or breaks off. Leaving the loop ends the call. */
  readonly chunks: AsyncGenerator<Buffer, void>;
}

const MAX_ERROR_BYTES = 64 * 1024;
const MAX_ANSWER_BYTES = 128 * 1024 * 1024;

/** Sends requests to providers: retries where that is safe, watches the time, and translates what goes wrong. */
export class Exchange {
  readonly #egress: Egress;
  readonly #clock: Clock;
  readonly #timing: ProviderTiming;

  constructor(egress: Egress, clock: Clock, timing: ProviderTiming) {
    this.#egress = egress;
    this.#clock = clock;
    this.#timing = timing;
  }

  /** @returns the answer of a success. @throws {AppError} everything else. */
  async send(
    account: ProviderAccount,
    request: ProviderRequest,
    signal: AbortSignal,
  ): Promise<ProviderResponse> {
    for (let attempt = 0; ; attempt += 1) {
      const watch = new Watch(this.#timing, signal);
      try {
        const response = await this.#request(account, request, watch);
        if (response.statusCode >= 200 && response.statusCode < 300) {
          watch.handedOver = true;
          return {
            contentType: String(response.headers['content-type'] ?? ''),
            chunks: chunksOf(response, watch, account),
          };
        }
        const text = await beginning(response, watch);
        const answer = { status: response.statusCode, headers: response.headers, text };
        const wait = this.#wait({ answer }, attempt);
        if (wait === null) throw upstreamRefusal(account, request.providerModelId, answer, this.#clock.now());
        await pause(wait, signal);
      } catch (error) {
        if (watch.expired) throw watch.stalled(account);
        if (error instanceof AppError || signal.aborted) throw error;
        const code = error instanceof ConnectFailed ? error.code : null;
        const wait = code === null ? null : this.#wait({ connect: code }, attempt);
        if (wait === null) throw unreachable(account, code, error);
        await pause(wait, signal);
      } finally {
        // A success is watched on by whoever reads it.
        if (!watch.handedOver) watch.end();
      }
    }
  }

  /** @throws {AppError} `upstream_failed` with the reason `malformed` for what is no JSON object or array. */
  async json(account: ProviderAccount, request: ProviderRequest, signal: AbortSignal): Promise<unknown> {
    const { chunks } = await this.send(account, request, signal);
    const parts: Buffer[] = [];
    let size = 0;
    for await (const chunk of chunks) {
      size += chunk.length;
      if (size > MAX_ANSWER_BYTES) throw malformed(account, 'larger than 128 MiB');
      parts.push(chunk);
    }
    try {
      return JSON.parse(Buffer.concat(parts).toString('utf8')) as unknown;
    } catch {
      throw malformed(account, 'no JSON');
    }
  }

  #wait(failure: Failure, attempt: number): number | null {
    return retryWait(failure, attempt, this.#clock.now());
  }

  #request(
    account: ProviderAccount,
    request: ProviderRequest,
    watch: Watch,
  ): Promise<Dispatcher.ResponseData> {
    const { origin, pathname } = new URL(account.baseUrl);
    const body = request.body === undefined ? null : Buffer.from(JSON.stringify(request.body));
    return this.#egress.request(
      { purpose: 'provider', origin },
      {
        method: request.method,
        path: `${pathname === '/' ? '' : pathname}${request.path}`,
        headers: {
          accept: 'application/json, text/event-stream',
          ...(body === null
            ? {}
            : { 'content-type': 'application/json', 'content-length': String(body.length) }),
          ...request.headers,
        },
        body,
        signal: watch.signal,
        allowedRanges: account.allowedRanges,
      },
    );
  }
}

/** Watches one exchange: aborts it when the provider is silent for too long, or when the client goes away. */
class Watch {
  readonly #timing: ProviderTiming;
  readonly #client: AbortSignal;
  readonly #controller = new AbortController();
  readonly #onAbort = (): void => this.#controller.abort(this.#client.reason);
  #timer: NodeJS.Timeout | null = null;
  #streaming = false;
  expired = false;
  handedOver = false;

  constructor(timing: ProviderTiming, client: AbortSignal) {
    this.#timing = timing;
    this.#client = client;
    if (client.aborted) this.#onAbort();
    else client.addEventListener('abort', this.#onAbort, { once: true });
    this.arm();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  arm(): void {
    this.disarm();
    const { firstByteMs, stallMs } = this.#timing;
    this.#timer = setTimeout(
      () => {
        this.expired = true;
        this.#controller.abort(new Error('the provider is silent'));
      },
      this.#streaming ? stallMs : firstByteMs,
    );
  }

  /** A byte came; while it is worked on, the provider owes nothing. */
  disarm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  byte(): void {
    this.#streaming = true;
    this.disarm();
  }

  end(): void {
    this.disarm();
    this.#client.removeEventListener('abort', this.#onAbort);
  }

  stalled({ baseUrl }: ProviderAccount): AppError {
    const { firstByteMs, stallMs } = this.#timing;
    const { host } = new URL(baseUrl);
    return transportFailure(
      'stalled',
      this.#streaming
        ? `${host} stopped in the middle of its answer for ${stallMs / 1000} seconds.`
        : `${host} did not begin to answer within ${firstByteMs / 1000} seconds.`,
    );
  }
}

async function* chunksOf(
  response: Dispatcher.ResponseData,
  watch: Watch,
  account: ProviderAccount,
): AsyncGenerator<Buffer, void> {
  try {
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      watch.byte();
      yield chunk;
      watch.arm();
    }
  } catch (error) {
    if (watch.expired) throw watch.stalled(account);
    if (watch.signal.aborted || error instanceof AppError) throw error;
    throw cut(account, error);
  } finally {
    watch.end();
    response.body.on('error', () => undefined).destroy();
  }
}

/** Enough of an error to quote from; the rest is not read. */
async function beginning(response: Dispatcher.ResponseData, watch: Watch): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    watch.arm();
    parts.push(chunk);
    size += chunk.length;
    if (size >= MAX_ERROR_BYTES) break;
  }
  return Buffer.concat(parts).toString('utf8', 0, MAX_ERROR_BYTES);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', left);
      resolve();
    }, ms);
    function left(): void {
      clearTimeout(timer);
      reject(signal.reason as Error);
    }
    if (signal.aborted) left();
    else signal.addEventListener('abort', left, { once: true });
  });
}

function unreachable({ baseUrl }: ProviderAccount, code: string | null, cause: unknown): AppError {
  const { host } = new URL(baseUrl);
  return code === null
    ? transportFailure('cut', `${host} broke the connection before it answered.`, cause)
    : transportFailure('unreachable', `${host} cannot be reached (${code}).`, cause);
}

/** The answer ended before it was complete. */
export function cut({ baseUrl }: ProviderAccount, cause?: unknown): AppError {
  return transportFailure('cut', `${new URL(baseUrl).host} broke off in the middle of its answer.`, cause);
}

export function malformed({ baseUrl }: ProviderAccount, what: string): AppError {
  return transportFailure('malformed', `The answer of ${new URL(baseUrl).host} is ${what}.`);
}
