import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { LLAMA_IMAGE } from '../../tools/llama-image.ts';
import { importModel, serveModel, startTestAgent } from '../support/agent.ts';
import { ownDockerd } from '../support/dockerd.ts';
import { sentenceOf, writeSpeakingModel } from '../support/models.ts';
import { leaks, readTrace, sealedNetwork, tracer } from '../support/sealed-network.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const execute = promisify(execFile);

/**
 * A real Docker engine has a line of its own to the network. It runs here in a network that leads nowhere, traced with
 * every container it starts, and is asked for what an offline node asks of it.
 */
it('an offline node makes a real Docker engine and its containers reach for nothing', async () => {
  await using directory = await temporaryDirectory();
  await using network = await sealedNetwork();
  const file = join(directory.path, 'engine.trace');
  await using engine = await ownDockerd(join(directory.path, 'e'), [], [...network.inside, ...tracer(file)]);
  const before = await network.packetsSent();
  await using agent = await startTestAgent(join(directory.path, 'data'), {
    settings: { docker_host: engine.host, profile: 'offline' },
  });
  const { id } = await importModel(
    agent,
    await writeSpeakingModel(join(directory.path, 'alpha.gguf'), 'alpha'),
  );
  const { slot_id: slot } = await serveModel(agent, id, {
    runtime_spec: 'llama-cpp-cpu',
    config: { image: LLAMA_IMAGE, threads: 1, context_length: 256 },
  });
  const messages = [{ role: 'user', content: 'x' }];
  const answer = await agent.request('POST', '/v1/chat/completions', { body: { model: id, messages } });
  expect(answer.body).toMatchObject({ choices: [{ message: { content: sentenceOf('alpha') } }] });

  // An image that is not here is said to be missing; nobody is asked for it.
  await agent.call(ENDPOINTS.createSlot, {
    body: { id: 'elsewhere', capability: 'llm_inference', runtime_spec: 'llama-cpp-cpu', config: {} },
  });
  expect(
    await agent.request('PUT', '/v1/modelops/slots/elsewhere/model', { body: { managed_model_id: id } }),
  ).toMatchObject({ status: 409, body: { error: 'image_missing' } });
  expect(await agent.request('GET', '/v1/modelops/doctor')).toMatchObject({ status: 200 });
  await agent.call(ENDPOINTS.unloadSlot, { params: { id: slot } });
  await agent.slot(slot, (now) => now.load_state === 'empty');

  const trace = await readTrace(file);
  expect(leaks(trace)).toEqual([]);
  expect((await network.packetsSent()) - before).toBe(0);
  // The engine was traced with what it started.
  expect(trace.programs.join('\n')).toMatch(/llama-server/);

  // And it would have been seen: asked to pull, it reaches out.
  const pull = ['5', 'docker', '-H', engine.host, 'pull', '192.0.2.1/nothing:1'];
  await expect(execute('timeout', pull)).rejects.toThrow(/Command failed/);
  expect(leaks(await readTrace(file)).join()).toMatch(/192\.0\.2\.1|port 53/);
}, 180_000);
