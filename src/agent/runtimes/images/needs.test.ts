import { describe, expect, it } from 'vitest';
import type { EngineImage } from '../../adapters/docker/index.ts';
import { listImages, prunable, type ImageFacts } from './needs.ts';

const engine = (id: string, references: string[], more: Partial<EngineImage> = {}): EngineImage => ({
  id,
  references,
  digests: [],
  sizeBytes: 10,
  architecture: 'amd64',
  version: null,
  createdAt: null,
  ...more,
});
const facts = (more: Partial<ImageFacts> = {}): ImageFacts => ({
  present: [
    engine('needed', ['e/llama:2']),
    engine('older', ['e/llama:1']),
    engine('named', ['e/vllm:1']),
    engine('used', ['e/vllm:0']),
    engine('foreign', ['postgres:17']),
    engine('dangling', []),
    engine('nobody', []),
  ],
  inUse: new Set(['used']),
  slots: [{ id: 'chat', reference: 'e/llama:2' }],
  runtimes: [
    { id: 'vllm', reference: 'e/vllm:1' },
    { id: 'cuda', reference: 'e/llama:cuda' },
  ],
  recorded: [{ reference: 'e/llama:2', image_id: 'needed', changed_from: 'dangling' }],
  ...more,
});
const ids = (images: readonly { id: string | null; references: readonly string[] }[]): string[] =>
  images.map(({ id, references }) => id ?? `no ${references[0]}`);

describe('images and who needs them', () => {
  it('are those of runtimes, what slots need first; what is not here stands there too', () => {
    expect(ids(listImages(facts(), false))).toEqual([
      'needed',
      'no e/llama:cuda',
      'named',
      'dangling',
      'older',
      'used',
    ]);
  });

  it('are all where somebody asks for all', () => {
    expect(ids(listImages(facts(), true))).toEqual(expect.arrayContaining(['foreign', 'nobody']));
  });

  it('say what stood behind the name before', () => {
    expect(listImages(facts(), false)[0]).toMatchObject({ changed_from: 'dangling' });
    const swapped = facts({
      recorded: [{ reference: 'e/llama:2', image_id: 'dangling', changed_from: null }],
    });
    expect(listImages(swapped, false)[0]).toMatchObject({ changed_from: 'dangling' });
  });

  it('may go where no slot needs them, no container was made from them, and they are of runtimes', () => {
    expect(ids(prunable(facts())).toSorted()).toEqual(['dangling', 'named', 'older']);
  });

  it('stay while a slot needs them by id, too', () => {
    const byId = facts({
      present: [engine(`sha256:${'d'.repeat(64)}`, ['e/vllm:0'])],
      slots: [{ id: 'chat', reference: `sha256:${'d'.repeat(64)}` }],
    });
    expect(prunable(byId)).toEqual([]);
  });
});
