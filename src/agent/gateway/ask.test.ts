import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { refused } from '../../../test/support/refusals.ts';
import { systemClock } from '../kernel/clock.ts';
import { Egress } from '../kernel/egress.ts';
import { SlotEndpoint } from '../runtimes/slots/endpoint.ts';
import { askRuntime } from './ask.ts';
import { rerankAnswer, rerankOrder } from './rerank.ts';

/** A runtime as a slot has one, and what was noticed of it. */
async function runtime(answer: RequestListener) {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const egress = new Egress(() => ({ profile: 'offline', allowedPeers: [] }), systemClock);
  const pool = egress.originPool({ purpose: 'runtime', origin: `http://127.0.0.1:${port}` }, 4);
  onTestFinished(async () => {
    await pool.destroy();
    server.closeAllConnections();
    server.close();
  });
  const noticed = { failures: 0 };
  const endpoint = new SlotEndpoint({
    slotId: 'slot-1',
    modelId: 'ranker-v1',
    runtimeModelId: 'ranker-v1',
    runtimeIdentity: 'x',
    refusedParameters: [],
    pool,
    probe: { health: '/health', models: '/v1/models', compute: true },
    now: () => 0,
    onFailure: () => (noticed.failures += 1),
  });
  const ask = (signal = new AbortController().signal) =>
    askRuntime(endpoint, '/v1/rerank', { query: 'q', documents: ['a', 'b'] }, signal);
  return { endpoint, noticed, ask };
}

it('asks the runtime by its own id and gets the answer whole', async () => {
  const asked: unknown[] = [];
  const { ask, endpoint } = await runtime((request, response) => {
    request.on('data', (chunk: Buffer) => asked.push(request.url, JSON.parse(chunk.toString())));
    // As llama-server answers.
    response.end(
      JSON.stringify({
        model: 'ranker-v1',
        object: 'list',
        usage: { prompt_tokens: 14, total_tokens: 14 },
        results: [
          { index: 0, relevance_score: -8.2 },
          { index: 1, relevance_score: 2.5 },
        ],
      }),
    );
  });
  const order = rerankOrder({ query: 'q', documents: ['a', 'b'], top_n: 1 });
  expect(rerankAnswer(order, 'ranker-v1', await ask())).toEqual({
    model: 'ranker-v1',
    results: [{ index: 1, relevance_score: 2.5 }],
    usage: { prompt_tokens: 14, total_tokens: 14 },
  });
  expect(asked).toEqual(['/v1/rerank', { model: 'ranker-v1', query: 'q', documents: ['a', 'b'] }]);
  expect(endpoint.inFlight).toBe(0);
});

it('tells what the runtime refuses, and that it is not the right one', async () => {
  const { ask, noticed } = await runtime((_request, response) =>
    response
      .writeHead(501)
      .end(JSON.stringify({ error: { message: 'Start it with --rerank', type: 'not_supported_error' } })),
  );
  expect(await refused(ask())).toMatchObject({
    code: 'unsupported_format',
    message: 'Start it with --rerank',
  });
  expect(noticed.failures).toBe(0);
});

it('tells that the runtime broke off, to the caller and to whoever watches the slot', async () => {
  for (const answer of [
    ((_request, response) => response.destroy()) satisfies RequestListener,
    ((_request, response) => response.end('{"resul')) satisfies RequestListener,
  ]) {
    const { ask, noticed, endpoint } = await runtime(answer);
    expect(await refused(ask())).toMatchObject({
      code: 'upstream_failed',
      details: { slot_id: 'slot-1' },
    });
    expect(noticed.failures).toBe(1);
    expect(endpoint.inFlight).toBe(0);
  }
});

it('ends when the client goes away, and blames nobody', async () => {
  const controller = new AbortController();
  const { ask, noticed, endpoint } = await runtime(() => controller.abort(new Error('gone')));
  expect(await refused(ask(controller.signal))).toMatchObject({ message: 'gone' });
  expect(noticed.failures).toBe(0);
  expect(endpoint.inFlight).toBe(0);
});
