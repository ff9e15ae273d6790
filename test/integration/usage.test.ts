import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Model } from '../../src/shared/contract/index.ts';
import { importModel, serveModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { cli, serve } from '../support/process.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

/** `npm run test:crash` sets many. */
const ROUNDS = Number(process.env['MODELOPS_ROUNDS'] ?? 3);
const messages = [{ role: 'user', content: 'Who are you?' }];

let directory: TemporaryDirectory;
let data: string;
let agent: TestAgent;
let alpha: Model;
/** The clock of the agent; a test moves it. */
let shift = 0;
const users = {} as Record<'ann' | 'bob', { token: string; id: string }>;

beforeAll(async () => {
  directory = await temporaryDirectory();
  data = join(directory.path, 'data');
  agent = await startTestAgent(data, { clock: { now: () => Date.now() + shift } });
  alpha = await importModel(agent, await writeSpeakingModel(join(directory.path, 'alpha.gguf'), 'alpha'));
  await serveModel(agent, alpha.id, { config: { threads: 1, context_length: 256, parallel: 2 } });
  for (const name of ['ann', 'bob'] as const) {
    const { token, key } = await agent.call(ENDPOINTS.createKey, {
      body: { name: `app-of-${name}`, role: 'user' },
    });
    users[name] = { token, id: key.id };
  }
});
afterAll(async () => {
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});

const chat = (more: Record<string, unknown> = {}, token = agent.token) =>
  agent.request('POST', '/v1/chat/completions', { body: { model: alpha.id, messages, ...more }, token });
const total = async (query = {}) => (await agent.call(ENDPOINTS.listUsage, { query })).total;
const today = (): string => new Date(Date.now() + shift).toISOString().slice(0, 10);

describe('a call', () => {
  it('is counted once, with its tokens, whether it streams, fails or is left', async () => {
    const before = await total();
    const { prompt_tokens, completion_tokens } = (await chat()).body['usage'] as Record<string, number>;
    const whole = { prompt_tokens, completion_tokens };
    await chat({ stream: true });
    expect((await chat({ messages: [{ role: 'user', content: 'x'.repeat(1000) }] })).status).toBe(400);
    const controller = new AbortController();
    const left = await fetch(`${agent.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${agent.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: alpha.id, messages, stream: true }),
      signal: controller.signal,
    });
    await left.body?.getReader().read();
    controller.abort();
    const [slot] = (await agent.call(ENDPOINTS.listSlots, {})).slots;
    await agent.slot(slot?.id ?? '', (now) => now.requests_in_flight === 0);
    const after = await total();
    expect(after.calls - before.calls).toBe(4);
    expect(after.errors - before.errors).toBe(1);
    expect(after.streams - before.streams).toBe(2);
    expect(after.prompt_tokens - before.prompt_tokens).toBeGreaterThanOrEqual(2 * (prompt_tokens ?? 0));
    expect(after.completion_tokens - before.completion_tokens).toBeGreaterThanOrEqual(
      2 * (completion_tokens ?? 0),
    );

    const { events } = await agent.call(ENDPOINTS.listUsageEvents, { query: { limit: 4 } });
    const [abandoned, refused, streamed, plain] = events;
    expect(plain).toMatchObject({
      ok: true,
      error: null,
      streamed: false,
      model_id: alpha.id,
      key_name: 'admin-token',
      route: '/v1/chat/completions',
      request_id: expect.stringMatching(/^req_/),
      ...whole,
    });
    expect(streamed).toMatchObject({ ok: true, streamed: true, ...whole });
    expect(streamed?.first_byte_ms).toBeLessThanOrEqual(streamed?.latency_ms ?? 0);
    expect(refused).toMatchObject({ ok: false, error: 'invalid_argument', first_byte_ms: null });
    expect(abandoned).toMatchObject({ ok: true, streamed: true });
  });

  it('that no model answered is counted of none', async () => {
    const before = await total();
    expect((await chat({ model: 'nobody-v1' })).status).toBe(404);
    expect(await total()).toEqual(before);
  });

  it('of the sample is left out unless the sample is named', async () => {
    const { job } = await agent.call(ENDPOINTS.createSample, {});
    const { result } = await agent.job(job.id);
    const sample = result?.['model_id'] as string;
    await serveModel(agent, sample, { config: { threads: 1 } });
    const before = await total();
    expect((await chat({ model: sample })).status).toBe(200);
    expect(await total()).toEqual(before);
    expect((await total({ model_id: sample })).calls).toBeGreaterThanOrEqual(1);
    const { usage } = await agent.call(ENDPOINTS.listUsage, { query: { group_by: 'model' } });
    expect(usage.map((row) => row.model_id)).toEqual([alpha.id]);
  });
});

describe('lists', () => {
  it('show whose keys did it, for all models and for one', async () => {
    await chat({}, users.ann.token);
    await chat({}, users.ann.token);
    await chat({}, users.bob.token);
    const byKey = { query: { group_by: 'key', model_id: alpha.id } };
    const all = await agent.call(ENDPOINTS.listUsage, byKey);
    const calls = (rows: typeof all.usage) => rows.map((row) => [row.key_name, row.calls]);
    expect(calls(all.usage)).toEqual(
      expect.arrayContaining([
        ['app-of-ann', 2],
        ['app-of-bob', 1],
      ]),
    );
    expect(all.total.calls).toBe(all.usage.reduce((sum, row) => sum + row.calls, 0));
    // Ann's program sees what it did itself, wherever it looks, and nobody else's part of it.
    const ann = agent.as(users.ann.token);
    const hers = await ann(ENDPOINTS.listUsage, byKey);
    expect(calls(hers.usage)).toEqual([['app-of-ann', 2]]);
    expect(hers.total.calls).toBe(2);
    const ofModel = { params: { id: alpha.id }, query: { group_by: 'key' } };
    expect((await ann(ENDPOINTS.getModelUsage, ofModel)).usage).toEqual(hers.usage);
    const { events } = await ann(ENDPOINTS.listUsageEvents, {});
    expect(events.map((event) => event.key_id)).toEqual([users.ann.id, users.ann.id]);
    const { text } = await agent.request('GET', '/v1/modelops/usage.csv?group_by=key', {
      token: users.ann.token,
    });
    expect(text.trim().split('\r\n')).toHaveLength(2);
    const bobs = { query: { group_by: 'key', key_id: users.bob.id } };
    expect((await ann(ENDPOINTS.listUsage, bobs)).usage).toEqual([]);
    const one = await agent.call(ENDPOINTS.getModelUsage, {
      params: { id: alpha.id },
      query: { group_by: 'day,key' },
    });
    expect(one).toMatchObject({ model_id: alpha.id, to: today() });
    expect(one.total).toEqual(all.total);
    expect(one.usage.every((row) => row.day === today())).toBe(true);
  });

  it('turn their pages by cursor, and a cursor of another grouping is refused', async () => {
    const query = { group_by: 'day,model,key' };
    const whole = await agent.call(ENDPOINTS.listUsage, { query });
    const rows: typeof whole.usage = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: typeof whole = await agent.call(ENDPOINTS.listUsage, {
        query: { ...query, limit: 1, ...(cursor === '' ? {} : { cursor }) },
      });
      rows.push(...page.usage);
      cursor = page.next_cursor;
      if (cursor !== null) {
        const wrong = await agent.request('GET', `/v1/modelops/usage?group_by=day&cursor=${cursor}`);
        expect(wrong).toMatchObject({ status: 400, body: { details: { fields: ['cursor'] } } });
      }
    }
    expect(rows).toEqual(whole.usage);
    expect(rows.length).toBeGreaterThan(1);
    const events: number[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: { events: { seq: number }[]; next_cursor: string | null } = await agent.call(
        ENDPOINTS.listUsageEvents,
        { query: { limit: 3, ...(cursor === '' ? {} : { cursor }) } },
      );
      events.push(...page.events.map((event) => event.seq));
      cursor = page.next_cursor;
    }
    expect(events).toEqual(events.toSorted((a, b) => b - a));
    expect(events.at(-1)).toBe(1);
  });

  it.each([
    ['from=2026-02-30', 'from'],
    ['from=2026-02-03&to=2026-02-01', 'from'],
    ['from=2024-01-01&to=2026-01-01', 'from'],
    ['group_by=prompt', 'group_by'],
    ['group_by=', 'group_by'],
    ['model_id=../etc', 'model_id'],
    ['limit=0', 'limit'],
    ['cursor=x', 'cursor'],
    ['prompt=1', ''],
  ])('%s is refused, naming the field', async (text, field) => {
    for (const path of ['usage', 'usage.csv']) {
      if (path === 'usage.csv' && /limit|cursor/.test(text)) continue;
      const answer = await agent.request('GET', `/v1/modelops/${path}?${text}`);
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_argument' } });
      expect(JSON.stringify(answer.body['details'])).toContain(field);
    }
  });

  it('of a model nobody sees are not found', async () => {
    expect((await agent.request('GET', '/v1/modelops/models/nobody-v1/usage')).status).toBe(404);
  });

  it('put the calls of two days on two days', async () => {
    const days = async () =>
      (await agent.call(ENDPOINTS.listUsage, { query: { group_by: 'day' } })).usage.map((row) => row.day);
    const first = today();
    shift = 86_400_000;
    await chat();
    expect(await days()).toEqual([today(), first]);
    expect(
      (await agent.call(ENDPOINTS.listUsage, { query: { to: first, group_by: 'day' } })).usage,
    ).toHaveLength(1);
    shift = 0;
  });
});

describe('the export', () => {
  it('carries the same rows, and is a file for spreadsheets', async () => {
    const query = 'group_by=day,model,key';
    const list = await agent.call(ENDPOINTS.listUsage, { query: { group_by: 'day,model,key' } });
    const { headers, text } = await agent.request('GET', `/v1/modelops/usage.csv?${query}`);
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
    expect(headers.get('content-disposition')).toBe(
      `attachment; filename="usage-${list.from}-to-${list.to}.csv"`,
    );
    const [header, ...lines] = text.split('\r\n').slice(0, -1);
    expect(header).toBe(
      'day,model_id,key_id,key_name,calls,errors,streams,prompt_tokens,completion_tokens,latency_ms_mean,latency_ms_max',
    );
    expect(lines).toHaveLength(list.usage.length);
    for (const [i, line] of lines.entries()) {
      const row = list.usage[i];
      expect(line).toContain(`${row?.day},${row?.model_id},${row?.key_id},`);
      expect(line).toContain(`,${row?.calls},${row?.errors},${row?.streams},`);
    }
  });
});

describe('the command line', () => {
  it('shows usage as a table, as JSON and as CSV', async () => {
    const table = await cli(data, ['usage', '--by', 'model']);
    expect(table).toMatchObject({ code: 0 });
    expect(table.stdout).toMatch(/^MODEL +CALLS +ERRORS +STREAMS +IN +OUT +MEAN +LONGEST\n/);
    expect(table.stdout).toContain(alpha.id);
    expect(table.stdout).toMatch(/\ntotal +\d+/);
    const json = await cli(data, ['usage', '--by', 'day,key', '--json']);
    const same = await agent.call(ENDPOINTS.listUsage, { query: { group_by: 'day,key', limit: 100 } });
    expect(JSON.parse(json.stdout)).toEqual(same);
    const csv = await cli(data, ['usage', '--by', 'day', '--model', alpha.id, '--csv']);
    expect(csv.stdout).toMatch(/^day,model_id,.*\r\n\d{4}-\d\d-\d\d,,,,\d+,/);
    expect(await cli(data, ['usage', '--by', 'prompt'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('day, model, key'),
    });
    expect(await cli(data, ['usage', '--from', '2026-02-03', '--to', '2026-02-01', '--csv'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('invalid_argument'),
    });
  });
});

describe('kill -9', () => {
  let own: TemporaryDirectory;
  beforeEach(async () => {
    own = await temporaryDirectory();
    return () => own[Symbol.asyncDispose]();
  });

  it(
    'round after round, in the middle of calls, leaves sums and ring in step, loses no committed batch and counts nothing twice',
    async () => {
      const path = await writeSpeakingModel(join(own.path, 'm.gguf'), 'm');
      const dir = join(own.path, 'data');
      const stored = (): { calls: number; tokens: number; events: number; lastSeq: number } => {
        const sqlite = new BetterSqlite3(join(dir, 'modelops.db'), { readonly: true });
        try {
          return sqlite
            .prepare<[], { calls: number; tokens: number; events: number; lastSeq: number }>(
              `SELECT (SELECT COALESCE(SUM(calls), 0) FROM usage_daily) AS calls,
                 (SELECT COALESCE(SUM(completion_tokens), 0) FROM usage_daily) AS tokens,
                 (SELECT COUNT(*) FROM usage_events) AS events,
                 (SELECT COALESCE(MAX(seq), 0) FROM usage_events) AS lastSeq`,
            )
            .get()!;
        } finally {
          sqlite.close();
        }
      };
      let committed = 0;
      for (let round = 0; round < ROUNDS; round += 1) {
        await using running = await serve(dir);
        if (round === 0) {
          const model = await importModel(running, path, { name: 'm' });
          await serveModel(running, model.id, { config: { threads: 1, context_length: 128 } });
        } else {
          const [slot] = (await running.call(ENDPOINTS.listSlots, {})).slots;
          await running.slot(slot?.id ?? '', (now) => now.load_state === 'loaded');
        }
        const before = stored().calls;
        expect(before).toBeGreaterThanOrEqual(committed);
        let started = 0;
        let answered = 0;
        let seen = 0;
        const { promise: enough, resolve: stop } = Promise.withResolvers<void>();
        const callers = [0, 1].map(async () => {
          for (;;) {
            started += 1;
            const answer = await running
              .request('POST', '/v1/completions', { body: { model: 'm-v1', prompt: 'x', max_tokens: 1 } })
              .catch(() => null);
            if (answer?.status !== 200) return;
            answered += 1;
            // Reading commits what was answered until then.
            if (answered === 20 + round)
              seen = (await running.call(ENDPOINTS.listUsage, { query: { group_by: 'day' } })).total.calls;
            if (answered === 40 + 7 * (round % 9)) stop();
          }
        });
        await enough;
        await running.end('SIGKILL');
        await Promise.all(callers);
        const after = stored();
        expect(seen).toBeGreaterThanOrEqual(before + 20 + round);
        expect(after.calls).toBeGreaterThanOrEqual(seen);
        expect(after.calls).toBeLessThanOrEqual(before + started);
        expect(after.lastSeq).toBe(after.calls);
        expect(after.events).toBe(Math.min(after.calls, 10_000));
        expect(after.tokens).toBe(after.calls);
        committed = after.calls;
      }
    },
    60_000 + ROUNDS * 8000,
  );
});
