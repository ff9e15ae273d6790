import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ENDPOINTS, type Model } from '../../../src/shared/contract/index.ts';
import { importModel, serveModel, type TestAgent } from '../../support/agent.ts';
import { writeEmbeddingModel, writeSpeakingModel } from '../../support/models.ts';

type Agent = Pick<TestAgent, 'call' | 'job' | 'slot'>;

/** A node on which something of everything is: served, loaded, never validated, stale, broken, failed, refused. */
export interface FullNode {
  readonly served: Model;
  readonly stale: Model;
  readonly missing: Model;
  readonly odd: Model;
  readonly failedJob: string;
}

export async function fillNode(agent: Agent, directory: string): Promise<FullNode> {
  const models = join(directory, 'models');
  const speaking = (file: string, context?: number): Promise<string> =>
    writeSpeakingModel(join(models, `${file}.gguf`), file, context);

  const served = await importModel(agent, await speaking('qwen3-8b-instruct'), { name: 'qwen3-8b-instruct' });
  await serveModel(agent, served.id, { slot_id: await slot(agent, 'chat-large', 'llm_inference') });
  const vectors = await importModel(agent, await writeEmbeddingModel(join(models, 'bge-m3.gguf'), 'bge-m3'), {
    name: 'bge-m3',
  });
  await serveModel(agent, vectors.id, { slot_id: await slot(agent, 'embed', 'embeddings') });
  await slot(agent, 'spare-cpu', 'llm_inference');

  const stale = await importModel(agent, await speaking('mistral-small'), { name: 'mistral-small' });
  const passing = await slot(agent, 'passing', 'llm_inference');
  await serveModel(agent, stale.id, { slot_id: passing });
  const { model } = await agent.call(ENDPOINTS.getModel, { params: { id: stale.id } });
  await agent.call(
    ENDPOINTS.patchModel,
    { params: { id: stale.id }, body: { config: { context_length: 512 } } },
    { ifMatch: model.rev },
  );
  await agent.call(ENDPOINTS.unloadSlot, { params: { id: passing } });
  await agent.slot(passing, (now) => now.load_state === 'empty');
  await agent.call(ENDPOINTS.deleteSlot, { params: { id: passing } });

  await importModel(agent, await speaking('phi-x'), { name: 'phi-x', register: false });
  await importModel(agent, await speaking('another'), {
    name: 'a-model-with-a-name-as-long-as-it-may-be-for-a-table-and-a-title',
  });
  const missing = await importModel(agent, await speaking('gemma-3-4b'), { name: 'gemma-3-4b' });
  const odd = await oddModel(agent, models);
  const broken = await slot(agent, 'coder', 'llm_inference');
  await agent.call(ENDPOINTS.loadSlot, { params: { id: broken }, body: { managed_model_id: odd.id } });
  await agent.slot(broken, (now) => now.load_state === 'error');
  const careful = await slot(agent, 'careful', 'llm_inference');
  await agent.call(ENDPOINTS.loadSlot, { params: { id: careful }, body: { managed_model_id: missing.id } });
  await agent.slot(careful, (now) => now.load_state === 'loaded');
  await changeBytes(missing);
  await agent.call(ENDPOINTS.restartSlot, { params: { id: careful } });
  await agent.slot(careful, (now) => now.load_state === 'error');

  const { job } = await agent.call(ENDPOINTS.serveModel, {
    params: { id: odd.id },
    body: { slot_id: broken },
  });
  await agent.job(job.id);
  return { served, stale, missing, odd, failedJob: job.id };
}

async function slot(agent: Agent, id: string, capability: 'llm_inference' | 'embeddings'): Promise<string> {
  const made = await agent.call(ENDPOINTS.createSlot, {
    body: { id, capability, runtime_spec: 'embedded-llama' },
  });
  return made.slot.id;
}

/** A whole file of an architecture that no engine knows. */
async function oddModel(agent: Agent, models: string): Promise<Model> {
  const path = await writeSpeakingModel(join(models, 'odd.gguf'), 'odd');
  const text = (await readFile(path)).toString('latin1').replaceAll('llama', 'zzzzz');
  await writeFile(path, Buffer.from(text, 'latin1'));
  return importModel(agent, path, { name: 'qwen3-coder-30b' });
}

/** Somebody wrote into the store. */
async function changeBytes(model: Model): Promise<void> {
  const file = join(model.artifact?.storage_path ?? '', 'model.gguf');
  await chmod(file, 0o600);
  await writeFile(file, 'somebody wrote here');
}
