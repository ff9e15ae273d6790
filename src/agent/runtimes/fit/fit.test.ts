import { describe, expect, it } from 'vitest';
import { readGgufHeader } from '../../artifacts/index.ts';
import { ggufHead, type GgufMetadataValue } from '../../catalog/sample/gguf-writer.ts';
import type { LayerGeometry, ModelGeometry } from '../../gpus/index.ts';
import { EngineReport } from './engine-report.ts';
import { answerFit, type FitQuestion } from './fit-view.ts';
import { geometryOfGguf } from './geometry-gguf.ts';
import { geometryOfSafetensors } from './geometry-safetensors.ts';
import { machineFit } from './machine-fit.ts';
import { fitSettings, type FitProblem } from './problem.ts';
import { placesInWords, size, sizeBeside, sizeRange } from './words.ts';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

const LAYER: LayerGeometry = {
  heads: 32,
  kvHeads: 4,
  keyLength: 128,
  valueLength: 128,
  feedForward: 6144,
  experts: null,
  attention: 'full',
  recurrentElements: 0,
};
/** About 16 GiB of weights and 96 KiB a token. */
const MODEL: ModelGeometry = {
  format: 'gguf',
  architecture: 'qwen3',
  embedding: 2048,
  vocabulary: 1000,
  trainedContext: 262_144,
  window: 0,
  layers: Array.from({ length: 48 }, () => LAYER),
  tensors: { tokenEmbedding: 0, output: 0, layers: Array.from({ length: 48 }, () => GIB / 3), other: 0 },
  tied: false,
  encoder: false,
  elementBytes: 2,
  notes: [],
};
const memory = {
  uuid: null,
  name: 'Memory',
  label: 'memory',
  totalBytes: 64 * GIB,
  availableBytes: 32 * GIB,
};
const gpu = (index: number, free: number | null, total = 24) => ({
  uuid: `GPU-${index}`,
  name: 'a card',
  label: `GPU ${index}`,
  totalBytes: total * GIB,
  availableBytes: free === null ? null : free * GIB,
});
const spec = { engine: 'llama.cpp', device: 'cuda', inferred_context_cap: 8192 } as const;

function ask(more: Partial<FitProblem>, question: Partial<FitQuestion> = {}, config: object = {}) {
  const gpus = more.gpus ?? [gpu(1, 23.6)];
  const problem: FitProblem = {
    family: 'llama.cpp',
    geometry: MODEL,
    settings: fitSettings(spec, config, 'llm_inference', gpus.length),
    gpus,
    memory,
    share: null,
    measured: null,
    ...more,
  };
  return answerFit({
    problem,
    modelId: 'coder',
    engine: 'b11669',
    otherGpus: [],
    neighbours: [],
    settings: ['context_length', 'parallel', 'kv_cache_type', 'enforce_eager'],
    assumptions: [],
    ...question,
  });
}

describe('the verdict', () => {
  it('says where it fits and how far', () => {
    const answer = ask({}, {}, { context_length: 8192 });
    expect(answer.verdict).toMatch(/^Fits GPU 1, up to [\d,]+ tokens\.$/);
    expect(answer).toMatchObject({ fits: true, place: 'gpu', missing_bytes: 0, ways: [] });
    expect(answer.per_gpu).toMatchObject([{ gpu_uuid: 'GPU-1', name: 'GPU 1, a card', fits: true }]);
  });

  it('says what is needed, what is free, and what helps', () => {
    const answer = ask({}, { otherGpus: [gpu(0, 20)] }, { context_length: 131_072 });
    expect(answer.fits).toBe(false);
    expect(answer.verdict).toMatch(
      /^coder needs 2[89]\.\d to 2[89]\.\d GiB; GPU 1 has 23\.6 free\. It fits with [\d,]+ tokens of context\.$/,
    );
    expect(answer.ways.map(({ label, fits }) => [label.replace(/[\d,]+ tokens/, 'n tokens'), fits])).toEqual([
      ['Use n tokens of context', true],
      ['KV cache q8_0', true],
      ['GPU 1 and 0', true],
    ]);
    expect(answer.ways[2]).toMatchObject({ gpu_ids: ['GPU-1', 'GPU-0'] });
  });

  it('names the slot that would have to go, and what one frees that is not enough', () => {
    const held = (slotId: string, gib: number) => ({ slotId, heldBytes: new Map([['GPU-1', gib * GIB]]) });
    const busy = { gpus: [gpu(1, 10)] };
    const answer = ask(busy, { neighbours: [held('embed', 1.5), held('chat', 12)] });
    expect(answer.verdict).toMatch(/It fits when chat is unloaded\.$/);
    expect(answer.ways.filter(({ unload }) => unload.length > 0)).toMatchObject([
      { label: 'Unload chat', fits: true, unload: ['chat'] },
      { label: 'Unload embed: not enough, it frees 1.5 GiB', fits: false },
    ]);
    expect(ask(busy).verdict).toMatch(/No context is short enough to make it fit\.$/);
  });

  it('does not guess what the driver does not say', () => {
    const answer = ask({ gpus: [gpu(0, null)] });
    expect(answer.verdict).toMatch(/how much of GPU 0 is free is not known\.$/);
  });

  it('is narrow where the upper end of the range does not fit', () => {
    const { required } = ask({});
    const free = (required.total_bytes + required.high_bytes) / 2 / GIB;
    expect(ask({ gpus: [gpu(0, free)] })).toMatchObject({
      fits: true,
      verdict: expect.stringContaining('Fits GPU 0 narrowly') as string,
    });
  });
});

describe('what was measured', () => {
  it('stands in place of what was calculated, and says how far that was off', () => {
    const bare = ask({}, {}, { context_length: 8192 });
    const estimated = {
      weights: bare.required.weights_bytes,
      kv_cache: bare.required.kv_cache_bytes,
      compute: bare.required.compute_bytes,
      overhead: null,
    };
    const measured = { ...estimated, compute: estimated.compute * 2 };
    const learned = ask({ measured: { measured, estimated, count: 2 } }, {}, { context_length: 8192 });
    expect(learned.required.compute_bytes).toBe(measured.compute);
    expect(learned.required.kv_cache_bytes).toBe(bare.required.kv_cache_bytes);
    expect(learned.learned).toMatchObject({ measurements: 2, engine: 'b11669' });
    expect(learned.learned?.last_error_percent).toBeLessThan(0);
    const [, , compute] = learned.breakdown;
    expect((compute?.high_bytes ?? 0) / (compute?.low_bytes ?? 1)).toBeLessThan(1.01);
  });
});

describe('vLLM', () => {
  const problem: Partial<FitProblem> = {
    family: 'vllm',
    geometry: { ...MODEL, format: 'safetensors' },
  };

  it('is told the share of the GPU to ask for', () => {
    const answer = ask(problem);
    const share = answer.gpu_memory_utilization ?? 0;
    expect(share * 24 * GIB).toBeGreaterThanOrEqual(answer.required.total_bytes);
    expect((share - 0.011) * 24 * GIB).toBeLessThan(answer.required.total_bytes);
  });

  it('can do with less than the share it is given', () => {
    const answer = ask(
      { ...problem, share: 0.9, gpus: [gpu(1, 21)] },
      { settings: ['gpu_memory_utilization'] },
    );
    expect(answer.fits).toBe(false);
    const way = answer.ways.find(({ patch }) => 'gpu_memory_utilization' in patch);
    expect(way).toMatchObject({
      fits: true,
      patch: { gpu_memory_utilization: answer.gpu_memory_utilization },
    });
    expect(answer.verdict).toContain('It fits with');
  });

  it('takes the share it was given, all of it', () => {
    const answer = ask({ ...problem, share: 0.95 });
    expect(Math.abs(answer.required.total_bytes / (24 * GIB) - 0.95)).toBeLessThan(0.001);
    expect(ask({ ...problem, share: 0.5 })).toMatchObject({
      fits: false,
      verdict: expect.stringContaining('the slot may take 50 % of GPU 1') as string,
    });
  });
});

describe('a model without a slot', () => {
  const where = (gpus: ReturnType<typeof gpu>[], more: object = {}) =>
    machineFit({ geometry: MODEL, contextLength: null, parallel: 1, gpus, memory, neighbours: [], ...more });
  it.each([
    ['Fits GPU 1, up to', [gpu(0, 10), gpu(1, 23)], {}],
    ['Fits GPU 0 and 1 together, up to', [gpu(0, 12), gpu(1, 13)], {}],
    ['CPU only, slow: fits into memory, up to', [gpu(0, 4)], {}],
    ['CPU only, slow: fits into memory, up to', [], {}],
    ['Too large: 17', [gpu(0, 4, 12)], { memory: { ...memory, availableBytes: GIB } }],
    ['Needs a GPU with', [], { geometry: { ...MODEL, format: 'safetensors' } }],
    [
      'Fits GPU 0 when chat is unloaded, up to',
      [gpu(0, 4)],
      { neighbours: [{ slotId: 'chat', heldBytes: new Map([['GPU-0', 18 * GIB]]) }] },
    ],
  ] as const)('%s', (verdict, gpus, more) => {
    expect(where([...gpus], more).verdict).toContain(verdict);
  });
});

describe('the header of a GGUF file', () => {
  const u32 = (value: number) => ({ type: 'u32', value }) as const;
  const read = async (metadata: Record<string, GgufMetadataValue>, names: readonly string[]) => {
    const tensors = names.map((name) => ({ name, dimensions: [32, 4], type: 8, bytes: 4 * 34 }));
    const { head, fileBytes } = ggufHead(
      {
        'general.architecture': { type: 'string', value: 'x' },
        'x.block_count': u32(2),
        'x.embedding_length': u32(64),
        'x.attention.head_count': u32(4),
        ...metadata,
      },
      tensors,
    );
    const file = Buffer.concat([head, Buffer.alloc(fileBytes - head.length)]);
    const source = {
      size: file.length,
      read: (offset: number, length: number) => Promise.resolve(file.subarray(offset, offset + length)),
    };
    return geometryOfGguf(await readGgufHeader(source, AbortSignal.timeout(5000)));
  };

  it('tells the bytes of its tensors by what they are for', async () => {
    const { tensors, tied, layers } = await read({}, [
      'token_embd.weight',
      'blk.0.attn_k.weight',
      'blk.0.ffn_up.weight',
      'blk.1.ssm_in.weight',
      'blk.7.attn_k.weight',
      'output_norm.weight',
    ]);
    const one = 4 * 34;
    expect(tensors).toEqual({ tokenEmbedding: one, output: 0, layers: [2 * one, one], other: 2 * one });
    expect(tied).toBe(true);
    expect(layers.map(({ attention }) => attention)).toEqual(['full', 'none']);
  });

  it('may tell heads, keys and windows by layer', async () => {
    const { layers, window } = await read(
      {
        'x.attention.head_count_kv': { type: 'i32s', value: [4, 0] },
        'x.attention.key_length': u32(128),
        'x.attention.sliding_window': u32(256),
        'x.attention.sliding_window_pattern': { type: 'bools', value: [1, 0] },
      },
      ['blk.0.attn_k.weight', 'blk.1.attn_k.weight'],
    );
    expect(window).toBe(256);
    expect(layers).toMatchObject([
      { kvHeads: 4, keyLength: 128, valueLength: 16, attention: 'window' },
      { kvHeads: 0, attention: 'none' },
    ]);
  });
});

describe('config.json', () => {
  const header = { tensors: { tokenEmbedding: 8, output: 0, layers: [16, 16, 16, 16], other: 4 } };
  const base = {
    architectures: ['XForCausalLM'],
    num_hidden_layers: 4,
    hidden_size: 64,
    num_attention_heads: 8,
    intermediate_size: 128,
    vocab_size: 100,
    max_position_embeddings: 4096,
  };
  const kinds = (config: object) => geometryOfSafetensors({ ...base, ...config }, [header]).layers;

  it('tells heads, their length and the weights', () => {
    const geometry = geometryOfSafetensors({ ...base, num_key_value_heads: 2, head_dim: 32 }, [header]);
    expect(geometry.layers[0]).toMatchObject({ heads: 8, kvHeads: 2, keyLength: 32, attention: 'full' });
    expect(geometry).toMatchObject({ trainedContext: 4096, vocabulary: 100, tied: true });
    expect(geometry.tensors).toEqual({ tokenEmbedding: 8, output: 0, layers: [16, 16, 16, 16], other: 4 });
    expect(kinds({})[0]).toMatchObject({ kvHeads: 8, keyLength: 8 });
  });

  it.each([
    ['a text part', { text_config: { ...base, num_key_value_heads: 1 } }, ['full', 'full', 'full', 'full']],
    ['a pattern', { sliding_window: 16, sliding_window_pattern: 2 }, ['window', 'full', 'window', 'full']],
    [
      'a list',
      {
        sliding_window: 16,
        layer_types: ['sliding_attention', 'full_attention', 'full_attention', 'linear_attention'],
      },
      ['window', 'full', 'full', 'none'],
    ],
    [
      'a window that is off',
      { sliding_window: 16, use_sliding_window: false },
      ['full', 'full', 'full', 'full'],
    ],
    [
      'a compressed cache',
      { kv_lora_rank: 32, qk_rope_head_dim: 8 },
      ['latent', 'latent', 'latent', 'latent'],
    ],
    [
      'an interval',
      { full_attention_interval: 4, linear_num_value_heads: 2 },
      ['none', 'none', 'none', 'full'],
    ],
    ['an encoder', { model_type: 'bert' }, ['none', 'none', 'none', 'none']],
  ])('knows layers by %s', (_name, config, expected) => {
    expect(kinds(config).map(({ attention }) => attention)).toEqual(expected);
  });

  it('says so when it tells nothing', () => {
    const geometry = geometryOfSafetensors({}, [header]);
    expect(geometry.layers).toEqual([]);
    expect(geometry.notes[0]).toContain('does not tell the layers');
  });
});

describe('the report of an engine', () => {
  const read = (...lines: string[]) => {
    const report = new EngineReport();
    for (const line of lines) report.line(line);
    return report.measured();
  };

  it('of llama-server is the sum of its buffers', () => {
    expect(
      read(
        '0.01.360 I load_tensors:   CPU_Mapped model buffer size =   211.04 MiB',
        '0.01.361 I load_tensors:   CPU_REPACK model buffer size =    24.00 MiB',
        '0.01.361 I llama_context:        CPU  output buffer size =     0.50 MiB',
        '0.01.361 I llama_kv_cache:        CPU KV buffer size =    16.00 MiB',
        '0.01.361 I llama_memory_recurrent:        CPU RS buffer size =     2.00 MiB',
        '0.01.529 I sched_reserve:        CPU compute buffer size =    30.50 MiB',
      ),
    ).toEqual({
      weights: Math.round(211.04 * MIB) + 24 * MIB,
      kv_cache: 18 * MIB,
      compute: 31 * MIB,
      overhead: null,
    });
  });

  it('of vLLM is what its ranks tell', () => {
    expect(
      read(
        '(EngineCore pid=258) INFO gpu_model_runner.py:4879 Model loading took 2.89 GiB memory and 60.297843 seconds',
        '(EngineCore pid=258) INFO gpu_worker.py:440 Available KV cache memory: 0.56 GiB',
      ),
    ).toMatchObject({ weights: Math.round(2.89 * GIB), kv_cache: Math.round(0.56 * GIB), compute: null });
    expect(read('model weights take 14.99GiB; PyTorch activation peak memory takes 1.19GiB')).toBeNull();
  });

  it('is none when it said nothing', () => {
    expect(read('listening on unix:///run/modelops/s.sock')).toBeNull();
  });
});

describe('sizes in sentences', () => {
  it.each([
    [size(412 * MIB), '412 MiB'],
    [size(28.6 * GIB), '28.6 GiB'],
    [sizeRange(26.8 * GIB, 28.6 * GIB), '26.8 to 28.6 GiB'],
    [sizeRange(28.61 * GIB, 28.62 * GIB), '28.6 GiB'],
    [sizeBeside(23.6 * GIB, 28 * GIB), '23.6'],
    [sizeBeside(500 * MIB, 28 * GIB), '500 MiB'],
    [placesInWords(['GPU 0']), 'GPU 0'],
    [placesInWords(['GPU 0', 'GPU 1', 'GPU 2']), 'GPU 0, 1 and 2'],
  ])('%s', (text, expected) => {
    expect(text).toBe(expected);
  });
});
