import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../../../../test/support/temporary.ts';
import { AppError } from '../../../shared/contract/index.ts';
import { createLogger } from '../../kernel/logger.ts';
import { parseSpec, SpecRegistry } from './spec-registry.ts';

const DIRECTORY = new URL('../../../../resources/runtimes/', import.meta.url);
const HEAD = 'id: x\nname: X\nengine: e\ndriver: embedded\ncapabilities: [llm_inference]\nformats: [gguf]\n';

describe('the specs that ship', () => {
  it.each(readdirSync(DIRECTORY))('%s can be read', (file) => {
    const result = parseSpec(readFileSync(new URL(file, DIRECTORY), 'utf8'), file);
    expect('problems' in result ? result.problems : []).toEqual([]);
    if ('spec' in result) expect(`${result.spec.id}.yaml`).toBe(file);
  });

  it('have every id of the contract', () => {
    expect(readdirSync(DIRECTORY)).toEqual(
      expect.arrayContaining(
        ['embedded-llama', 'llama-cpp-cpu', 'llama-cpp-cuda', 'vllm', 'custom'].map((id) => `${id}.yaml`),
      ),
    );
  });
});

describe('a runtime spec', () => {
  it.each([
    ['broken YAML', 'id: [', 1],
    ['a wrong driver', HEAD.replace('embedded', 'rocket'), 4],
    ['a key nobody knows', `${HEAD}speed: 11\n`, 1],
    ['an argument nobody can fill in', `${HEAD}args:\n  - [--x, "{nothing}"]\n`, 8],
    ['a variable nobody can fill in', `${HEAD}env:\n  A: '1'\n  B: '{nothing}'\n`, 9],
    ['a setting nobody knows', `${HEAD}settings: [context_length, colour]\n`, 7],
    ['a default for what it does not take', `${HEAD}defaults:\n  threads: 2\n`, 8],
    ['a condition nobody can meet', `${HEAD}args:\n  - { when: colour, args: [--x] }\n`, 8],
    ['a version that is none', `${HEAD}args:\n  - { since: new, args: [--x] }\n`, 8],
    ['TCP without a container', `${HEAD}transports:\n  - { kind: tcp }\n`, 8],
    ['a milestone that is no pattern', `${HEAD}milestones:\n  - { id: a, label: a, pattern: "(" }\n`, 8],
    ['a container without an image', HEAD.replace('embedded', 'docker'), 1],
    ['GPUs that it must not have', `${HEAD}device: cuda\ngpus: none\n`, 8],
    ['a digest that is none', `${HEAD}image: { reference: a, digest: 'sha256:12' }\n`, 7],
  ])('with %s is refused with its place', (_name, text, line) => {
    const result = parseSpec(text, 'x.yaml');
    expect('problems' in result && result.problems[0]).toMatchObject({ file: 'x.yaml', line });
  });

  it('of the user appears without a restart, and one that is broken is told', async () => {
    await using directory = await temporaryDirectory();
    const registry = new SpecRegistry(directory.path, createLogger({ level: 'silent' }));
    await registry.load();
    await registry.watch();
    const read = Promise.withResolvers<void>();
    registry.listen(() => {
      if (registry.find('mine') !== undefined && registry.problems.length > 0) read.resolve();
    });
    await writeFile(`${directory.path}/mine.yaml`, HEAD.replace('id: x', 'id: mine').replace('X', 'Mine'));
    await writeFile(`${directory.path}/broken.yaml`, 'id: [');
    await read.promise;
    expect(registry.get('mine').name).toBe('Mine');
    expect(() => registry.get('nobody')).toThrow(AppError);
    await registry.close();
  });
});
