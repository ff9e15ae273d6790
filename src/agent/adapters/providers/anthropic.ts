import { AppError, TASKS } from '../../../shared/contract/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { MessageReader, toCompletion } from './anthropic-answer.ts';
import { toMessages } from './anthropic-request.ts';
import { malformed } from './exchange.ts';
import { isObject, type ModelPage, type Protocol } from './protocol.ts';
import type { ListedModel } from './provider.ts';

const VERSION = '2023-06-01';
const PAGE = 1000;

/** Anthropic's Messages, spoken to in OpenAI's chat. It has no other route. */
export function anthropicProtocol(clock: Clock): Protocol {
  const created = (): number => Math.floor(clock.now() / 1000);
  return {
    headers: (apiKey) => ({ 'x-api-key': apiKey, 'anthropic-version': VERSION }),

    request({ route, providerModelId, body }) {
      if (route === 'chat') return { path: '/messages', body: toMessages(providerModelId, body) };
      throw new AppError('unsupported_format', `Anthropic has no route for ${route}.`, {
        hint: 'Use /v1/chat/completions, or a model of another provider.',
        details: { fields: ['model'] },
      });
    },

    answer: (account, _invocation, body) => toCompletion(account, body, created()),
    reader: (account) => new MessageReader(account, created()),

    modelsPath: (after) =>
      `/models?limit=${PAGE}${after === null ? '' : `&after_id=${encodeURIComponent(after)}`}`,

    modelPage(account, body): ModelPage {
      const data = isObject(body) ? body['data'] : null;
      if (!isObject(body) || !Array.isArray(data)) throw malformed(account, 'no list of models');
      const last = body['last_id'];
      return {
        models: data.flatMap(listed),
        next: body['has_more'] === true && typeof last === 'string' ? last : null,
      };
    },
  };
}

function listed(value: unknown): ListedModel[] {
  if (!isObject(value) || typeof value['id'] !== 'string' || value['id'] === '') return [];
  const { id, display_name: name, created_at: at, type } = value;
  const time = typeof at === 'string' ? Date.parse(at) : Number.NaN;
  return [
    {
      provider_model_id: id,
      name: typeof name === 'string' && name !== '' ? name : id,
      owned_by: 'anthropic',
      created_at: Number.isNaN(time) || time <= 0 ? null : new Date(time).toISOString(),
      task_key: 'llm',
      category: TASKS.llm.category,
      metadata: { provider_model_id: id, ...(typeof type === 'string' ? { object: type } : {}) },
    },
  ];
}
