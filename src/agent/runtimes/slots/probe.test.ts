import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import type { Pool } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import { refused } from '../../../../test/support/refusals.ts';
import { temporaryDirectory } from '../../../../test/support/temporary.ts';
import { systemClock } from '../../kernel/clock.ts';
import { Egress } from '../../kernel/egress.ts';
import { advertisedModels, probeModel, waitHealthy } from './probe.ts';

const { signal } = new AbortController();
const never = new Promise<never>(() => undefined);

/** A runtime that answers each path with a status and a body; the rest is 404. */
async function runtime(answers: Readonly<Record<string, readonly [number, unknown]>>): Promise<Pool> {
  const directory = await temporaryDirectory();
  const server: Server = createServer((request, response) => {
    const [status, body] = answers[request.url ?? ''] ?? [404, {}];
    request.resume().once('end', () => response.writeHead(status).end(JSON.stringify(body)));
  });
  const socket = join(directory.path, 's.sock');
  server.listen(socket);
  await once(server, 'listening');
  const pool = new Egress(() => ({ profile: 'offline', allowedPeers: [] }), systemClock).runtimePool(
    { kind: 'unix', path: socket },
    1,
  );
  onTestFinished(async () => {
    await pool.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await directory[Symbol.asyncDispose]();
  });
  return pool;
}

const listed = (...ids: string[]) => ({ data: ids.map((id) => ({ id })) });

describe('a runtime that is probed', () => {
  it('has to list the model it was started with', async () => {
    const pool = await runtime({ '/v1/models': [200, listed('other', 'third')] });
    expect(await refused(probeModel(pool, 'wanted', 'llm_inference', signal))).toMatchObject({
      code: 'runtime_wrong_model',
      details: { advertised: ['other', 'third'] },
    });
  });

  it('has to compute, not only to list', async () => {
    const pool = await runtime({
      '/v1/models': [200, listed('wanted')],
      '/v1/completions': [500, { error: 'no tensor' }],
    });
    expect(await refused(probeModel(pool, 'wanted', 'llm_inference', signal))).toMatchObject({
      code: 'upstream_failed',
      message: expect.stringContaining('no tensor'),
    });
  });

  it('tells its context and its version where it knows them', async () => {
    const pool = await runtime({
      '/v1/models': [200, listed('wanted')],
      '/v1/rerank': [200, {}],
      '/props': [200, { default_generation_settings: { n_ctx: 512 }, total_slots: 2, build_info: 'b1' }],
    });
    expect(await probeModel(pool, 'wanted', 'rerank', signal)).toEqual({
      advertised: ['wanted'],
      contextLength: 512,
      parallel: 2,
      engineVersion: 'b1',
    });
  });

  it('is not believed when it answers with something else', async () => {
    expect(await refused(advertisedModels(await runtime({ '/v1/models': [200, []] }), signal))).toMatchObject(
      {
        code: 'upstream_failed',
      },
    );
    expect(await advertisedModels(await runtime({ '/v1/models': [200, { data: 'x' }] }), signal)).toEqual({
      ids: [],
      contextLength: null,
    });
  });

  it('that shows no progress has stalled', async () => {
    const pool = await runtime({ '/health': [503, {}] });
    let now = 0;
    const waiting = waitHealthy({
      pool,
      exited: never,
      stallMs: 1000,
      lastProgress: () => 0,
      // Each look takes it longer than it may be silent.
      now: () => (now += 2000),
      signal,
    });
    expect(await refused(waiting)).toMatchObject({ code: 'runtime_stalled' });
  });
});
