import {
  ADD_CLOUD_MODEL,
  ENDPOINTS,
  type Call,
  type Credential,
  type Model,
  type TestRun,
} from '../../src/shared/contract/index.ts';
import type { ProviderDouble } from '../doubles/provider/provider.ts';
import type { TestAgent } from './agent.ts';

export const LOOPBACK = ['127.0.0.0/8'];

/** A key of the public API with a role of its own. */
export async function keyFor(
  agent: Pick<TestAgent, 'call' | 'as'>,
  name: string,
  role: 'user' | 'reviewer' | 'admin' | 'superadmin',
): Promise<{ token: string; call: Call<AbortSignal>; principalId: string }> {
  const { token, key } = await agent.call(ENDPOINTS.createKey, { body: { name, role } });
  return { token, call: agent.as(token), principalId: key.principal_id };
}

/** A credential for the double; a superadmin opens loopback to it, whoever owns it. */
export async function addCredential(
  agent: Pick<TestAgent, 'call'>,
  provider: Pick<ProviderDouble, 'baseUrl' | 'key'>,
  {
    call = agent.call,
    name = 'double',
    scope = 'personal',
  }: { call?: Call<AbortSignal>; name?: string; scope?: 'personal' | 'platform' } = {},
): Promise<Credential> {
  const { credential } = await call(ENDPOINTS.createCredential, {
    body: {
      provider: 'openai_compatible',
      display_name: name,
      credential_scope: scope,
      api_base_url: provider.baseUrl,
      api_key: provider.key,
    },
  });
  const opened = await agent.call(
    ENDPOINTS.patchCredential,
    { params: { id: credential.id }, body: { allowed_ranges: LOOPBACK } },
    { ifMatch: credential.rev },
  );
  return opened.credential;
}

export async function addCloudModel(
  call: Call<AbortSignal>,
  credentialId: string,
  more: { name?: string; provider_model_id?: string; task_key?: 'llm' | 'embeddings' | 'rerank' } = {},
): Promise<Model> {
  const { model } = await call(ADD_CLOUD_MODEL, {
    body: {
      backend: 'external_api',
      name: 'parrot',
      provider: 'openai_compatible',
      provider_model_id: 'parrot-large',
      task_key: 'llm',
      credential_id: credentialId,
      ...more,
    },
  });
  return model;
}

export async function testCloudModel(call: Call<AbortSignal>, id: string): Promise<TestRun> {
  const { test_run } = await call(ENDPOINTS.testModel, {
    params: { id },
    body: { inputs: { prompt: 'Who are you?' } },
  });
  return test_run;
}

/** From registered to active. */
export async function activateCloudModel(call: Call<AbortSignal>, id: string): Promise<Model> {
  const run = await testCloudModel(call, id);
  await call(ENDPOINTS.validateModel, { params: { id }, body: { test_run_id: run.id } });
  return (await call(ENDPOINTS.activateModel, { params: { id } })).model;
}
