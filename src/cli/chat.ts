import { ChatStream, gatewayRefusal, type ChatUsage } from '../shared/contract/index.ts';
import type { Connection } from './agent-connection.ts';

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface ChatAnswer {
  readonly content: string;
  readonly modelId: string;
  readonly globalModelId: string;
  readonly requestId: string;
  readonly finishReason: string | null;
  readonly usage: ChatUsage | null;
  readonly firstTokenMs: number;
  readonly totalMs: number;
}

/** Asks a model through the gateway, piece by piece. @throws {AppError} what the gateway refuses. */
export async function chat(
  connection: Pick<Connection, 'url' | 'token'>,
  model: string,
  messages: readonly ChatMessage[],
  onText: (text: string) => void,
  signal?: AbortSignal,
): Promise<ChatAnswer> {
  const started = performance.now();
  const response = await fetch(`${connection.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${connection.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages, stream: true, stream_options: { include_usage: true } }),
    ...(signal === undefined ? {} : { signal }),
  });
  if (!response.ok || response.body === null) throw gatewayRefusal(await response.text());
  const stream = new ChatStream();
  const decoder = new TextDecoder();
  let content = '';
  let firstTokenMs = 0;
  for await (const chunk of response.body) {
    for (const piece of stream.push(decoder.decode(chunk as Uint8Array, { stream: true }))) {
      if (content === '') firstTokenMs = performance.now() - started;
      content += piece;
      onText(piece);
    }
  }
  return {
    content,
    modelId: response.headers.get('x-modelops-model-id') ?? model,
    globalModelId: response.headers.get('x-modelops-global-model-id') ?? '',
    requestId: response.headers.get('x-request-id') ?? '',
    finishReason: stream.finishReason,
    usage: stream.usage,
    firstTokenMs,
    totalMs: performance.now() - started,
  };
}
