import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FileSource } from '../../src/agent/artifacts/byte-source.ts';
import { readGgufHeader } from '../../src/agent/artifacts/gguf.ts';
import { estimateLlama, type FitSettings, type Parts } from '../../src/agent/gpus/index.ts';
import { EngineReport, type MeasuredMemory } from '../../src/agent/runtimes/fit/engine-report.ts';
import { geometryOfGguf } from '../../src/agent/runtimes/fit/geometry-gguf.ts';
import { LLAMA_IMAGE } from '../../tools/llama-image.ts';
import { writeShape, type Shape } from './geometries.ts';

/** A shape with settings, for a comparison of what is calculated with what llama-server reports. */
export interface FitCase {
  readonly shape: Shape;
  readonly settings: Partial<FitSettings>;
}

const SETTINGS: FitSettings = {
  contextLength: 4096,
  parallel: 1,
  kvCacheType: 'auto',
  flashAttention: 'auto',
  batch: 2048,
  ubatch: 512,
  gpuLayers: 'auto',
  tensorParallel: 1,
  enforceEager: false,
  maxBatchedTokens: null,
  allOutputs: false,
};

const small = {
  layers: 4,
  embedding: 1024,
  feedForward: 2816,
  heads: 16,
  kvHeads: 4,
  vocabulary: 4000,
  trained: 8192,
};
const large = { ...small, embedding: 2048, feedForward: 5632, vocabulary: 32_000, trained: 32_768 };

export const FIT_CASES: readonly FitCase[] = [
  { shape: { ...small, name: 'gqa' }, settings: {} },
  { shape: { ...small, name: 'all heads', kvHeads: 16, headSize: 256 }, settings: { contextLength: 1000 } },
  {
    shape: { ...small, name: 'one kv head', kvHeads: 1, heads: 8, architecture: 'qwen2' },
    settings: { parallel: 3, contextLength: 333 },
  },
  {
    shape: { ...small, name: 'quantised cache', architecture: 'qwen3', headSize: 128 },
    settings: { kvCacheType: 'q8_0' },
  },
  {
    shape: { ...small, name: 'four-bit cache', weights: 'q4_K' },
    settings: { kvCacheType: 'q4_0', parallel: 2 },
  },
  {
    shape: { ...small, name: 'no flash attention' },
    settings: { flashAttention: 'off', contextLength: 2048 },
  },
  {
    shape: { ...small, name: 'sliding window', architecture: 'gemma3', window: 512, tied: true, layers: 12 },
    settings: { parallel: 2 },
  },
  {
    shape: {
      ...small,
      name: 'wide window',
      architecture: 'gemma3',
      window: 1024,
      tied: true,
      layers: 13,
      headSize: 256,
    },
    settings: { contextLength: 16_384, ubatch: 256 },
  },
  { shape: { ...small, name: 'experts', experts: { count: 16, used: 4 }, feedForward: 768 }, settings: {} },
  { shape: { ...small, name: 'outputs', vocabulary: 32_000 }, settings: { allOutputs: true, batch: 512 } },
  {
    shape: {
      ...small,
      name: 'latent',
      architecture: 'deepseek2',
      headSize: 128,
      latent: { rank: 512, rope: 64 },
    },
    settings: {},
  },
  {
    shape: { ...small, name: 'state', architecture: 'mamba', state: { inner: 2048, size: 16, kernel: 4 } },
    settings: { parallel: 2 },
  },
  { shape: { ...small, name: 'large cache', layers: 12, kvHeads: 16 }, settings: { contextLength: 12_288 } },
  { shape: { ...large, name: 'over 1 GiB', layers: 11 }, settings: { contextLength: 2048 } },
  {
    shape: { ...large, name: 'over 1 GiB, large cache', layers: 11, kvHeads: 8 },
    settings: { contextLength: 3328, parallel: 4 },
  },
  {
    shape: { ...large, name: 'over 1 GiB, large quantised cache', layers: 38, kvHeads: 16, weights: 'q4_0' },
    settings: { contextLength: 3328, kvCacheType: 'q8_0' },
  },
  {
    shape: {
      ...large,
      name: 'over 1 GiB of experts',
      layers: 4,
      feedForward: 768,
      headSize: 128,
      experts: { count: 64, used: 8 },
      weights: 'q8_0',
    },
    settings: { contextLength: 8192 },
  },
];

export interface FitComparison {
  readonly name: string;
  readonly measured: MeasuredMemory;
  readonly estimated: Parts;
}

/** Starts llama-server on the shape until it has told its memory, and calculates the same. */
export async function compareCase(
  { shape, settings: more }: FitCase,
  directory: string,
): Promise<FitComparison> {
  const settings = { ...SETTINGS, ...more };
  const file = join(directory, `${shape.name.replace(/\W+/g, '-')}.gguf`);
  await writeShape(file, shape);
  try {
    await using source = await FileSource.open(file);
    const geometry = geometryOfGguf(await readGgufHeader(source, AbortSignal.timeout(10_000)));
    const memory = { uuid: null, name: 'memory', label: 'memory', totalBytes: null, availableBytes: null };
    const [need] = estimateLlama(geometry, settings, { gpus: [], memory }).needs;
    if (need === undefined) throw new Error('nothing was estimated');
    return { name: shape.name, measured: await ask(file, settings), estimated: need.parts };
  } finally {
    await rm(file);
  }
}

/** What llama-server in the test image reports of a file. */
async function ask(file: string, settings: FitSettings): Promise<MeasuredMemory> {
  const name = `modelops-fit-${process.pid}-${Date.now()}`;
  const type = settings.kvCacheType;
  const server = spawn('docker', [
    'run', '--rm', '--name', name, '--network', 'none', '-v', `${file}:/model.gguf:ro`,
    '--entrypoint', 'llama-server', LLAMA_IMAGE,
    '--model', '/model.gguf', '--host', '/tmp/engine.sock', '--threads', '1', '--no-webui', '--offline',
    '--no-warmup', '--log-verbosity', '4',
    '--ctx-size', String(settings.contextLength * settings.parallel), '--parallel', String(settings.parallel),
    '--batch-size', String(settings.batch), '--ubatch-size', String(settings.ubatch),
    '--flash-attn', settings.flashAttention,
    ...(type === 'auto' ? [] : ['--cache-type-k', type, '--cache-type-v', type]),
    ...(settings.allOutputs ? ['--embeddings'] : []),
  ]); // prettier-ignore
  const report = new EngineReport();
  const lines: string[] = [];
  await new Promise<void>((resolve) => {
    let rest = '';
    const read = (chunk: Buffer): void => {
      const parts = (rest + chunk.toString()).split('\n');
      rest = parts.pop() ?? '';
      for (const line of parts) {
        report.line(line);
        lines.push(line);
        // Everything is allocated; it need not serve.
        if (/n_slots = /.test(line)) spawn('docker', ['kill', name]);
      }
    };
    server.stdout.on('data', read);
    server.stderr.on('data', read);
    server.once('close', () => resolve());
  });
  const measured = report.measured();
  if (measured === null)
    throw new Error(`llama-server told no memory:\n${lines.filter((line) => / E /.test(line)).join('\n')}`);
  return measured;
}

export interface FitErrors {
  readonly weights: number;
  readonly kv_cache: number;
  readonly compute: number;
  readonly total: number;
}

/** How far what was calculated is off, as a part of what was measured; above 0: too high. */
export function errorsOf({ measured, estimated }: FitComparison): FitErrors {
  const { weights, kv_cache: kv, compute } = estimated;
  const off = (calculated: number, was: number): number =>
    was === 0 ? (calculated === 0 ? 0 : 1) : calculated / was - 1;
  const was = (measured.weights ?? 0) + (measured.kv_cache ?? 0) + (measured.compute ?? 0);
  return {
    weights: off(weights.expected, measured.weights ?? 0),
    kv_cache: off(kv.expected, measured.kv_cache ?? 0),
    compute: off(compute.expected, measured.compute ?? 0),
    total: off(weights.expected + kv.expected + compute.expected, was),
  };
}
