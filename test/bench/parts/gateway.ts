import { once } from 'node:events';
import { join } from 'node:path';
import { ENDPOINTS } from '../../../src/shared/contract/index.ts';
import { importModel, serveModel } from '../../support/agent.ts';
import { writeSpeakingModel } from '../../support/models.ts';
import type { LoadResult, LoadTarget, LoadTask } from '../programs/load-types.ts';
import { startAgent } from '../support/agent.ts';
import { LoadGenerator } from '../support/load.ts';
import { median, medianOfPairs, short } from '../support/numbers.ts';
import type { PartContext } from '../support/part.ts';
import { portkeyVersion, startNginx, startPortkey } from '../support/peers.ts';
import { cpuMs } from '../support/processes.ts';
import type { PartResult, Row, Table } from '../support/report.ts';
import type { Scope } from '../support/scope.ts';

const EXPECTED = 'so that only the way to me is measured';
const CONNECTIONS = [1, 16, 64] as const;
const OPEN_RATE = 1000;
const OPEN_CONNECTIONS = 16;
/** Above this share of a core the generator holds back whoever it measures. */
const GENERATOR_LIMIT = 0.9;

/** Somebody who answers chats: the double itself, or one of the gateways before it. */
interface Contestant {
  readonly name: string;
  readonly target: Pick<LoadTarget, 'port' | 'headers'> & { readonly model: string };
  /** Whose processor time is counted; null for the double, which all of them use. */
  readonly pid: number | null;
}

interface Shape {
  readonly name: string;
  readonly connections: number;
  readonly rate: number | null;
  readonly stream: boolean;
}

interface Measured extends LoadResult {
  /** Processor time of the contestant for one request. */
  readonly cpuMicros: number;
}

const SHAPES: readonly Shape[] = [
  { name: 'open', connections: OPEN_CONNECTIONS, rate: OPEN_RATE, stream: false },
  ...CONNECTIONS.map((connections) => ({
    name: `closed-${connections}`,
    connections,
    rate: null,
    stream: false,
  })),
  { name: 'stream-1', connections: 1, rate: null, stream: true },
  { name: 'stream-16', connections: 16, rate: null, stream: true },
];

/** What the gateway adds to a call, beside the same runtime direct, behind nginx and behind Portkey's gateway. */
export async function gateway({ scope, quick, log }: PartContext): Promise<PartResult> {
  const { contestants, notes } = await startAll(scope, log);
  const generator = new LoadGenerator(scope);
  const results = new Map<string, Map<string, Measured[]>>();
  const rounds = quick ? 2 : 5;
  const measureMs = quick ? 1000 : 2500;
  for (let round = -1; round < rounds; round += 1) {
    log(round < 0 ? 'warming up' : `round ${round + 1} of ${rounds}`);
    for (const shape of SHAPES) {
      // Each round begins with another one, so that nobody always runs after the same neighbour.
      for (const contestant of rotated(contestants, round)) {
        const measured = await measure(generator, contestant, shape, round < 0 ? 500 : measureMs);
        if (round >= 0) remember(results, shape.name, contestant.name, measured);
      }
    }
  }
  const read = (shape: string, name: string): Measured[] => results.get(shape)?.get(name) ?? [];
  return {
    part: 'gateway',
    rows: rowsOf(read, contestants),
    tables: [absolutes(read, contestants)],
    notes: [...notes, ...generatorNotes(read, contestants)],
  };
}

function rotated<T>(list: readonly T[], by: number): T[] {
  const at = (by + list.length) % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

function remember(
  results: Map<string, Map<string, Measured[]>>,
  shape: string,
  name: string,
  measured: Measured,
): void {
  const byName = results.get(shape) ?? new Map<string, Measured[]>();
  results.set(shape, byName);
  byName.set(name, [...(byName.get(name) ?? []), measured]);
}

async function startAll(
  scope: Scope,
  log: (text: string) => void,
): Promise<{ contestants: Contestant[]; notes: string[] }> {
  const sockets = await scope.directory('double');
  const engineSocket = join(sockets, 'engine.sock');
  const modelSocket = join(sockets, 'model.sock');
  const double = scope.program('runtime-double', [engineSocket, modelSocket]);
  const [{ port }] = (await once(double, 'message')) as [{ port: number }];
  log('starting the agent with the double in a slot');
  const agent = await startOurs(scope, engineSocket);
  log('starting the peers');
  const nginx = await startNginx(scope, modelSocket);
  const portkey = await startPortkey(scope);
  const contestants: Contestant[] = [
    { name: 'direct', target: { port, headers: {}, model: 'double' }, pid: null },
    ...(nginx === null
      ? []
      : [{ name: 'nginx', target: { port: nginx.port, headers: {}, model: 'double' }, pid: nginx.pid }]),
    {
      name: 'Portkey',
      target: {
        port: portkey.port,
        headers: {
          authorization: 'Bearer none',
          'x-portkey-provider': 'openai',
          'x-portkey-custom-host': `http://127.0.0.1:${port}/v1`,
        },
        model: 'double',
      },
      pid: portkey.pid,
    },
    agent,
  ];
  const notes = [`Portkey's gateway is @portkey-ai/gateway ${portkeyVersion()}.`];
  if (nginx === null) notes.push('nginx is not installed here, so nothing is compared with it.');
  return { contestants, notes };
}

/** The agent with the double loaded, tested, validated and active, called with an ordinary user's key. */
async function startOurs(scope: Scope, engineSocket: string): Promise<Contestant> {
  const directory = await scope.directory('gw');
  const agent = await startAgent(scope, join(directory, 'd'), { DOCKER_HOST: `unix://${engineSocket}` });
  const file = await writeSpeakingModel(join(directory, 'double.gguf'), 'double');
  const model = await importModel(agent, file, { name: 'double' });
  await serveModel(agent, model.id, { runtime_spec: 'llama-cpp-cpu' });
  const { token } = await agent.call(ENDPOINTS.createKey, { body: { name: 'bench', role: 'user' } });
  return {
    name: 'ModelOps',
    target: {
      port: Number(new URL(agent.url).port),
      headers: { authorization: `Bearer ${token}` },
      model: model.id,
    },
    pid: agent.pid,
  };
}

async function measure(
  generator: LoadGenerator,
  { target, pid }: Contestant,
  shape: Shape,
  measureMs: number,
): Promise<Measured> {
  const body = JSON.stringify({
    model: target.model,
    messages: [
      { role: 'system', content: 'You answer questions about the machine that you run on, briefly.' },
      {
        role: 'user',
        content: 'How many layers of this model lie on the processor, and what would change that?',
      },
    ],
    max_tokens: 64,
    temperature: 0,
    ...(shape.stream ? { stream: true } : {}),
  });
  const task: LoadTask = {
    target: {
      host: '127.0.0.1',
      port: target.port,
      path: '/v1/chat/completions',
      headers: target.headers,
      body,
      // A streamed sentence comes in pieces; its last one is as good a proof.
      expect: shape.stream ? 'data: [DONE]' : EXPECTED,
    },
    connections: shape.connections,
    rate: shape.rate,
    firstToken: shape.stream,
    warmUpMs: Math.min(500, measureMs / 2),
    measureMs,
  };
  const before = pid === null ? 0 : await cpuMs(pid);
  const result = await generator.run(task);
  const used = pid === null ? Number.NaN : (await cpuMs(pid)) - before;
  return { ...result, cpuMicros: (used * 1000) / result.sent };
}

type Read = (shape: string, name: string) => Measured[];

function rowsOf(read: Read, contestants: readonly Contestant[]): Row[] {
  const peers = contestants
    .map(({ name }) => name)
    .filter((name) => name !== 'direct' && name !== 'ModelOps');
  const added = (shape: string, name: string, key: 'p50Ms' | 'p99Ms'): number =>
    medianOfPairs(read(shape, name), read(shape, 'direct'), (one, other) => one[key] - other[key]);
  const addedRow = (name: string, shape: string, key: 'p50Ms' | 'p99Ms', limit: number | null): Row => ({
    name,
    value: added(shape, 'ModelOps', key),
    unit: 'ms',
    ...(limit === null ? {} : { target: { relation: '<=', value: limit } }),
    beside: peers.map((peer) => `${peer} adds ${short(added(shape, peer, key))} ms`).join(', '),
  });
  const ratio = (shape: string, name: string): number =>
    medianOfPairs(
      read(shape, 'ModelOps'),
      read(shape, name),
      (one, other) => one.requestsPerSecond / other.requestsPerSecond,
    );
  const rate = (name: string, shape: string): string =>
    short(median(read(shape, name).map((one) => one.requestsPerSecond)));
  const saturated = 'closed-64';
  return [
    addedRow(`added p50, ${OPEN_RATE} requests/s over ${OPEN_CONNECTIONS} connections`, 'open', 'p50Ms', 0.3),
    addedRow(`added p99, ${OPEN_RATE} requests/s over ${OPEN_CONNECTIONS} connections`, 'open', 'p99Ms', 2),
    ...CONNECTIONS.flatMap((count) => [
      addedRow(`added p50, ${plural(count)}, closed loop`, `closed-${count}`, 'p50Ms', null),
      addedRow(`added p99, ${plural(count)}, closed loop`, `closed-${count}`, 'p99Ms', null),
    ]),
    addedRow('first streamed token later, 1 connection', 'stream-1', 'p50Ms', 1),
    addedRow('first streamed token later, 16 connections', 'stream-16', 'p50Ms', null),
    ...peers.map((peer): Row => ({
      name: `requests/s against ${peer}, ${plural(64)}`,
      value: ratio(saturated, peer),
      unit: 'x',
      target: peer === 'nginx' ? { relation: '>=', value: 0.25 } : { relation: '>', value: 1 },
      beside: `${rate('ModelOps', saturated)} against ${rate(peer, saturated)}`,
    })),
  ];
}

function plural(count: number): string {
  return count === 1 ? '1 connection' : `${count} connections`;
}

function absolutes(read: Read, contestants: readonly Contestant[]): Table {
  const middle = (shape: string, name: string, key: keyof Measured): string =>
    short(median(read(shape, name).map((one) => one[key])));
  return {
    title:
      'Medians of the rounds: p50 / p99 in ms (streams: until the first token), requests/s, processor time a request',
    head: ['Load', ...contestants.map(({ name }) => name)],
    rows: SHAPES.map((shape) => [
      shapeTitle(shape),
      ...contestants.map(({ name, pid }) => {
        const cpu = pid === null ? '' : `, ${middle(shape.name, name, 'cpuMicros')} µs`;
        return `${middle(shape.name, name, 'p50Ms')} / ${middle(shape.name, name, 'p99Ms')}, ${middle(shape.name, name, 'requestsPerSecond')}/s${cpu}`;
      }),
    ]),
  };
}

function shapeTitle({ connections, rate, stream }: Shape): string {
  const kind = rate === null ? 'closed' : `${rate}/s`;
  return `${kind}, ${plural(connections)}${stream ? ', streamed' : ''}`;
}

/** Says where the generator, not the contestant, set the pace. */
function generatorNotes(read: Read, contestants: readonly Contestant[]): string[] {
  return SHAPES.filter(({ rate }) => rate === null).flatMap((shape) => {
    const held = contestants.filter(
      ({ name }) => median(read(shape.name, name).map((one) => one.generatorShare)) > GENERATOR_LIMIT,
    );
    if (held.length === 0) return [];
    const names = held.map(({ name }) => name).join(', ');
    return [`${shapeTitle(shape)}: the generator used over 90 % of a core, so ${names} could do more.`];
  });
}
