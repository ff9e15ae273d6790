import { AppError } from '../../shared/contract/index.ts';
import { limitParameter, type JsonBody } from '../adapters/providers/index.ts';
import type { ModelRow } from '../catalog/index.ts';
import type { CallBody } from './calls.ts';
import { tokensOf } from './provider-relay.ts';

/** One question and one answer, for products that want no OpenAI around it. Pure. */

interface Turn {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface Prompt {
  readonly prompt?: string | undefined;
  readonly history?: readonly Turn[] | undefined;
  readonly max_tokens?: number | undefined;
  readonly temperature?: number | undefined;
}

export interface PlainAnswer {
  readonly output: string;
  readonly response: string;
  readonly model_id: string;
  readonly finish_reason: string | null;
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number } | null;
}

/** The chat that a prompt and its history are: the history first, the prompt as the last turn. */
export function chatBody(model: Pick<ModelRow, 'hosting' | 'provider_model_id'>, prompt: Prompt): CallBody {
  const { history = [], prompt: text = '', max_tokens: limit, temperature } = prompt;
  const limitName = model.hosting === 'cloud' ? limitParameter(model.provider_model_id ?? '') : 'max_tokens';
  return {
    messages: [...history, ...(text === '' ? [] : [{ role: 'user', content: text }])],
    ...(limit === undefined ? {} : { [limitName]: limit }),
    ...(temperature === undefined ? {} : { temperature }),
  };
}

/** @throws {AppError} `upstream_failed`, reason `malformed`, for an answer without a message. */
export function plainAnswer(modelId: string, answer: JsonBody): PlainAnswer {
  const choices = answer['choices'] as
    | readonly { readonly message?: { readonly content?: unknown }; readonly finish_reason?: unknown }[]
    | undefined;
  const choice = Array.isArray(choices) ? choices[0] : undefined;
  if (choice?.message === undefined)
    throw new AppError('upstream_failed', 'The model gave an answer without a message.', {
      details: { reason: 'malformed' },
    });
  const { content } = choice.message;
  const text = typeof content === 'string' ? content : '';
  const tokens = tokensOf(answer);
  return {
    output: text,
    response: text,
    model_id: modelId,
    finish_reason: typeof choice.finish_reason === 'string' ? choice.finish_reason : null,
    usage: tokens === null ? null : { prompt_tokens: tokens.prompt, completion_tokens: tokens.completion },
  };
}
