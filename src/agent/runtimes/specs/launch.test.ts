import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { SlotConfig } from '../../../shared/contract/index.ts';
import { compareVersions, engineVersion, holdsFor } from './engine-version.ts';
import {
  entrypointFor,
  pickTransport,
  renderArgs,
  renderEnv,
  runtimeIdentity,
  type LaunchFacts,
} from './launch.ts';
import { settingProblem } from './slot-settings.ts';
import type { RuntimeSpec } from './spec.ts';
import { parseSpec } from './spec-registry.ts';

const shipped = (id: string): RuntimeSpec => {
  const result = parseSpec(
    readFileSync(new URL(`../../../../resources/runtimes/${id}.yaml`, import.meta.url), 'utf8'),
    `${id}.yaml`,
  );
  if (!('spec' in result)) throw new Error(JSON.stringify(result.problems));
  return result.spec;
};
const vllm = shipped('vllm');
const cpu = shipped('llama-cpp-cpu');
const cuda = shipped('llama-cpp-cuda');
const custom = shipped('custom');

const facts = (spec: RuntimeSpec, more: Partial<LaunchFacts> = {}): LaunchFacts => {
  const transport = more.transport ?? pickTransport(spec, {}, more.version ?? null, true);
  if (transport === null) throw new Error('no transport');
  return {
    capability: 'llm_inference',
    servedName: 'a-v1',
    modelDir: '/models',
    modelFile: '/models/model.gguf',
    mmprojFile: null,
    socket: '/run/modelops/s.sock',
    cacheDir: '/cache',
    keyFile: null,
    version: null,
    gpuCount: 1,
    ...more,
    transport,
  };
};
/** The words that a setting adds to those of an empty configuration. */
const added = (spec: RuntimeSpec, config: SlotConfig, more: Partial<LaunchFacts> = {}): string[] => {
  const without = renderArgs(spec, {}, facts(spec, more));
  const words = renderArgs(spec, config, facts(spec, more));
  for (const word of without) {
    const at = words.indexOf(word);
    if (at !== -1) words.splice(at, 1);
  }
  return words;
};

describe('the command line of vLLM', () => {
  it('is the model, its name and what no version may choose by itself', () => {
    expect(
      renderArgs(vllm, { ...vllm.defaults, context_length: 4096 }, facts(vllm, { version: '0.19.1' })),
    ).toEqual([
      '/models',
      '--served-model-name',
      'a-v1',
      '--max-model-len',
      '4096',
      '--tensor-parallel-size',
      '1',
      '--gpu-memory-utilization',
      '0.9',
      '--disable-access-log-for-endpoints',
      '/health,/metrics,/v1/models',
      '--uds',
      '/run/modelops/s.sock',
    ]);
  });

  it.each<[SlotConfig, string[]]>([
    [{ context_length: 512 }, ['512']],
    [{ parallel: 16 }, ['--max-num-seqs', '16']],
    [{ tensor_parallel_size: 2 }, ['2']],
    [{ gpu_memory_utilization: 0.5 }, ['--gpu-memory-utilization', '0.5']],
    [{ kv_cache_memory_bytes: 1_073_741_824 }, ['--kv-cache-memory-bytes', '1073741824']],
    [{ kv_cache_type: 'fp8' }, ['--kv-cache-dtype', 'fp8']],
    [{ max_num_batched_tokens: 2048 }, ['--max-num-batched-tokens', '2048']],
    [{ dtype: 'half' }, ['--dtype', 'half']],
    [{ quantization: 'awq' }, ['--quantization', 'awq']],
    [{ enforce_eager: true }, ['--enforce-eager']],
    [{ enforce_eager: false }, []],
    [{ trust_remote_code: true }, ['--trust-remote-code']],
    [{ trust_remote_code: false }, []],
    [{ extra_args: ['--seed', '{port}'] }, ['--seed', '{port}']],
    [{ threads: 4, shm_bytes: 2_097_152, memory_limit_bytes: 67_108_864 }, []],
  ])('%o adds %o', (config, words) => {
    expect(added(vllm, config)).toEqual(words);
  });

  it('takes a chat template', () => {
    expect(renderArgs(vllm, { chat_template: '{{ x }}' }, facts(vllm))).toEqual(
      expect.arrayContaining(['--chat-template', '{{ x }}']),
    );
  });

  it('splits the model over as many GPUs as the slot names', () => {
    const args = renderArgs(vllm, {}, facts(vllm, { gpuCount: 4 }));
    expect(args[args.indexOf('--tensor-parallel-size') + 1]).toBe('4');
  });

  it.each([
    ['0.19.1', 'embeddings', ['--runner', 'pooling']],
    ['0.11.0', 'rerank', ['--runner', 'pooling']],
    ['0.10.0', 'embeddings', ['--task', 'embed']],
    ['0.10.0', 'rerank', ['--task', 'score']],
  ] as const)('%s does %s with %o', (version, capability, words) => {
    const args = renderArgs(vllm, {}, facts(vllm, { version, capability }));
    expect(args.slice(args.indexOf(words[0]), args.indexOf(words[0]) + 2)).toEqual(words);
    expect(args).not.toContain(words[0] === '--runner' ? '--task' : '--runner');
  });

  it.each([
    ['0.19.1', ['--disable-access-log-for-endpoints', '--uds'], ['--host', '--disable-log-requests']],
    ['0.12.0', ['--disable-uvicorn-access-log', '--uds'], ['--disable-access-log-for-endpoints']],
    ['0.10.0', ['--disable-log-requests', '--host', '--port'], ['--uds', '--kv-cache-memory-bytes']],
    [null, ['--disable-access-log-for-endpoints', '--uds', '--kv-cache-memory-bytes'], ['--host']],
  ])('of version %s has %o and not %o', (version, has, hasNot) => {
    const args = renderArgs(vllm, { kv_cache_memory_bytes: 1 }, facts(vllm, { version }));
    expect(args).toEqual(expect.arrayContaining(has));
    for (const word of hasNot) expect(args).not.toContain(word);
  });
});

describe('the variables of vLLM', () => {
  it('keep it offline and silent, on loopback, and its cache where it may write', () => {
    expect(renderEnv(vllm, { threads: 3 }, facts(vllm))).toMatchObject({
      HF_HUB_OFFLINE: '1',
      TRANSFORMERS_OFFLINE: '1',
      HF_DATASETS_OFFLINE: '1',
      HF_HUB_DISABLE_TELEMETRY: '1',
      VLLM_NO_USAGE_STATS: '1',
      DO_NOT_TRACK: '1',
      VLLM_HOST_IP: '127.0.0.1',
      GLOO_SOCKET_IFNAME: 'lo',
      NCCL_SOCKET_IFNAME: 'lo',
      VLLM_CACHE_ROOT: '/cache/vllm',
      OMP_NUM_THREADS: '3',
    });
  });

  it('are left out when nobody set them, and overruled by the slot', () => {
    expect(renderEnv(vllm, {}, facts(vllm))).not.toHaveProperty('OMP_NUM_THREADS');
    expect(renderEnv(vllm, { env: { NCCL_P2P_DISABLE: '1', DO_NOT_TRACK: '0' } }, facts(vllm))).toMatchObject(
      {
        NCCL_P2P_DISABLE: '1',
        DO_NOT_TRACK: '0',
      },
    );
  });
});

describe('the command line of llama-server', () => {
  it('has the whole context of all requests together, and the last word of a person', () => {
    const args = renderArgs(
      cpu,
      { context_length: 512, parallel: 4, extra_args: ['--seed', '1'] },
      facts(cpu),
    );
    expect(args.slice(0, 8)).toEqual([
      '--model',
      '/models/model.gguf',
      '--alias',
      'a-v1',
      '--ctx-size',
      '2048',
      '--parallel',
      '4',
    ]);
    expect(args.slice(-4)).toEqual(['--host', '/run/modelops/s.sock', '--seed', '1']);
  });

  it.each<[SlotConfig, string[]]>([
    [{ threads: 2 }, ['--threads', '2', '--threads-batch', '2']],
    [{ kv_cache_type: 'q8_0' }, ['--cache-type-k', 'q8_0', '--cache-type-v', 'q8_0']],
    [{ flash_attention: 'on' }, ['--flash-attn', 'on']],
    [{ batch_size: 256 }, ['--batch-size', '256']],
    [{ ubatch_size: 128 }, ['--ubatch-size', '128']],
    [{ memory_limit_bytes: 67_108_864 }, []],
  ])('%o adds %o', (config, words) => {
    expect(added(cpu, config)).toEqual(words);
    expect(added(cuda, config)).toEqual(words);
  });

  it.each([
    ['all', null, ['all']],
    ['all', '11669', ['all']],
    ['all', '6000', ['999']],
    ['auto', '11669', ['auto']],
    ['auto', '6000', []],
    [12, '6000', ['12']],
    [0, null, ['0']],
  ] as const)('layers %s of build %s are %o', (layers, version, words) => {
    const args = renderArgs(cuda, { gpu_layers: layers }, facts(cuda, { version }));
    const at = args.indexOf('--gpu-layers');
    expect(at === -1 ? [] : args.slice(at + 1, at + 2)).toEqual(words);
    expect(args.filter((word) => word === '--gpu-layers').length).toBeLessThanOrEqual(1);
  });

  it('puts everything on the GPU unless told otherwise', () => {
    expect(cuda.defaults.gpu_layers).toBe('all');
  });

  it('brings the projector of a model that has one', () => {
    expect(renderArgs(cpu, {}, facts(cpu))).not.toContain('--mmproj');
    expect(renderArgs(cpu, {}, facts(cpu, { mmprojFile: '/models/mmproj.gguf' }))).toEqual(
      expect.arrayContaining(['--mmproj', '/models/mmproj.gguf']),
    );
  });

  it.each([
    ['embeddings', '--embeddings'],
    ['rerank', '--rerank'],
  ] as const)('for %s has %s', (capability, word) => {
    expect(renderArgs(cpu, {}, facts(cpu, { capability }))).toContain(word);
    expect(renderArgs(cpu, {}, facts(cpu))).not.toContain(word);
  });

  it('gets its key in a file where it listens on TCP', () => {
    const transport = pickTransport(cpu, {}, null, false);
    if (transport === null) throw new Error('no transport');
    const args = renderArgs(cpu, {}, facts(cpu, { transport, keyFile: '/run/modelops/key' }));
    expect(args.slice(-6)).toEqual([
      '--host',
      '0.0.0.0',
      '--port',
      '8080',
      '--api-key-file',
      '/run/modelops/key',
    ]);
  });
});

describe('a custom image', () => {
  it('is told by its slot alone, with the places filled in', () => {
    const config: SlotConfig = {
      port: 9999,
      extra_args: ['serve', '{model_dir}', '--name={served_name}', '--port', '{port}', '{unknown}'],
    };
    const transport = pickTransport(custom, config, null, true);
    if (transport === null) throw new Error('no transport');
    const given = facts(custom, { transport });
    expect(renderArgs(custom, config, given)).toEqual([
      'serve',
      '/models',
      '--name=a-v1',
      '--port',
      '9999',
      '{unknown}',
    ]);
    expect(renderEnv(custom, config, given)).toMatchObject({ MODELOPS_MODEL_DIR: '/models', PORT: '9999' });
  });
});

describe('the way an engine is reached', () => {
  it.each([
    ['vllm', '0.19.1', true, 'unix'],
    ['vllm', '0.10.0', true, 'tcp'],
    ['vllm', null, false, 'tcp'],
    ['llama-cpp-cpu', null, true, 'unix'],
    ['llama-cpp-cpu', null, false, 'tcp'],
    ['custom', null, true, 'tcp'],
    ['embedded-llama', null, true, 'unix'],
    ['embedded-llama', null, false, null],
  ])('%s %s, sockets: %s: %s', (id, version, canUnix, kind) => {
    expect(pickTransport(shipped(id), {}, version, canUnix)?.kind ?? null).toBe(kind);
  });
});

describe('the entrypoint', () => {
  const keep = { command: null, prefix: [] };
  const serve = { command: ['vllm', 'serve'], prefix: [] };
  it.each([
    ['vllm', ['vllm', 'serve'], '0.19.1', keep],
    ['vllm', ['python3', '-m', 'vllm.entrypoints.openai.api_server'], '0.8.0', serve],
    ['vllm', ['/opt/nvidia/nvidia_entrypoint.sh'], null, serve],
    ['vllm', null, null, serve],
    [
      'vllm',
      ['python3', '-m', 'vllm.entrypoints.openai.api_server'],
      '0.5.4',
      { command: ['python3', '-m', 'vllm.entrypoints.openai.api_server'], prefix: ['--model'] },
    ],
    ['llama-cpp-cpu', ['/app/llama-server'], null, keep],
    ['llama-cpp-cuda', ['/app/tools.sh'], null, { command: null, prefix: ['--server'] }],
    ['llama-cpp-cpu', null, null, { command: ['llama-server'], prefix: [] }],
    ['custom', ['anything'], null, keep],
  ])('of %s for an image with %o, version %s', (id, image, version, expected) => {
    expect(entrypointFor(shipped(id), image, version)).toEqual(expected);
  });

  it('as a plain list is for images without one', () => {
    const spec = { ...cpu, entrypoint: ['server'] };
    expect(entrypointFor(spec, null, null).command).toEqual(['server']);
    expect(entrypointFor(spec, ['own'], null).command).toBeNull();
  });
});

describe('the version of an engine', () => {
  const image = (reference: string, labels: Record<string, string> = {}) => ({ reference, labels, env: {} });
  it.each([
    ['vllm', image('vllm/vllm-openai:v0.19.1'), '0.19.1'],
    ['vllm', image('mirror.example:5000/vllm:0.30.0-cu130'), '0.30.0'],
    ['vllm', image('mirror.example:5000/vllm'), null],
    ['vllm', image('local/vllm:prod', { 'org.opencontainers.image.version': '22.04' }), null],
    ['vllm', image('local/vllm:prod', { 'org.opencontainers.image.version': '0.19.1' }), '0.19.1'],
    ['vllm', image('vllm/vllm-openai:v0.19.1@sha256:aa'), '0.19.1'],
    ['llama-cpp-cuda', image('ghcr.io/ggml-org/llama.cpp:server-cuda-b5678'), '5678'],
    ['llama-cpp-cuda', image('ghcr.io/ggml-org/llama.cpp:server-cuda'), null],
  ])('%s in %o is %s', (id, facts_, version) => {
    expect(engineVersion(shipped(id), facts_)).toBe(version);
  });

  it.each([
    ['0.9.1', '0.10.0', -1],
    ['0.10.0', '0.10', 0],
    ['1.0.0rc1', '1.0.0', 0],
    ['11669', '7500', 1],
  ])('%s against %s', (a, b, order) => {
    expect(Math.sign(compareVersions(a, b))).toBe(order);
  });

  it.each([
    [null, { since: '9.9' }, true],
    [null, { before: '9.9' }, false],
    ['0.11.0', { since: '0.11.0' }, true],
    ['0.11.0', { before: '0.11.0' }, false],
    ['0.10.2', { since: '0.9', before: '0.11' }, true],
  ])('%s within %o: %s', (version, bounds, holds) => {
    expect(holdsFor(version, bounds)).toBe(holds);
  });
});

describe('the settings of a slot', () => {
  it.each([
    [cpu, { threads: 1, max_model_len: 5 }, [], null],
    [cpu, { tensor_parallel_size: 2, dtype: 'half' }, [], ['config.tensor_parallel_size', 'config.dtype']],
    [cpu, {}, ['GPU-1'], ['gpu_ids']],
    [cpu, { kv_cache_type: 'fp8' }, [], ['config.kv_cache_type']],
    [vllm, { kv_cache_type: 'q8_0' }, ['GPU-1'], ['config.kv_cache_type']],
    [vllm, { tensor_parallel_size: 2 }, ['GPU-1', 'GPU-2'], null],
    [vllm, { tensor_parallel_size: 2 }, ['GPU-1'], ['config.tensor_parallel_size', 'gpu_ids']],
    [vllm, { tensor_parallel_size: 2 }, [], null],
    [vllm, {}, ['GPU-1', 'GPU-1'], ['gpu_ids']],
    [custom, {}, ['GPU-1'], null],
  ] as const)('of %o', (spec, config, gpuIds, fields) => {
    expect(settingProblem(spec, config, gpuIds)?.fields ?? null).toEqual(fields);
  });
});

describe('the identity of a runtime', () => {
  it('is made of what can change an answer, and of nothing else', () => {
    const identity = runtimeIdentity(cpu, 'sha256:1', { context_length: 512 });
    expect(runtimeIdentity(cpu, 'sha256:1', { context_length: 512, threads: 8, parallel: 4 })).toBe(identity);
    expect(runtimeIdentity(cpu, 'sha256:2', { context_length: 512 })).not.toBe(identity);
    expect(runtimeIdentity(cpu, 'sha256:1', { context_length: 1024 })).not.toBe(identity);
    expect(runtimeIdentity({ id: 'other' }, 'sha256:1', { context_length: 512 })).not.toBe(identity);
  });
});
