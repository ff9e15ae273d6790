import { readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { importModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { writeSafetensorsModel, writeSpeakingModel } from '../support/models.ts';
import { cli } from '../support/process.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let agent: TestAgent;
let data: string;

beforeAll(async () => {
  directory = await temporaryDirectory();
  data = join(directory.path, 'data');
  agent = await startTestAgent(data);
});
afterAll(async () => {
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});

/** What a command says; it has to succeed. */
const run = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await cli(data, args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
};
const model = async (id: string) => (await agent.call(ENDPOINTS.getModel, { params: { id } })).model;

describe('the catalogue on the command line', () => {
  it('registers a new model from a path, with what it is', async () => {
    const path = await writeSpeakingModel(join(directory.path, 'cat.gguf'), 'cat');
    const args = [
      'models',
      'register',
      '--name',
      'cat',
      '--version',
      '1.2.0',
      '--path',
      path,
      '--description',
      'Says its name.',
    ];
    expect(await run(...args, '--framework', 'llama.cpp')).toContain('cat-v1 is registered.');
    expect(await model('cat-v1')).toMatchObject({ label: '1.2.0', description: 'Says its name.' });
    const wrong = await cli(data, [...args, '--framework', 'transformers']);
    expect(wrong).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('for llama.cpp, not transformers'),
    });
    expect((await cli(data, ['models', 'register'])).code).toBe(1);
    expect((await cli(data, ['models', 'register', '--source', 'hf://a/b'])).stderr).toContain('not a path');
    expect((await cli(data, ['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('edits, finds, and says who sees what', async () => {
    await run(
      'models',
      'edit',
      'cat-v1',
      '--tag',
      'prod',
      '--tag',
      'tiny',
      '--annotate',
      'team=search',
      '--description',
      'Purrs.',
    );
    await run('models', 'edit', 'cat-v1', '--untag', 'tiny', '--annotate', 'team=', '--annotate', 'owner=ml');
    expect(await model('cat-v1')).toMatchObject({
      tags: ['prod'],
      annotations: { owner: 'ml' },
      description: 'Purrs.',
    });
    expect(
      await run(
        'models',
        'list',
        '--q',
        'pur',
        '--tag',
        'prod',
        '--state',
        'registered',
        '--hosting',
        'local',
      ),
    ).toContain('cat-v1');
    expect(await run('models', 'list', '--attention')).toContain('No models');
    await agent.call(ENDPOINTS.createPrincipal, { body: { name: 'ada', role: 'user' } });
    expect(await run('models', 'visibility', 'cat-v1', 'user', '--user', 'ada')).toContain('seen by user');
    const shown = await run('models', 'show', 'cat-v1', '--for', 'ada');
    expect(shown).toContain('✓ visible');
    expect(shown).toContain('named people (ada)');
    expect(shown).toMatch(/· tested .*\n +Load it into a slot, then test it there\./);
    expect((await cli(data, ['models', 'visibility', 'cat-v1', 'everyone'])).stderr).toContain(
      'private, user, group, platform',
    );
  });

  it('pages, and says how to go on', async () => {
    await importModel(agent, await writeSpeakingModel(join(directory.path, 'dog.gguf'), 'dog'), {
      name: 'dog',
    });
    await importModel(agent, await writeSpeakingModel(join(directory.path, 'dog2.gguf'), 'dog2'), {
      name: 'dog',
    });
    const first = JSON.parse(await run('models', 'list', '--limit', '2', '--json')) as {
      models: { id: string }[];
      next_cursor: string;
      counts: object;
    };
    expect(first).toMatchObject({ models: [{ id: 'cat-v1' }, { id: 'dog-v1' }], counts: { registered: 3 } });
    expect(await run('models', 'list', '--cursor', first.next_cursor)).toContain('dog-v2');
    expect(await run('models', 'list', '--limit', '1')).toContain('More: --cursor');
    expect(await run('models', 'list', '--all', '--sort', 'created')).toContain('cat-v1');
  });

  it('keeps families and their aliases', async () => {
    expect(await run('models', 'alias', 'set', 'dog', 'prod', '1')).toContain('dog@prod is v1.');
    expect(await run('models', 'families')).toMatch(/dog +2 +llm +prod=v1/);
    expect(await run('models', 'versions', 'dog')).toMatch(/v1 .*prod/);
    const reserved = await cli(data, ['models', 'alias', 'set', 'dog', 'latest', '1']);
    expect(reserved).toMatchObject({ code: 1, stderr: expect.stringContaining('invalid_argument') });
    await run('models', 'alias', 'rm', 'dog', 'prod');
  });

  it('does one thing to many, a line for each', async () => {
    const some = await cli(data, ['models', 'unregister', 'dog-v1', 'dog-v2', 'nothing']);
    expect(some.code).toBe(1);
    expect(some.stdout).toMatch(/dog-v1 +done\ndog-v2 +done\nnothing +There is no model nothing\./);
    expect(await run('models', 'bulk', 'tag', 'dog-v1', 'dog-v2', '--tag', 'old')).toMatch(/dog-v2 +done/);
    expect(await run('models', 'delete-family', 'dog')).toContain('dog is deleted with 2 models');
    expect((await cli(data, ['models', 'bulk', 'dance', 'cat-v1'])).stderr).toContain(
      'There is no action dance',
    );
  });

  it('exports files that are checked, skips what is there, goes on in the middle and mends what is wrong', async () => {
    const source = await writeSafetensorsModel(join(directory.path, 'tensors'));
    const { id } = await importModel(agent, source, { name: 'tensors' });
    const out = join(directory.path, 'out');
    expect(await run('models', 'export', id, out)).toContain('Every digest is right.');
    for (const name of ['config.json', 'model.safetensors', 'README.md'])
      expect(await readFile(join(out, name))).toEqual(await readFile(join(source, name)));
    expect(await run('models', 'export', id, out)).toMatch(/; 4 were there\./);
    // One file is wrong, one stopped in the middle, one stopped with other bytes.
    await writeFile(join(out, 'config.json'), '{}');
    const part = join(out, 'model.safetensors.part');
    await writeFile(part, await readFile(join(out, 'model.safetensors')));
    await truncate(part, 20);
    await writeFile(join(out, 'model.safetensors'), 'x');
    await writeFile(join(out, 'README.md'), 'x');
    await writeFile(join(out, 'README.md.part'), '?');
    expect(await run('models', 'export', id, out)).toMatch(/; 1 were there\./);
    for (const name of ['config.json', 'model.safetensors', 'README.md'])
      expect(await readFile(join(out, name))).toEqual(await readFile(join(source, name)));
    await expect(stat(part)).rejects.toThrow('ENOENT');
  });
});
