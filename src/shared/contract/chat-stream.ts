import { AppError, isErrorCode } from './errors.ts';
import { SseParser } from './sse.ts';

/** Reads a streamed chat completion; the CLI and the playground share it. */

export interface ChatUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
}

interface ChatChunk {
  readonly error?: unknown;
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string | null };
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: ChatUsage | null;
}

export class ChatStream {
  readonly #parser = new SseParser();
  finishReason: string | null = null;
  usage: ChatUsage | null = null;

  /** @returns the new pieces of the answer. @throws {AppError} what the gateway reports in the middle of a stream. */
  push(text: string): string[] {
    const pieces: string[] = [];
    for (const { data } of this.#parser.push(text)) {
      if (data === '[DONE]') continue;
      const chunk = JSON.parse(data) as ChatChunk;
      if (chunk.error !== undefined) throw gatewayRefusal(data);
      const [choice] = chunk.choices ?? [];
      const content = choice?.delta?.content;
      if (typeof content === 'string' && content !== '') pieces.push(content);
      this.finishReason = choice?.finish_reason ?? this.finishReason;
      this.usage = chunk.usage ?? this.usage;
    }
    return pieces;
  }
}

/** The gateway's error envelope as an AppError. */
export function gatewayRefusal(text: string): AppError {
  try {
    const { error } = JSON.parse(text) as {
      error: { code?: unknown; message?: string; hint?: string; request_id?: string };
    };
    if (isErrorCode(error.code)) {
      return new AppError(error.code, error.message ?? '', {
        ...(error.hint === undefined ? {} : { hint: error.hint }),
        ...(error.request_id === undefined ? {} : { details: { request_id: error.request_id } }),
      });
    }
  } catch (cause) {
    return new AppError('upstream_failed', 'The gateway answered with something that is not JSON.', {
      cause,
    });
  }
  return new AppError('upstream_failed', text.slice(0, 300));
}
