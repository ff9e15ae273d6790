import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Benchmark } from '../../src/shared/contract/index.ts';
import { importModel, serveModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { cli } from '../support/process.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let agent: TestAgent;
let data: string;
let slot: string;

beforeAll(async () => {
  directory = await temporaryDirectory();
  data = join(directory.path, 'data');
  agent = await startTestAgent(data);
  const alpha = await importModel(agent, await writeSpeakingModel(join(directory.path, 'a.gguf'), 'alpha'));
  slot = (await serveModel(agent, alpha.id, { config: { threads: 1, context_length: 256 } })).slot_id;
});
afterAll(async () => {
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});

const run = (...args: string[]) => cli(data, args);

describe('benchmarks on the command line', () => {
  it('measure a slot with a line for each round, and a table at the end', async () => {
    const { code, stdout, stderr } = await run(
      'slots',
      'bench',
      slot,
      '--concurrency',
      '1,2',
      '--requests',
      '2',
      '--output',
      '8',
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^ +1 at once: [\d.]+ tokens\/s, first token after \d+ ms/m);
    expect(stdout).toMatch(/^ +2 at once: /m);
    expect(stdout).toContain(`a-v1 on slot ${slot}, embedded-llama, `);
    expect(stdout).toMatch(/^AT ONCE +REQUESTS +ERRORS +TOKENS\/S/m);
    expect(stdout).toMatch(/^1 +2 +0 +[\d.]+/m);
    expect(stdout).toMatch(/^2 +2 +0 +[\d.]+/m);
  });

  it('are listed side by side, by model and by name, and as JSON', async () => {
    const measured = await run('slots', 'bench', slot, '--concurrency', '4', '--requests', '4', '--json');
    const { benchmark } = JSON.parse(measured.stdout) as { benchmark: Benchmark };
    expect(benchmark.rounds.map(({ concurrency }) => concurrency)).toEqual([4]);
    for (const wanted of ['a-v1', 'a']) {
      const { code, stdout } = await cli(data, ['models', 'benchmarks', wanted]);
      expect(code).toBe(0);
      expect(stdout).toMatch(
        /^MEASURED +MODEL +QUANT +SLOT +RUNTIME +IN\/OUT +TOK\/S X1 +TOK\/S X2 +TOK\/S X4/m,
      );
      expect(stdout.match(/ a-v1 /g)).toHaveLength(2);
      // What was not measured is a dash.
      expect(stdout).toMatch(/ a-v1 .* —  +— +[\d.]+ /);
    }
    const listed = await cli(data, ['models', 'benchmarks', 'a', '--slot', slot, '--limit', '1', '--json']);
    expect(JSON.parse(listed.stdout)).toEqual({ benchmarks: [benchmark] });
  });

  it('say what is wrong', async () => {
    const wrong: [string[], RegExp][] = [
      [['slots', 'bench', 'none'], /There is no slot none/],
      [['slots', 'bench', slot, '--concurrency', '1,x'], /x is not a whole number/],
      [['slots', 'bench', slot, '--prompt', '9999'], /do not fit/],
      [['models', 'benchmarks', 'nobody'], /nobody/],
    ];
    for (const [args, message] of wrong) {
      const { code, stderr } = await cli(data, args);
      expect([code, stderr]).toEqual([1, expect.stringMatching(message)]);
    }
  });
});
