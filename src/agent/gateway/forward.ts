import type { Dispatcher } from 'undici';
import type { ServerResponse } from 'node:http';
import { AppError } from '../../shared/contract/index.ts';
import { openaiProblem } from '../../server/errors.ts';
import type { SlotEndpoint } from '../runtimes/index.ts';
import { tokenCounts, type TokenCounts } from './usage.ts';

export interface ForwardRequest {
  readonly path: string;
  readonly body: Buffer;
  readonly endpoint: SlotEndpoint;
  readonly response: ServerResponse;
  readonly headers: Readonly<Record<string, string>>;
  readonly requestId: string;
  /** Called before the first byte is written; until then a refusal can still be answered properly. */
  readonly onStart: () => void;
}

export interface ForwardResult {
  readonly ok: boolean;
  readonly tokens: TokenCounts;
  /** `performance.now()` of the first byte of the answer; null without one. */
  readonly firstByteAt: number | null;
  /** What went wrong after the answer had begun. */
  readonly error?: AppError;
}

/** Enough of the end of an answer to find its token counts. */
const TAIL_BYTES = 4096;
const MAX_ERROR_BYTES = 64 * 1024;
export const NO_TOKENS: TokenCounts = { prompt: 0, completion: 0 };

/**
 * Passes a request on to a runtime and its answer back, byte by byte as it comes. A client that goes away cancels the
 * runtime's work. Resolves when the answer has ended.
 * @throws {AppError} as long as nothing was written: what the runtime refuses, in the words of the error table.
 */
export function forward(request: ForwardRequest): Promise<ForwardResult> {
  const { endpoint, path, body } = request;
  return new Promise<ForwardResult>((resolve, reject) => {
    endpoint.enter();
    const handler = new Relay(request, (outcome) => {
      endpoint.leave();
      if (outcome instanceof AppError) reject(outcome);
      else resolve(outcome);
    });
    endpoint.pool.dispatch(
      {
        path,
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': String(body.length) },
        body,
      },
      handler,
    );
  });
}

class Relay implements Dispatcher.DispatchHandler {
  readonly #request: ForwardRequest;
  readonly #settle: (outcome: ForwardResult | AppError) => void;
  readonly #onClose = (): void => this.#clientGone();
  #controller: Dispatcher.DispatchController | null = null;
  #status = 0;
  #isStream = false;
  #gone = false;
  #firstByteAt: number | null = null;
  #errorBody: Buffer[] = [];
  #tail: Buffer = Buffer.alloc(0);

  constructor(request: ForwardRequest, settle: (outcome: ForwardResult | AppError) => void) {
    this.#request = request;
    this.#settle = settle;
    request.response.once('close', this.#onClose);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#request.response.destroyed) this.#clientGone();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.#status = statusCode;
    if (statusCode !== 200) return;
    const type = String(headers['content-type'] ?? 'application/json');
    this.#isStream = type.startsWith('text/event-stream');
    const length = headers['content-length'];
    this.#request.onStart();
    this.#request.response.writeHead(200, {
      'content-type': type,
      ...(typeof length === 'string' ? { 'content-length': length } : {}),
      ...(this.#isStream ? { 'cache-control': 'no-store', 'x-accel-buffering': 'no' } : {}),
      ...this.#request.headers,
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#status !== 200) {
      if (this.#errorBody.reduce((sum, part) => sum + part.length, 0) < MAX_ERROR_BYTES)
        this.#errorBody.push(chunk);
      return;
    }
    this.#firstByteAt ??= performance.now();
    this.#request.endpoint.noteAnswer();
    this.#tail =
      chunk.length >= TAIL_BYTES
        ? chunk.subarray(chunk.length - TAIL_BYTES)
        : Buffer.concat([
            this.#tail.subarray(Math.max(0, this.#tail.length + chunk.length - TAIL_BYTES)),
            chunk,
          ]);
    const { response } = this.#request;
    if (response.write(chunk)) return;
    // A slow client slows the runtime down instead of filling our memory.
    controller.pause();
    response.once('drain', () => controller.resume());
  }

  onResponseEnd(): void {
    if (this.#status !== 200) {
      this.#finish(upstreamRefusal(this.#status, Buffer.concat(this.#errorBody).toString('utf8')));
      return;
    }
    this.#request.response.end();
    this.#finish({ ok: true, tokens: tokenCounts(this.#tail), firstByteAt: this.#firstByteAt });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const { response, endpoint, requestId } = this.#request;
    if (this.#gone) {
      this.#finish({ ok: true, tokens: tokenCounts(this.#tail), firstByteAt: this.#firstByteAt });
      return;
    }
    endpoint.reportFailure();
    const failure = brokenOff(endpoint, error);
    if (!response.headersSent) {
      this.#finish(failure);
      return;
    }
    // The status is out; a stream can still say so, anything else can only break off.
    if (this.#isStream) response.end(`data: ${JSON.stringify(openaiProblem(failure, requestId))}\n\n`);
    else response.destroy();
    this.#finish({ ok: false, tokens: tokenCounts(this.#tail), firstByteAt: this.#firstByteAt });
  }

  #clientGone(): void {
    if (this.#request.response.writableFinished) return;
    this.#gone = true;
    this.#controller?.abort(new Error('the client went away'));
  }

  #finish(outcome: ForwardResult | AppError): void {
    this.#request.response.off('close', this.#onClose);
    this.#settle(outcome);
  }
}

/** A runtime that ended before its answer did. */
export function brokenOff(endpoint: SlotEndpoint, cause: unknown): AppError {
  return new AppError('upstream_failed', 'The runtime broke the connection before its answer was complete.', {
    hint: 'Try again; the slot tells what happened to the runtime.',
    details: { slot_id: endpoint.slotId },
    cause,
  });
}

/** What a runtime says when it does not answer, in the words of the error table. Pure. */
export function upstreamRefusal(status: number, text: string): AppError {
  const { message, type, param, n_prompt_tokens: prompt, n_ctx: context } = errorOf(text);
  const fields = { fields: [typeof param === 'string' ? param : 'body'] };
  if (type === 'exceed_context_size_error') {
    const numbers =
      typeof prompt === 'number' && typeof context === 'number'
        ? `${prompt} tokens; this slot takes ${context}. Nothing was cut.`
        : message;
    return new AppError('invalid_argument', numbers, {
      hint: 'Shorten the text, or give the slot a larger context.',
      details: { reason: 'context_length_exceeded', ...fields },
    });
  }
  if (status === 400 || status === 413 || status === 422)
    return new AppError('invalid_argument', message, { details: fields });
  if (status === 501)
    return new AppError('unsupported_format', message, {
      hint: 'Use a slot of the right capability.',
      details: fields,
    });
  if (status === 503) return new AppError('model_not_loaded', `The runtime is not ready: ${message}`);
  return new AppError('upstream_failed', `The runtime answered with ${status}: ${message}`, {
    details: { status },
  });
}

interface UpstreamError {
  readonly message: string;
  readonly type?: unknown;
  readonly param?: unknown;
  readonly n_prompt_tokens?: unknown;
  readonly n_ctx?: unknown;
}

function errorOf(text: string): UpstreamError {
  try {
    const body = JSON.parse(text) as { error?: Partial<UpstreamError> | string; message?: unknown };
    if (typeof body.error === 'string') return { message: body.error };
    if (typeof body.error?.message === 'string') return { ...body.error, message: body.error.message };
    if (typeof body.message === 'string') return { message: body.message };
  } catch {
    // Not JSON: the first line says most.
  }
  return { message: text.split('\n')[0]?.slice(0, 300) || 'no reason given' };
}
