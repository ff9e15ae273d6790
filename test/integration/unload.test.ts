import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { importModel, serveModel, startTestAgent } from '../support/agent.ts';
import { writeEndlessModel } from '../support/endless-model.ts';
import { temporaryDirectory } from '../support/temporary.ts';

it('unloading a slot now cuts the requests that are running, which it would let finish otherwise', async () => {
  await using directory = await temporaryDirectory();
  // Longer than the test may last: whoever waits for the last request fails it.
  await using agent = await startTestAgent(join(directory.path, 'data'), { drainMs: 600_000 });
  const path = await writeEndlessModel(join(directory.path, 'endless.gguf'), 'endless', 100_000);
  const model = await importModel(agent, path);
  const config = { threads: 1, context_length: 100_000 };
  const { slot_id: id } = await serveModel(agent, model.id, { config });
  const answer = await fetch(`${agent.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${agent.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: model.id, stream: true, messages: [{ role: 'user', content: 'x' }] }),
  });
  const reader = answer.body!.getReader();
  await reader.read();
  await agent.call(ENDPOINTS.unloadSlot, { params: { id } });
  expect(await agent.slot(id, ({ phase }) => phase === 'draining')).toMatchObject({ requests_in_flight: 1 });
  await agent.call(ENDPOINTS.unloadSlot, { params: { id }, query: { now: true } });
  await agent.slot(id, ({ load_state: state }) => state === 'empty');
  const { audit } = await agent.call(ENDPOINTS.listAudit, {
    query: { subject: `slot:${id}`, action: 'slot.unassigned' },
  });
  expect(audit.map(({ data }) => data)).toEqual([{ model_id: model.id, cut: true }, { model_id: model.id }]);
  // The stream ends, in an error or not, but ends.
  const rest = async (): Promise<void> => {
    while (!(await reader.read()).done);
  };
  await rest().catch(() => undefined);
});
