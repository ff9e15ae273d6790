import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import type { Pool } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import { refused } from '../../../../test/support/refusals.ts';
import { temporaryDirectory } from '../../../../test/support/temporary.ts';
import { systemClock } from '../../kernel/clock.ts';
import { Egress } from '../../kernel/egress.ts';
import { advertisedModels, probeModel, waitHealthy, type Asked } from './probe.ts';
import { DEFAULT_PROBE, type ProbePlan } from '../specs/spec.ts';
import { Progress } from './progress.ts';

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

const asked = (pool: Pool, probe: Partial<ProbePlan> = {}): Asked => ({
  pool,
  probe: { ...DEFAULT_PROBE, ...probe },
  modelId: 'wanted',
});
const listed = (...ids: string[]) => ({ data: ids.map((id) => ({ id })) });

describe('a runtime that is probed', () => {
  it('has to list the model it was started with', async () => {
    const pool = await runtime({ '/v1/models': [200, listed('other', 'third')] });
    expect(await refused(probeModel(asked(pool), 'llm_inference', signal))).toMatchObject({
      code: 'runtime_wrong_model',
      details: { advertised: ['other', 'third'] },
    });
  });

  it('has to compute, not only to list', async () => {
    const pool = await runtime({
      '/v1/models': [200, listed('wanted')],
      '/v1/completions': [500, { error: 'no tensor' }],
    });
    expect(await refused(probeModel(asked(pool), 'llm_inference', signal))).toMatchObject({
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
    expect(await probeModel(asked(pool), 'rerank', signal)).toEqual({
      advertised: ['wanted'],
      contextLength: 512,
      parallel: 2,
      engineVersion: 'b1',
    });
  });

  it('is asked what its spec says can be asked of it', async () => {
    const pool = await runtime({ '/ready': [200, {}] });
    const silent = asked(pool, { health: '/ready', models: null, compute: false });
    expect(await probeModel(silent, 'embeddings', signal)).toMatchObject({ advertised: ['wanted'] });
    expect(await refused(advertisedModels(asked(pool, { models: null }), signal))).toMatchObject({
      code: 'upstream_failed',
    });
  });

  it('is not believed when it answers with something else', async () => {
    expect(
      await refused(advertisedModels(asked(await runtime({ '/v1/models': [200, []] })), signal)),
    ).toMatchObject({
      code: 'upstream_failed',
    });
    expect(
      await advertisedModels(asked(await runtime({ '/v1/models': [200, { data: 'x' }] })), signal),
    ).toEqual({
      ids: [],
      contextLength: null,
    });
  });

  const milestones = [
    { id: 'weights', label: 'weights', pattern: 'Loading weights' },
    { id: 'ready', label: 'ready', pattern: 'Startup complete' },
  ];
  /** A clock that a second passes on at every look, and at every look a line of log. */
  const stalls = async (lines: (at: number) => string, named: typeof milestones): Promise<unknown> => {
    const pool = await runtime({ '/health': [503, {}] });
    let now = 0;
    const progress = new Progress(named, 0);
    return refused(
      waitHealthy({
        pool,
        health: '/health',
        exited: never,
        stallMs: 20_000,
        progress,
        now: () => {
          now += 1000;
          progress.line(lines(now / 1000), now);
          return now;
        },
        signal,
      }),
    );
  };

  it('that gets no further has stalled, however much it says', async () => {
    expect(
      await stalls((at) => (at === 3 ? 'Loading weights' : `waiting for ${at}`), milestones),
    ).toMatchObject({
      code: 'runtime_stalled',
      message: 'The runtime got no further than "weights" for 20 s.',
      details: { last_milestone: 'weights' },
    });
    expect(await stalls(() => 'waiting', milestones)).toMatchObject({
      code: 'runtime_stalled',
      message: 'The runtime reached no milestone for 20 s.',
      details: { last_milestone: null },
    });
  });

  it('that counts its percents up is not stalled until they stand still', async () => {
    const percent = (at: number): string => `Loading weights: ${Math.min(at, 50)}% Completed`;
    const progress = new Progress(milestones, 0);
    for (let at = 1; at <= 80; at += 1) progress.line(percent(at), at * 1000);
    expect(progress.last).toBe(50_000);
    // Another step starts its percents anew.
    progress.line('Startup complete', 90_000);
    progress.line('Capturing graphs 10%', 95_000);
    expect([progress.last, progress.allReached]).toEqual([95_000, true]);
  });

  it('that has no milestones is taken at its word', () => {
    const progress = new Progress([], 0);
    progress.line('anything', 7000);
    expect(progress).toMatchObject({ last: 7000, lastMilestone: null, allReached: false });
  });

  it('that says it is ready is asked at once', async () => {
    let status = 503;
    const directory = await temporaryDirectory();
    const server = createServer((_request, response) => response.writeHead(status).end());
    server.listen(join(directory.path, 's.sock'));
    await once(server, 'listening');
    const pool = new Egress(() => ({ profile: 'offline', allowedPeers: [] }), systemClock).runtimePool(
      { kind: 'unix', path: join(directory.path, 's.sock') },
      1,
    );
    onTestFinished(async () => {
      await pool.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await directory[Symbol.asyncDispose]();
    });
    const ready = Promise.withResolvers<void>();
    const waiting = waitHealthy({
      pool,
      health: '/health',
      exited: never,
      stallMs: 60_000,
      progress: new Progress(milestones, 0),
      saysReady: ready.promise,
      now: () => 0,
      signal,
    });
    status = 200;
    ready.resolve();
    await expect(waiting).resolves.toBeUndefined();
  });
});
