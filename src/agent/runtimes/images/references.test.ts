import { describe, expect, it } from 'vitest';
import { familiar, isImageId, names, repositoryOf } from './references.ts';

const hex = 'a'.repeat(64);
const image = {
  id: `sha256:${hex}`,
  references: ['llama:1', 'ghcr.io/ggml-org/llama.cpp:server'],
  digests: [`ghcr.io/ggml-org/llama.cpp@sha256:${'b'.repeat(64)}`],
};

describe('names of images', () => {
  it.each([
    ['llama', 'llama:latest', 'llama'],
    ['docker.io/library/llama:1', 'llama:1', 'llama'],
    ['index.docker.io/library/llama', 'llama:latest', 'llama'],
    ['docker.io/vllm/vllm-openai:v1', 'vllm/vllm-openai:v1', 'vllm/vllm-openai'],
    ['localhost:5000/a/b', 'localhost:5000/a/b:latest', 'localhost:5000/a/b'],
    ['a/b@sha256:00', 'a/b@sha256:00', 'a/b'],
    ['a/b:1@sha256:00', 'a/b:1@sha256:00', 'a/b'],
  ])('%s', (reference, short, repository) => {
    expect(familiar(reference)).toBe(short);
    expect(repositoryOf(reference)).toBe(repository);
  });

  it.each([
    ['llama:1', true],
    ['docker.io/library/llama:1', true],
    ['llama', false],
    ['llama:2', false],
    ['ghcr.io/ggml-org/llama.cpp:server', true],
    [`ghcr.io/ggml-org/llama.cpp@sha256:${'b'.repeat(64)}`, true],
    [`ghcr.io/ggml-org/llama.cpp:server@sha256:${'b'.repeat(64)}`, true],
    [`ghcr.io/ggml-org/llama.cpp:server@sha256:${'c'.repeat(64)}`, false],
    [`other/llama.cpp@sha256:${'b'.repeat(64)}`, false],
    [`sha256:${hex}`, true],
    [`sha256:${hex.slice(0, 12)}`, true],
    ['sha256:abc', false],
  ])('%s means it: %s', (reference, expected) => {
    expect(names(reference, image)).toBe(expected);
  });

  it('an id is one, a repository is none', () => {
    expect([isImageId(`sha256:${hex}`), isImageId('sha256:1')]).toEqual([true, false]);
  });
});
