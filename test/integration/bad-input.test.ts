import { Agent, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { ENDPOINTS, isErrorCode, type Endpoint } from '../../src/shared/contract/index.ts';
import { importModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import {
  mustRefuseBody,
  isUncleanText,
  names,
  sampleOf,
  samplesOf,
  spoiled,
  valueOf,
} from '../support/bad-requests.ts';
import { DatabaseDigest } from '../support/database-digest.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

/**
 * Every row of the contract under generated bad input: always a refusal with the envelope and the field, never a 5xx,
 * and nothing written. `MODELOPS_ROUNDS` scales it; a failure prints the seed, and MODELOPS_SEED repeats it.
 */
const ROUNDS = Number(process.env['MODELOPS_ROUNDS'] ?? 20);
const SEED = Number(process.env['MODELOPS_SEED'] ?? Date.now() % 2 ** 31);

const rows = Object.entries<Endpoint>(ENDPOINTS);
let directory: TemporaryDirectory;
let agent: TestAgent;
let digest: DatabaseDigest;
const connections = new Agent({ keepAlive: true, maxSockets: 4 });

beforeAll(async () => {
  console.log(`bad input: seed ${SEED}, ${ROUNDS} rounds`);
  directory = await temporaryDirectory();
  agent = await startTestAgent(join(directory.path, 'data'));
  await importModel(agent, await writeSpeakingModel(join(directory.path, 'alpha.gguf'), 'alpha'));
  await agent.call(ENDPOINTS.createSlot, {
    body: { id: 'alpha', capability: 'llm_inference', runtime_spec: 'embedded-llama' },
  });
  digest = new DatabaseDigest(agent.dataDir);
});
afterAll(async () => {
  digest[Symbol.dispose]();
  connections.destroy();
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});

interface Sent {
  readonly path: string;
  readonly body?: string | Buffer;
  readonly headers?: Record<string, string>;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** As it is: fetch would tidy the path up. */
function send(method: string, { path, body, headers = {} }: Sent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { port } = new URL(agent.url);
    const outgoing = httpRequest(
      {
        host: '127.0.0.1',
        port,
        method,
        path,
        agent: connections,
        signal: AbortSignal.timeout(20_000),
        headers: {
          authorization: `Bearer ${agent.token}`,
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
          ...headers,
        },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.once('error', reject).once('end', () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    outgoing.once('error', reject).end(body);
  });
}

/** The path of a row with ids that are valid and mostly name something that is there. */
function pathOf(row: Endpoint, put: Record<string, string> = {}): string {
  return row.path.replace(/:(\w+)|\*/g, (_text, name: string | undefined) => {
    const key = name ?? '*';
    if (put[key] !== undefined) return put[key];
    if (key === 'id') return row.path.includes('/slots/') ? 'alpha' : 'alpha-v1';
    if (key === 'uuid') return 'GPU-alpha';
    return key === '*' ? 'model.gguf' : 'alpha';
  });
}

/** What a refusal says; fails when it is none. */
function refusal(row: Endpoint, answer: Answer, what: string): { code: string; fields: string[] } {
  const about = `${row.method} ${row.path} with ${what}: ${answer.status} ${answer.text.slice(0, 300)}`;
  expect(answer.status, about).toBeGreaterThanOrEqual(400);
  expect(answer.status, about).toBeLessThan(500);
  const body = JSON.parse(answer.text) as Record<string, unknown>;
  const inner = (typeof body['error'] === 'object' ? body['error'] : body) as Record<string, unknown>;
  const code = inner['code'] ?? inner['error'];
  expect(isErrorCode(code), about).toBe(true);
  expect(inner['message'], about).toEqual(expect.stringMatching(/\S.*\.$/s));
  expect(inner['request_id'], about).toEqual(expect.stringMatching(/^req_/));
  expect(answer.text, about).not.toMatch(/node_modules|\bat [\w.]+ \(|SQLITE_|ZodError/);
  expect(answer.text.length, about).toBeLessThan(20_000);
  if (row.kind === 'openai') expect(inner['type'], about).toEqual(expect.any(String));
  const details = (inner['details'] ?? {}) as Record<string, unknown>;
  const fields = Array.isArray(details['fields']) ? (details['fields'] as string[]) : [];
  if (code === 'invalid_argument') {
    expect(fields.length, about).toBeGreaterThan(0);
    if (row.kind === 'openai') expect(inner['param'], about).toBe(fields[0]);
  }
  return { code: String(code), fields };
}

const shown = (value: unknown): string => {
  const text = JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
};

async function writesNothing(run: () => Promise<void>): Promise<void> {
  const before = digest.take();
  await run();
  expect(digest.take()).toEqual(before);
}

describe('a bad body', () => {
  it.each(rows.filter(([, row]) => row.method !== 'GET'))('%s', async (_id, row) => {
    const schema: z.ZodType | undefined = row.body;
    const samples = schema === undefined ? [{}] : samplesOf(schema);
    await writesNothing(async () => {
      await fc.assert(
        fc.asyncProperty(spoiled(samples), async (chosen) => {
          const { path } = chosen;
          const value = valueOf(chosen);
          fc.pre(mustRefuseBody(row, value));
          const answer = await send(row.method, { path: pathOf(row), body: JSON.stringify(value) });
          if (answer.status === 413) return;
          const { code, fields } = refusal(row, answer, shown(value));
          expect(code).toBe('invalid_argument');
          expect(
            names(fields, path, 'body'),
            `${fields.join(', ')} for ${path.join('.')}: ${shown(value)}`,
          ).toBe(true);
        }),
        { numRuns: ROUNDS, seed: SEED, maxSkipsPerRun: 200 },
      );
    });
  });
});

const MALFORMED = [
  '{',
  '{"a":1,}',
  'nul',
  'null',
  '123',
  '"text"',
  '[1,2',
  '{"a":1}{"b":2}',
  "{'a':1}",
  '\u0000',
  '{"__proto__":{"role":"superadmin"}}',
  Buffer.from([0xff, 0xfe, 0x7b, 0x7d]),
  '['.repeat(200_000),
  `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`,
];

describe('what is no body', () => {
  it.each(rows.filter(([, row]) => row.method !== 'GET'))('%s', async (_id, row) => {
    await writesNothing(async () => {
      for (const body of MALFORMED) {
        const { code, fields } = refusal(
          row,
          await send(row.method, { path: pathOf(row), body }),
          shown(body.toString().slice(0, 60)),
        );
        expect(code).toBe('invalid_argument');
        expect(fields.length).toBeGreaterThan(0);
      }
      for (const type of [
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data',
        'application/xml',
      ]) {
        const answer = await send(row.method, {
          path: pathOf(row),
          body: '{}',
          headers: { 'content-type': type },
        });
        expect(refusal(row, answer, type)).toEqual({ code: 'invalid_argument', fields: ['content-type'] });
      }
      if (row.kind === 'openai') return;
      const large = await send(row.method, { path: pathOf(row), body: `{"x":"${'y'.repeat(1_100_000)}"}` });
      expect(refusal(row, large, 'a body of 1.1 MB').code).toBe('payload_too_large');
    });
  });
});

describe('a bad If-Match', () => {
  it.each(rows.filter(([, row]) => row.method !== 'GET' && row.role !== 'open'))('%s', async (_id, row) => {
    const body = row.body === undefined ? undefined : JSON.stringify(sampleOf(row.body));
    await writesNothing(async () => {
      for (const match of [
        'abc',
        '-1',
        '1.5',
        '',
        '""',
        'W/"1"',
        '*',
        '1e3',
        '0x10',
        '99999999999999999999',
        '1, 2',
      ]) {
        const answer = await send(row.method, {
          path: pathOf(row),
          headers: { 'if-match': match },
          ...(body === undefined ? {} : { body }),
        });
        const { code, fields } = refusal(row, answer, `If-Match ${match}`);
        expect([code, ...fields]).toEqual(['invalid_argument', 'if-match']);
      }
    });
  });
});

const BAD_QUERIES = [
  '',
  ' ',
  '-1',
  '0',
  '201',
  '1.5',
  'NaN',
  '1e309',
  'no-such-value',
  "'--",
  'x'.repeat(6000),
  'with\0zero',
];

describe('a bad query', () => {
  it.each(rows)('%s', async (_id, row) => {
    const shape = Object.entries<z.ZodType>(row.query?.shape ?? {});
    const keys = shape.map(([key]) => key);
    const needed = shape.flatMap(([key, schema]): [string, string][] =>
      schema.safeParse(undefined).success ? [] : [[key, String(sampleOf(schema))]],
    );
    await writesNothing(async () => {
      const unknown = await send(row.method, { path: `${pathOf(row)}?no_such_key=1` });
      expect(refusal(row, unknown, 'an unknown query key').fields).toContain('no_such_key');
      for (const key of keys) {
        for (const value of BAD_QUERIES) {
          const isBad =
            isUncleanText(value) ||
            !row.query!.safeParse({ ...Object.fromEntries(needed), [key]: value }).success;
          if (!isBad) continue;
          const query = new URLSearchParams([...needed.filter(([one]) => one !== key), [key, value]]);
          const answer = await send(row.method, { path: `${pathOf(row)}?${query.toString()}` });
          const { fields } = refusal(row, answer, `${key}=${value.slice(0, 40)}`);
          expect(names(fields, [key], 'query'), `${fields.join(', ')} for ${key}`).toBe(true);
        }
      }
    });
  });
});

/** Text that means something to a full-text index, to LIKE, to SQL, to a path or to a time zone. */
const ODD_TEXTS = [
  '"',
  "'",
  '*',
  'AND',
  'a AND',
  'NOT',
  'NEAR(',
  'a"b',
  '(',
  ')',
  '-x',
  '^a',
  'name:',
  'name:a',
  '%_',
  '\\',
  '\u{1f9ea}',
  'e\u0301',
  'İ',
  '../..',
  'a,b',
  '0000-00-00',
  '2026-02-30',
  '9999-12-31',
  '-0',
  '\t',
];

describe('an odd text where a query takes any', () => {
  it.each(rows.filter(([, row]) => row.method === 'GET' && row.kind !== 'events' && row.query !== undefined))(
    '%s',
    async (_id, row) => {
      await writesNothing(async () => {
        for (const key of Object.keys(row.query!.shape)) {
          for (const value of ODD_TEXTS) {
            const query = new URLSearchParams({ [key]: value }).toString();
            const answer = await send('GET', { path: `${pathOf(row)}?${query}` });
            const about = `${row.path}?${query}: ${answer.status} ${answer.text.slice(0, 300)}`;
            expect(answer.status, about).toBeLessThan(500);
            if (answer.status >= 400) refusal(row, answer, about);
          }
        }
      });
    },
  );
});

const base64url = (text: string): string => Buffer.from(text).toString('base64url');
const BAD_CURSORS = [
  'not-a-cursor',
  '%00',
  ...['', 'null', '{}', '[]', '[null]', '[true]', '[[[1]]]', '{"seq":1}', '"x"', '[1.5]', '[{}]'].map(
    base64url,
  ),
  base64url(`[${'['.repeat(300)}`),
];

describe('a bad cursor', () => {
  it.each(rows.filter(([, row]) => 'cursor' in (row.query?.shape ?? {})))('%s', async (_id, row) => {
    await writesNothing(async () => {
      for (const cursor of BAD_CURSORS) {
        // An empty one is as if there were none.
        if (cursor === '') continue;
        const { fields } = refusal(
          row,
          await send(row.method, { path: `${pathOf(row)}?cursor=${cursor}` }),
          `cursor ${cursor}`,
        );
        expect(fields, cursor).toEqual(['cursor']);
      }
    });
  });
});

const BAD_IDS = [
  '..',
  '.',
  '%2e%2e',
  '..%2f..%2fetc%2fpasswd',
  'a%2fb',
  '..%5c..',
  '%00',
  'a%00b',
  '%',
  '%zz',
  '%ed%a0%80',
  '%c0%ae',
  'UPPER',
  'with%20space',
  '%C3%BC',
  "'--",
  '-x',
  'x'.repeat(129),
  'x'.repeat(1000),
  '%252e%252e',
  '%0a',
];

describe('a bad id in the path', () => {
  it.each(rows.filter(([, row]) => row.params !== undefined))('%s', async (_id, row) => {
    const body = row.body === undefined ? undefined : JSON.stringify(sampleOf(row.body));
    await writesNothing(async () => {
      for (const name of Object.keys(row.params!.shape)) {
        for (const text of BAD_IDS) {
          if (isGoodId(row, name, text)) continue;
          const answer = await send(row.method, {
            path: pathOf(row, { [name]: text }),
            ...(body === undefined ? {} : { body }),
          });
          const { code } = refusal(row, answer, `${name} ${text}`);
          expect(['invalid_argument', 'not_found']).toContain(code);
        }
      }
    });
  });
});

/** Whether a piece of a path is an id that a row takes; then it may name something, and there is nothing to refuse. */
function isGoodId(row: Endpoint, name: string, text: string): boolean {
  let id: string;
  try {
    id = decodeURIComponent(text);
  } catch {
    // No UTF-8: nobody takes that.
    return false;
  }
  if (isUncleanText(id)) return false;
  const params = Object.fromEntries(
    Object.keys(row.params!.shape).map((key) => [
      key,
      key === name ? id : key === 'uuid' ? 'GPU-alpha' : 'alpha',
    ]),
  );
  return row.params!.safeParse(params).success;
}
