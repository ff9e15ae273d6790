import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  leaks,
  readTrace,
  sealedNetwork,
  tracer,
  type SealedNetwork,
  type Trace,
} from '../support/sealed-network.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

/**
 * The proof of the offline profile, from outside: nothing that the agent, its runtimes and its commands do in a working
 * day names an address beyond this machine, asks for a name, or puts a packet on the only way out.
 */

const program = (name: string): string => fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url));
const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' };
const ENTRY = fileURLToPath(new URL('../../bin/modelops.mjs', import.meta.url));

let directory: TemporaryDirectory;
let network: SealedNetwork;
beforeAll(async () => {
  directory = await temporaryDirectory();
  network = await sealedNetwork();
});
afterAll(async () => {
  await network[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

/** Runs something under the tracer. */
async function watch(
  name: string,
  args: readonly string[],
  more: Record<string, string> = {},
): Promise<{ trace: Trace; packets: number; stdout: string; code: number | null }> {
  const file = join(directory.path, `${name}.trace`);
  const before = await network.packetsSent();
  const [command = '', ...options] = tracer(file);
  const { stdout, code } = await network.run(command, [...options, process.execPath, ...args], {
    ...env,
    ...more,
  });
  return { trace: await readTrace(file), packets: (await network.packetsSent()) - before, stdout, code };
}

describe('the proof itself', () => {
  it.each([
    ['ipv4', '192.0.2.1 port 80'],
    ['ipv6', '2001:db8:1::1 port 80'],
    ['datagram', '192.0.2.1 port 9'],
  ])('sees a program that calls home by %s, in the trace and in the packets', async (way, leak) => {
    const { trace, packets } = await watch(way, [program('plain-connection'), way]);
    expect(leaks(trace)).toContain(leak);
    expect(packets).toBeGreaterThan(0);
  });

  it('sees a program that asks for a name', async () => {
    const quickly = { RES_OPTIONS: 'timeout:1 attempts:1' };
    const { trace } = await watch('name', [program('plain-connection'), 'name'], quickly);
    expect(leaks(trace).join()).toMatch(/port 53|resolve/);
  });

  it('sees an agent that is online reach for what it was pointed at', async () => {
    const dataDir = join(directory.path, 'online');
    const file = join(directory.path, 'online.trace');
    // Nobody answers there, so the agent is ended as soon as it was seen to ask.
    const script = [
      `${process.execPath} ${ENTRY} serve --json --port 0 > ${dataDir}.ready & agent=$!`,
      `until [ -s ${dataDir}.ready ]; do kill -0 $agent || exit 1; sleep 0.05; done`,
      `${process.execPath} ${ENTRY} doctor & doctor=$!`,
      `until grep -q 'htons[(]2375[)]' ${file}; do kill -0 $agent || exit 1; sleep 0.05; done`,
      'kill -9 $agent; wait $doctor',
    ].join('\n');
    const before = await network.packetsSent();
    const [command = '', ...options] = tracer(file);
    await network.run(command, [...options, 'sh', '-c', script], {
      ...env,
      MODELOPS_DATA_DIR: dataDir,
      DOCKER_HOST: 'tcp://192.0.2.1:2375',
    });
    expect(leaks(await readTrace(file))).toContain('192.0.2.1 port 2375');
    expect(await network.packetsSent()).toBeGreaterThan(before);
  });
});

describe('a working day offline', () => {
  it('names no address beyond this machine, asks for no name, and sends no packet', async () => {
    const traces = join(directory.path, 'day');
    const before = await network.packetsSent();
    const { stdout, stderr, code } = await network.run(
      process.execPath,
      [program('working-day'), join(directory.path, 'w'), traces],
      env,
    );
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    const day = JSON.parse(stdout) as {
      events: { what: string; answer: string }[];
      proxy_heard: number;
      provider_asked: { online: number; offline: number };
      engine_asked: string[];
      refused_count: number;
      refused: string[];
      provider: string;
    };
    const files = (await readdir(directory.path)).filter((name) => name.startsWith('day.'));
    expect(files.length).toBeGreaterThan(10);
    for (const file of files) {
      const trace = await readTrace(join(directory.path, file));
      expect({ file, leaks: leaks(trace) }).toEqual({ file, leaks: [] });
    }
    expect((await network.packetsSent()) - before).toBe(0);
    expect(day.proxy_heard).toBe(0);
    expect(day.provider_asked).toEqual({ online: 3, offline: 0 });
    expect(day.engine_asked).toContainEqual(expect.stringMatching(/^GET \/images\/.+\/json$/));
    expect(day.engine_asked.filter((request) => !request.startsWith('GET '))).toEqual([]);

    // What was refused is what was tried, newest first.
    expect(day.refused).toEqual([
      'provider [2001:db8:1::1]',
      'provider 192.0.2.1',
      'provider provider.example',
      ...Array.from({ length: 6 }, () => `provider ${day.provider}`),
    ]);
    expect(day.refused_count).toBe(day.refused.length);

    // The day was one: the runtime was traced too, and everything ended as it should.
    const agent = await readTrace(`${traces}.agent`);
    expect(agent.programs.join('\n')).toMatch(/embedded-runtime/);
    expect(agent.sockets.join('\n')).toMatch(/docker\.sock/);
    // The provider on loopback in the morning: what leaves no machine is seen all the same.
    expect(agent.destinations.map(({ address, port }) => `${address}:${port}`)).toContain(day.provider);
    expect(day.events.map(({ what, answer }) => `${what}: ${answer}`)).toEqual(DAY);
  });
});

const DAY = [
  'chat: 200',
  'stream: 200',
  'embed: 200',
  'test: 200',
  'restart slot: 202',
  'call cloud model online: 200',
  'go offline: 200',
  'GET /: 200',
  'GET /metrics: 200',
  'GET /v1/system: 200',
  'GET /v1/openapi.json: 200',
  'GET /v1/modelops/doctor: 200',
  'GET /v1/modelops/runtimes: 200',
  'GET /v1/modelops/usage: 200',
  'GET /v1/modelops/usage.csv: 200',
  'GET /v1/modelops/models: 200',
  'GET /v1/modelops/audit/verify: 200',
  'chat: 200',
  'load in docker: image_missing',
  'call cloud model: offline_not_allowed',
  'generate with cloud model: offline_not_allowed',
  'test cloud model: offline_not_allowed',
  'deactivate cloud model: 200',
  'activate cloud model: offline_not_allowed',
  'probe: runtime_profile_blocks_internet',
  'discover: runtime_profile_blocks_internet',
  'try key at https://provider.example/v1: runtime_profile_blocks_internet',
  'try key at https://192.0.2.1/v1: runtime_profile_blocks_internet',
  'try key at https://[2001:db8:1::1]/v1: runtime_profile_blocks_internet',
  'effects of online: 200',
  'modelops status: 0',
  'modelops doctor: 0',
  'modelops models list: 0',
  'modelops usage: 0',
  'modelops profile: 0',
  'modelops run sample: 0',
  'modelops backup: 0',
  'remote engine: refused',
  'locked: 1',
  'modelops stop --slots: 0',
];
