import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { openDatabase } from '../../../test/support/database.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../../test/support/temporary.ts';
import type { UsageGroup } from '../../shared/contract/index.ts';
import type { Viewer } from '../access/index.ts';
import type { Database } from '../kernel/database/database.ts';
import { createLogger } from '../kernel/logger.ts';
import type { CallRecord } from './call.ts';
import { csvField, csvRecord } from './csv.ts';
import { UsageRecorder } from './recorder.ts';
import { dayRange, metricsOf, UsageQuery } from './usage-query.ts';
import { RING_ROWS, UsageStore } from './usage-store.ts';

let directory: TemporaryDirectory;
let database: Database;
let now: number;
let usage: UsageRecorder;
let query: UsageQuery;

const NOON = Date.parse('2026-11-20T12:00:00Z');
const DAY = 86_400_000;
const ADMIN: Viewer = { principalId: 'p-admin', role: 'admin' };
const call = (more: Partial<CallRecord> = {}): CallRecord => ({
  modelId: 'alpha-v1',
  keyId: 'k1',
  requestId: 'req_1',
  route: '/v1/chat/completions',
  ok: more.error == null,
  error: null,
  streamed: false,
  promptTokens: 10,
  completionTokens: 5,
  latencyMs: 100,
  firstByteMs: 20,
  ...more,
});

beforeEach(async () => {
  directory = await temporaryDirectory();
  database = await openDatabase(join(directory.path, 'modelops.db'));
  now = NOON;
  usage = recorder();
  query = new UsageQuery(database);
  return () => directory[Symbol.asyncDispose]();
});

function recorder(): UsageRecorder {
  return new UsageRecorder({
    store: new UsageStore(database),
    clock: { now: () => now },
    log: createLogger({ level: 'silent' }),
  });
}

const written = () => ({
  calls: database.query<{ n: number | null }>('SELECT SUM(calls) AS n FROM usage_daily', [])[0]?.n ?? 0,
  events: database.query<{ n: number }>('SELECT COUNT(*) AS n FROM usage_events', [])[0]?.n ?? 0,
  lastSeq: database.query<{ n: number | null }>('SELECT MAX(seq) AS n FROM usage_events', [])[0]?.n ?? 0,
});
const range = { from: '2026-11-01', to: '2026-11-30' };
const list = (groups: UsageGroup[], more: { modelId?: string; keyId?: string } = {}, viewer = ADMIN) =>
  query.list(viewer, { ...range, groups, ...more }, null, 1000);

describe('what is counted', () => {
  it('latency is of successful calls alone, errors and streams stand beside', () => {
    usage.record(call({ latencyMs: 100.4, streamed: true }));
    usage.record(call({ latencyMs: 300 }));
    usage.record(call({ latencyMs: 9000, error: 'upstream_failed', promptTokens: 0, completionTokens: 0 }));
    usage.flush();
    const [row] = list(['model']);
    expect(metricsOf(row!)).toEqual({
      calls: 3,
      errors: 1,
      streams: 1,
      prompt_tokens: 20,
      completion_tokens: 10,
      latency_ms_mean: 200,
      latency_ms_max: 300,
    });
    usage.record(call({ modelId: 'broken-v1', error: 'upstream_failed' }));
    usage.flush();
    expect(metricsOf(list(['model'], { modelId: 'broken-v1' })[0]!)).toMatchObject({
      calls: 1,
      latency_ms_mean: null,
      latency_ms_max: null,
    });
  });

  it('the ring keeps the latest, and no more', () => {
    for (let i = 1; i <= RING_ROWS + 300; i += 1) {
      usage.record(call({ requestId: `req_${i}` }));
      if (i % 250 === 0) usage.flush();
    }
    usage.flush();
    expect(written()).toEqual({ calls: RING_ROWS + 300, events: RING_ROWS, lastSeq: RING_ROWS + 300 });
    const oldest = database.query<{ request_id: string }>(
      'SELECT request_id FROM usage_events ORDER BY seq LIMIT 1',
      [],
    );
    expect(oldest).toEqual([{ request_id: 'req_301' }]);
  });

  it('sums and ring agree after every batch, also when the database refuses some of them', () => {
    const refuse = (): void => {
      database.transactLazily(() =>
        database
          .prepare("CREATE TRIGGER refuse BEFORE INSERT ON usage_events BEGIN SELECT RAISE(ABORT, 'no'); END")
          .run({}),
      );
    };
    const accept = (): void => {
      database.transactLazily(() => database.prepare('DROP TRIGGER IF EXISTS refuse').run({}));
    };
    let made = 0;
    let today = 0;
    const steps = fc.array(fc.constantFrom('call', 'call', 'call', 'flush', 'refused flush'), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(steps, (all) => {
        for (const step of all) {
          if (step === 'call') {
            usage.record(call({ keyId: `k${made % 3}` }));
            made += 1;
          } else if (step === 'flush') expect(usage.flush()).toBe(true);
          else {
            const before = written();
            refuse();
            // Nothing waits: nothing is tried.
            if (!usage.flush()) expect(written()).toEqual(before);
            accept();
          }
          const { calls, lastSeq } = written();
          expect(lastSeq).toBe(calls);
          expect(calls).toBeLessThanOrEqual(made);
        }
        usage.flush();
        expect(written()).toMatchObject({ calls: made, lastSeq: made });
        today = usage.today('k0').calls + usage.today('k1').calls + usage.today('k2').calls;
        expect(today).toBe(made);
        expect(usage.totals(['alpha-v1']).get('alpha-v1')?.calls ?? 0).toBe(made);
      }),
      { numRuns: 40 },
    );
  });

  it('totals of a model hold what is not written yet', () => {
    expect(usage.totals(['alpha-v1'])).toEqual(new Map());
    usage.record(call());
    expect(usage.totals(['alpha-v1', 'beta-v1'])).toEqual(
      new Map([
        ['alpha-v1', { calls: 1, errors: 0, prompt_tokens: 10, completion_tokens: 5, last_used_at: NOON }],
      ]),
    );
    usage.flush();
    now += 5;
    usage.record(call({ error: 'upstream_failed' }));
    expect(usage.totals(['alpha-v1']).get('alpha-v1')).toMatchObject({
      calls: 2,
      errors: 1,
      last_used_at: NOON + 5,
    });
  });
});

describe('what a key used today', () => {
  it('counts at once, over restarts, and starts again at midnight UTC', () => {
    usage.record(call());
    expect(usage.today('k1')).toEqual({ calls: 1, tokens: 15 });
    usage.record(call({ keyId: 'k2' }));
    usage.record(call());
    expect(usage.today('k1')).toEqual({ calls: 2, tokens: 30 });
    usage.flush();
    expect(usage.today('k1')).toEqual({ calls: 2, tokens: 30 });
    usage = recorder();
    expect(usage.today('k1')).toEqual({ calls: 2, tokens: 30 });

    now = Date.parse('2026-11-20T23:59:59.999Z');
    usage.record(call());
    expect(usage.today('k1').calls).toBe(3);
    now += 1;
    expect(usage.today('k1')).toEqual({ calls: 0, tokens: 0 });
    usage.record(call());
    expect(usage.today('k1').calls).toBe(1);
    usage.flush();
    expect(list(['day'], { keyId: 'k1' }).map((row) => [row.day, row.calls])).toEqual([
      ['2026-11-21', 1],
      ['2026-11-20', 3],
    ]);
  });

  it('is right on both days of a clock that is set back, written or not', () => {
    usage.record(call());
    now -= DAY;
    expect(usage.today('k1')).toEqual({ calls: 0, tokens: 0 });
    usage.record(call());
    usage.record(call());
    now += DAY;
    expect(usage.today('k1')).toEqual({ calls: 1, tokens: 15 });
    usage.flush();
    now -= DAY;
    expect(usage.today('k1')).toEqual({ calls: 2, tokens: 30 });
  });
});

describe('lists', () => {
  it('page by page give the same as in one, for every grouping', () => {
    for (let i = 0; i < 60; i += 1) {
      now = NOON - (i % 5) * DAY;
      usage.record(call({ modelId: `m${i % 4}-v1`, keyId: `k${i % 3}` }));
    }
    usage.flush();
    const groupings: UsageGroup[][] = [
      ['day'],
      ['model'],
      ['key'],
      ['day', 'model'],
      ['day', 'key'],
      ['model', 'key'],
      ['day', 'model', 'key'],
    ];
    for (const groups of groupings) {
      const whole = list(groups);
      const paged: typeof whole = [];
      for (let after: string[] | null = null; ;) {
        const page = query.list(ADMIN, { ...range, groups }, after, 4);
        paged.push(...page);
        const last = page.at(-1);
        if (last === undefined) break;
        const values = { day: last.day, model: last.model_id, key: last.key_id };
        after = groups.map((group) => values[group] ?? '');
      }
      expect(paged).toEqual(whole);
      expect(whole.reduce((sum, row) => sum + row.calls, 0)).toBe(60);
      expect(new Set(whole.map((row) => JSON.stringify([row.day, row.model_id, row.key_id]))).size).toBe(
        whole.length,
      );
    }
    const days = list(['day']).map((row) => row.day ?? '');
    expect(days).toEqual(days.toSorted((a, b) => (a < b ? 1 : -1)));
  });

  it('leave the sample out unless it is named', () => {
    addModel('alpha-v1', {});
    addModel('sample-v1', { is_sample: 1 });
    usage.record(call());
    usage.record(call({ modelId: 'sample-v1' }));
    usage.flush();
    expect(query.total(ADMIN, { ...range, groups: ['day'] }).calls).toBe(1);
    expect(list(['model']).map((row) => row.model_id)).toEqual(['alpha-v1']);
    expect(query.total(ADMIN, { ...range, groups: ['day'], modelId: 'sample-v1' }).calls).toBe(1);
  });

  it('show a user his own keys and his own models, an administrator all', () => {
    addPrincipal('p-ann', 'ann');
    addPrincipal('p-bob', 'bob');
    addKey('k-ann', 'p-ann', 'api', 'ann-app');
    addKey('k-bob', 'p-bob', 'session', 'browser');
    addModel('mine-v1', { owner_user_id: 'p-ann' });
    addModel('other-v1', {});
    for (const modelId of ['mine-v1', 'other-v1'])
      for (const keyId of ['k-ann', 'k-bob', 'k-gone']) usage.record(call({ modelId, keyId }));
    usage.flush();
    const ann: Viewer = { principalId: 'p-ann', role: 'user' };
    const seen = (viewer: Viewer) =>
      list(['model', 'key'], {}, viewer).map((row) => [row.model_id, row.key_id, row.key_name]);
    expect(seen(ann)).toEqual([
      ['mine-v1', 'k-ann', 'ann-app'],
      ['mine-v1', 'k-bob', 'browser of bob'],
      ['mine-v1', 'k-gone', null],
      ['other-v1', 'k-ann', 'ann-app'],
    ]);
    expect(seen({ principalId: 'p-bob', role: 'reviewer' })).toEqual([
      ['mine-v1', 'k-bob', 'browser of bob'],
      ['other-v1', 'k-bob', 'browser of bob'],
    ]);
    expect(seen(ADMIN)).toHaveLength(6);
    expect(query.total(ann, { ...range, groups: ['day'] }).calls).toBe(4);
    expect(query.events(ann, {}, null, 50)).toHaveLength(4);
    expect(query.events(ADMIN, {}, null, 50)).toHaveLength(6);
    expect(query.events(ann, { keyId: 'k-bob' }, null, 50).map((row) => row.model_id)).toEqual(['mine-v1']);
  });
});

describe('a range of days', () => {
  const today = '2026-11-21';
  it.each([
    [{}, { from: '2026-10-23', to: today }],
    [{ to: '2026-03-01' }, { from: '2026-01-31', to: '2026-03-01' }],
    [{ from: '2026-11-01' }, { from: '2026-11-01', to: today }],
    [{ from: '2026-12-01' }, { from: '2026-12-01', to: '2026-12-01' }],
    [
      { from: '2025-10-18', to: today },
      { from: '2025-10-18', to: today },
    ],
  ])('%j is %j', (asked, expected) => {
    expect(dayRange(asked, today)).toEqual(expected);
  });
  it.each([[{ from: '2026-11-22', to: today }], [{ from: '2025-10-17', to: today }]])(
    '%j is refused with its fields',
    (asked) => {
      expect(() => dayRange(asked, today)).toThrow(
        expect.objectContaining({ code: 'invalid_argument', details: { fields: ['from', 'to'] } }),
      );
    },
  );
});

describe('CSV', () => {
  it.each([
    ['plain', 'plain'],
    [null, ''],
    [-3, '-3'],
    ['a,b', '"a,b"'],
    ['say "x"', '"say ""x"""'],
    ['two\nlines', '"two\nlines"'],
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\t=1"],
    ['=HYPERLINK("http://x","y")', '"\'=HYPERLINK(""http://x"",""y"")"'],
  ])('%j is written as %s', (value, text) => {
    expect(csvField(value)).toBe(text);
  });

  it('ends its records as RFC 4180 says', () => {
    expect(csvRecord(['a', 1, null])).toBe('a,1,\r\n');
  });
});

function addPrincipal(id: string, name: string): void {
  run(
    `INSERT INTO principals (id, kind, name, role, created_at) VALUES (?, 'person', ?, 'user', 1)`,
    id,
    name,
  );
}
function addKey(id: string, principal: string, kind: string, name: string): void {
  run(
    `INSERT INTO api_keys (id, principal_id, kind, name, role, hash, last4, created_at)
     VALUES (?, ?, ?, ?, 'user', CAST(? AS BLOB), 'xxxx', 1)`,
    id,
    principal,
    kind,
    name,
    id,
  );
}
function addModel(id: string, { is_sample = 0, owner_user_id = null as string | null }): void {
  run(`INSERT INTO families (uid, name, task_key, created_at) VALUES (?, ?, 'llm', 1)`, id, id);
  run(
    `INSERT INTO versions (family_id, seq, content_id, kind, source, published_at)
     SELECT id, 1, 'c', 'local', 'import', 1 FROM families WHERE name = ?`,
    id,
  );
  run(
    `INSERT INTO models (id, version_id, name, seq, task_key, hosting, provider, visibility_scope, owner_type, owner_user_id,
       lifecycle_state, artifact_status, is_sample, created_at, updated_at)
     SELECT ?, versions.id, name, 1, 'llm', 'local', 'local', 'platform', 'platform', ?, 'active', 'ready', ?, 1, 1
     FROM versions JOIN families ON families.id = family_id WHERE name = ?`,
    id,
    owner_user_id,
    is_sample,
    id,
  );
}
function run(sql: string, ...params: (string | number | null)[]): void {
  const names = params.map((_value, i) => `p${i}`);
  let i = 0;
  const named = sql.replace(/\?/g, () => `:${names[i++]}`);
  database.prepare(named).run(Object.fromEntries(params.map((value, n) => [`p${n}`, value])));
}
