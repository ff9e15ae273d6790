import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { ENDPOINTS, type Credential, type Key, type Model } from '../../../src/shared/contract/index.ts';
import { startProvider, type ProviderDouble } from '../../doubles/provider/provider.ts';
import { importModel, serveModel, type TestAgent } from '../../support/agent.ts';
import { activateCloudModel, addCloudModel, addCredential } from '../../support/cloud.ts';
import { writeSpeakingModel } from '../../support/models.ts';

/** A node with people, groups, keys in every state, credentials that work and fail, and two months of calls. */
export interface GovernedNode extends AsyncDisposable {
  readonly provider: ProviderDouble;
  readonly local: Model;
  readonly cloud: Model;
  readonly works: Credential;
  readonly fails: Credential;
  readonly nightly: Key;
  readonly anna: string;
  readonly analysts: string;
}

const DAY_MS = 86_400_000;

export async function governNode(agent: TestAgent, directory: string): Promise<GovernedNode> {
  const provider = await startProvider();
  const local = await importModel(
    agent,
    await writeSpeakingModel(join(directory, 'models/qwen3-8b-instruct.gguf'), 'qwen3-8b-instruct'),
    { name: 'qwen3-8b-instruct' },
  );
  await serveModel(agent, local.id);
  const works = await addCredential(agent, provider, { name: 'parrot-prod', scope: 'platform' });
  await agent.call(ENDPOINTS.probeCredential, { params: { id: works.id } });
  const fails = await addCredential(
    agent,
    { baseUrl: provider.baseUrl, key: 'sk-double-that-nobody-knows' },
    { name: 'parrot-of-last-year' },
  );
  await agent.call(ENDPOINTS.probeCredential, { params: { id: fails.id } });
  const cloud = await addCloudModel(agent.call, works.id, { name: 'gpt-parrot' });
  await activateCloudModel(agent.call, cloud.id);
  const people = await peopleOf(agent);
  const keys = await keysOf(agent, people.anna, [local.id, cloud.id]);
  writeHistory(agent.dataDir, [local.id, cloud.id], [keys.nightly.id, keys.portal.id]);
  return {
    provider,
    local,
    cloud,
    works,
    fails,
    nightly: keys.nightly,
    ...people,
    [Symbol.asyncDispose]: () => provider.close(),
  };
}

async function peopleOf(agent: TestAgent): Promise<{ anna: string; analysts: string }> {
  const add = async (
    name: string,
    display_name: string,
    role: 'user' | 'reviewer' | 'admin',
  ): Promise<string> => {
    const { principal } = await agent.call(ENDPOINTS.createPrincipal, { body: { name, display_name, role } });
    return principal.id;
  };
  const anna = await add('anna.weber', 'Anna Weber', 'admin');
  const jonas = await add('jonas.richter', 'Jonas Richter', 'user');
  await add('risk-officer', 'Dr. Mira Aksoy-Hohenstein, risk and compliance', 'reviewer');
  const { group } = await agent.call(ENDPOINTS.createGroup, {
    body: { name: 'analysts', description: 'Credit analysts of the branch in Graz.' },
  });
  await agent.call(ENDPOINTS.createGroup, { body: { name: 'platform-team' } });
  for (const id of [anna, jonas])
    await agent.call(ENDPOINTS.putGroupMember, { params: { id: group.id, principal_id: id } });
  const { principal } = await agent.call(ENDPOINTS.getPrincipal, { params: { id: jonas } });
  await agent.call(
    ENDPOINTS.patchPrincipal,
    { params: { id: jonas }, body: { disabled: true } },
    { ifMatch: principal.rev },
  );
  return { anna, analysts: group.id };
}

async function keysOf(
  agent: TestAgent,
  anna: string,
  [local = '', cloud = '']: readonly string[],
): Promise<{ nightly: Key; portal: Key }> {
  const inDays = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString();
  const { key: nightly, token } = await agent.call(ENDPOINTS.createKey, {
    body: {
      name: 'ci-nightly',
      scopes: ['invoke', 'read'],
      daily_token_budget: 1_000_000,
      rate_limit_per_minute: 120,
      expires_at: inDays(88),
    },
  });
  const { key: portal } = await agent.call(ENDPOINTS.createKey, {
    body: { name: 'portal', scopes: ['invoke'], expires_at: inDays(3.2) },
  });
  await agent.call(ENDPOINTS.createKey, { body: { name: 'laptop', principal_id: anna, role: 'admin' } });
  const { key: old } = await agent.call(ENDPOINTS.createKey, { body: { name: 'etl', scopes: ['invoke'] } });
  await agent.call(ENDPOINTS.rotateKey, { params: { id: old.id }, body: { overlap_seconds: 86_400 } });
  const { key: lost } = await agent.call(ENDPOINTS.createKey, { body: { name: 'lost-notebook' } });
  await agent.call(ENDPOINTS.revokeKey, { params: { id: lost.id } });
  for (const model of [local, local, cloud, local, cloud])
    await agent.request('POST', '/v1/chat/completions', {
      token,
      body: { model, max_tokens: 16, messages: [{ role: 'user', content: 'Who are you?' }] },
    });
  return { nightly, portal };
}

/** Two months that the agent did not live through, with weekends, a bad day and a day without a call. */
function writeHistory(dataDir: string, models: readonly string[], keys: readonly string[]): void {
  const database = new BetterSqlite3(join(dataDir, 'modelops.db'));
  const insert = database.prepare(
    `INSERT INTO usage_daily (day, model_id, key_id, calls, errors, streams, prompt_tokens, completion_tokens,
       latency_ms, latency_max_ms, last_used_at)
     VALUES (:day, :model, :key, :calls, :errors, :streams, :prompt, :completion, :latency, :most, :at)`,
  );
  const now = Date.now();
  for (let back = 60; back >= 1; back -= 1) {
    const at = now - back * DAY_MS;
    const weekday = new Date(at).getUTCDay();
    if (back === 17) continue;
    for (const [m, model] of models.entries())
      for (const [k, key] of keys.entries()) {
        const weekend = weekday === 0 || weekday === 6 ? 0.2 : 1;
        const wave = 1 + 0.3 * Math.sin(back / 5 + m) + (60 - back) / 90;
        const calls = Math.round(260 * weekend * wave * (m === 0 ? 1 : 0.4) * (k === 0 ? 1 : 0.6));
        const errors = back === 9 ? Math.round(calls * 0.4) : Math.round(calls * 0.01);
        const good = calls - errors;
        insert.run({
          day: new Date(at).toISOString().slice(0, 10),
          model,
          key,
          calls,
          errors,
          streams: Math.round(calls * 0.7),
          prompt: good * 412,
          completion: good * 96,
          latency: Math.round(good * (380 + 60 * Math.cos(back / 4) + (back === 9 ? 900 : 0))),
          most: 1900 + 40 * ((back * 7) % 23) + (back === 9 ? 6000 : 0),
          at,
        });
      }
  }
  database.close();
}
