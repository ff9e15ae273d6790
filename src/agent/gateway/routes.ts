import { AppError, type Endpoints } from '../../shared/contract/index.ts';
import type { RawContext, RequestContext } from '../../server/context.ts';
import type { Router } from '../../server/router.ts';
import type { ModelRow } from '../catalog/index.ts';
import { ask } from './ask.ts';
import { answerHeaders, CHAT, COMPLETION, EMBEDDINGS, RERANK, type GatewayDeps } from './calls.ts';
import { chatBody, plainAnswer, type PlainAnswer, type Prompt } from './generate.ts';
import { pass } from './pass.ts';
import { rerankAnswer, rerankOrder } from './rerank.ts';

/** OpenAI's door: lists what can be called, and passes calls on to exactly the model they name. */
export function gatewayRoutes(router: Router<Endpoints>, deps: GatewayDeps): void {
  const { directory, slots } = deps;

  router.implement('listServedModels', async (_request, { caller }) => {
    await slots.observedOnce();
    return { object: 'list' as const, data: directory.served(caller).map(servedModel) };
  });
  router.implement('getServedModel', async ({ params }, { caller }) => {
    await slots.observedOnce();
    const row = directory.callable(params.id, caller);
    if (row === null) throw new AppError('not_found', `This key cannot call a model ${params.id} now.`);
    return servedModel(row);
  });
  router.implementRaw('createChatCompletion', ({ body }, context) => pass(deps, context, CHAT, body));
  router.implementRaw('createCompletion', ({ body }, context) => pass(deps, context, COMPLETION, body));
  router.implementRaw('createEmbedding', ({ body }, context) => pass(deps, context, EMBEDDINGS, body));
  router.implementRaw('createRerank', ({ body }, context) => rerank(deps, context, body));
  router.implement('generateText', ({ body: { model_id: model, ...prompt } }, context) =>
    generate(deps, context, '/v1/models/generate', { model, field: 'model_id' }, prompt),
  );
  router.implement('inferText', ({ body: { model, ...prompt } }, context) =>
    generate(deps, context, '/v1/models/inference', { model, field: 'model' }, prompt),
  );
}

async function rerank(
  deps: GatewayDeps,
  context: RawContext,
  body: { model: string } & Parameters<typeof rerankOrder>[0],
): Promise<void> {
  const order = rerankOrder(body);
  await deps.slots.observedOnce();
  const target = deps.directory.target(body.model, context.caller, RERANK.capability);
  const question = { target, route: RERANK, path: RERANK.path, body: order.body };
  const answer = await ask(deps, context, question, (given) => rerankAnswer(order, target.model.id, given));
  void context.reply.status(200).headers(answerHeaders(target.model, context.requestId)).send(answer);
}

async function generate(
  deps: GatewayDeps,
  context: RequestContext,
  path: string,
  { model: name, field }: { model: string; field: string },
  prompt: Prompt,
): Promise<PlainAnswer> {
  await deps.slots.observedOnce();
  const target = deps.directory.target(name, context.caller, CHAT.capability, field);
  const body = chatBody(target.model, prompt);
  return ask(deps, context, { target, route: CHAT, path, body }, (answer) =>
    plainAnswer(target.model.id, answer),
  );
}

function servedModel(row: ModelRow): Record<string, unknown> & { id: string } {
  return {
    id: row.id,
    object: 'model',
    created: Math.floor(row.created_at / 1000),
    owned_by: 'modelops',
    global_model_id: row.content_id,
    task_key: row.task_key,
  };
}
