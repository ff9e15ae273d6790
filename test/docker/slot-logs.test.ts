import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { LLAMA_IMAGE } from '../../tools/llama-image.ts';
import { importModel, serveModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { removeContainersOf } from '../support/docker.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { temporaryDirectory } from '../support/temporary.ts';

let nodeId = '';
afterAll(async () => removeContainersOf(nodeId));

const logOf = (agent: TestAgent, id: string, query: { query?: string } = {}) =>
  agent.call(ENDPOINTS.getSlotLogs, { params: { id }, query: { tail: 5000, ...query } });

describe('the log of a container that outlives its agent', () => {
  it('goes on where it was: each line once, under the number it had', async () => {
    await using directory = await temporaryDirectory();
    const dataDir = join(directory.path, 'data');
    let agent = await startTestAgent(dataDir, { watchMs: 300 });
    nodeId = (await agent.call(ENDPOINTS.getSystem, {})).system.node_id;
    try {
      const model = await importModel(
        agent,
        await writeSpeakingModel(join(directory.path, 'alpha.gguf'), 'alpha'),
      );
      const { slot_id: slot } = await serveModel(agent, model.id, {
        runtime_spec: 'llama-cpp-cpu',
        config: { image: LLAMA_IMAGE, threads: 1, context_length: 256 },
      });
      const before = await logOf(agent, slot);
      expect(before.lines.length).toBeGreaterThan(5);
      await agent.stop();

      agent = await startTestAgent(dataDir, { watchMs: 300 });
      await agent.slot(slot, (now) => now.load_state === 'loaded');
      const model_id = model.id;
      await agent.request('POST', '/v1/chat/completions', {
        body: { model: model_id, messages: [{ role: 'user', content: 'x' }] },
      });
      const after = await logOf(agent, slot);
      expect(after.attempt).toBe(before.attempt);
      expect(after.lines.slice(0, before.lines.length)).toEqual(before.lines);
      const numbers = after.lines.map((line) => line.line);
      expect(numbers).toEqual(numbers.map((_line, index) => index + 1));
      // The file says the same as memory.
      const searched = await logOf(agent, slot, { query: 'LOAD_MODEL' });
      expect(searched.lines).toEqual(after.lines.filter((line) => line.text.includes('load_model')));
    } finally {
      await agent.stop();
    }
  });
});
