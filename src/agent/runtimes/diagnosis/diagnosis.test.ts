import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { ExitInfo } from '../drivers/driver.ts';
import { compute, type ComputationName } from './computations.ts';
import {
  diagnose,
  mergeRules,
  unexplained,
  type Diagnosis,
  type DiagnosisSubject,
  type Symptoms,
} from './diagnose.ts';
import { rootLine } from './root-line.ts';
import { DiagnosisRuleSchema } from './rule.ts';
import { loadDiagnosisRules } from './rules.ts';

const rules = loadDiagnosisRules();

const fixturePath = (name: string): string =>
  fileURLToPath(new URL(`../../../../test/fixtures/${name}.log`, import.meta.url));

/** A log as an engine wrote it; its last line says how it ended, or all of it what Docker said. */
function symptomsOf(name: string): Symptoms {
  const rows = readFileSync(fixturePath(name), 'utf8').trimEnd().split('\n');
  const said = rows.findLast((row) => /^# docker: |^docker: /.test(row));
  const end = /^# exit=(\d+)( oom)?$/.exec(rows.at(-1) ?? '');
  const exit: ExitInfo | null =
    said !== undefined || end === null
      ? null
      : { code: Number(end[1]), oomKilled: end[2] !== undefined, message: null };
  const texts = rows.filter((row) => !/^#? ?docker: |^# exit=/.test(row));
  return {
    lines: texts.map((text, index) => ({ line: index + 1, text })),
    exit,
    refusal: said === undefined ? null : said.replace(/^#? ?docker: /, ''),
  };
}

const ALL = [
  'image context_length parallel kv_cache_type gpu_memory_utilization tensor_parallel_size dtype enforce_eager',
  'extra_args flash_attention quantization max_num_batched_tokens shm_bytes gpu_layers trust_remote_code',
]
  .join(' ')
  .split(' ');
const vllm: DiagnosisSubject = {
  engine: 'vllm',
  device: 'cuda',
  settings: {
    image: 'vllm/vllm-openai:v0.15.1',
    context_length: 131_072,
    gpu_memory_utilization: 0.9,
    tensor_parallel_size: 8,
    quantization: 'awq',
  },
  own: { quantization: 'awq', extra_args: ['--swap-space', '4', '--seed', '1'] },
  allowed: ALL,
};
const llama: DiagnosisSubject = {
  engine: 'llama.cpp',
  device: 'cpu',
  settings: { image: 'ghcr.io/ggml-org/llama.cpp:server-cuda-b6600', context_length: 65_536 },
  own: { extra_args: ['--no-such', '--verbose'] },
  allowed: ALL,
};
const cuda: DiagnosisSubject = { ...llama, device: 'cuda' };
const cuda13: DiagnosisSubject = {
  ...cuda,
  settings: { ...cuda.settings, image: 'ghcr.io/ggml-org/llama.cpp:server-cuda13' },
};

type Row = readonly [
  rule: string,
  log: string,
  subject: DiagnosisSubject,
  code: string,
  cause: RegExp,
  patches: readonly Record<string, unknown>[],
];

/** Every rule with a log that shows it. The logs under llama-logs are recordings of a real llama-server. */
const TABLE: readonly Row[] = [
  ['gguf-not-a-model', 'llama-logs/html-page', llama, 'model_file_corrupt', /starts with '<!DO'/, []],
  ['gguf-empty', 'llama-logs/empty', llama, 'model_file_corrupt', /empty/, []],
  ['gguf-truncated', 'llama-logs/truncated', llama, 'model_file_corrupt', /blk\.0\.ffn_down\.weight/, []],
  [
    'gguf-newer-version',
    'llama-logs/bad-version',
    llama,
    'model_not_supported',
    /version 99; .* up to 3/,
    [],
  ],
  ['unknown-architecture', 'llama-logs/unknown-arch', llama, 'model_not_supported', /zzzzz/, []],
  ['unknown-tokenizer', 'llama-logs/unknown-tokenizer', llama, 'model_not_supported', /xxxxx/, []],
  ['tensor-missing', 'llama-logs/missing-tensor', llama, 'model_file_corrupt', /blk\.1\.ffn_up\.weight/, []],
  ['file-missing', 'llama-logs/missing-file', llama, 'model_files_missing', /missing-file\.gguf/, []],
  [
    'bad-argument-llama',
    'llama-logs/bad-flag',
    llama,
    'runtime_bad_argument',
    /--no-such/,
    [{ extra_args: ['--verbose'] }],
  ],
  ['toolkit-missing', 'llama-logs/no-toolkit', cuda, 'gpu_runtime_missing', /toolkit is missing/, []],
  ['wrong-tensor-count', '', llama, 'model_file_corrupt', /291 tensors where 292/, []],
  ['not-first-part', '', llama, 'model_files_missing', /later part/, []],
  ['vision-projector-missing', '', llama, 'model_files_missing', /mmproj/, []],
  [
    'bad-argument-value-llama',
    '',
    llama,
    'runtime_bad_argument',
    /--cache-type-k: Unsupported cache type/,
    [],
  ],
  ['address-in-use', '', llama, 'runtime_exited', /socket or port/, []],
  ['wrong-processor', '', llama, 'image_missing', /processor/, []],
  ['silent-cpu', '', cuda, 'runtime_gpu_unused', /would have run on the CPU/, []],
  [
    'cuda-out-of-memory',
    '',
    cuda,
    'runtime_out_of_memory',
    /not enough free memory/,
    [{ context_length: 32_768 }, { kv_cache_type: 'q8_0' }, { gpu_layers: 'auto' }],
  ],
  ['host-out-of-memory', '', llama, 'runtime_out_of_memory', /machine/, [{ context_length: 32_768 }]],
  [
    'kv-type-needs-flash-attention',
    '',
    llama,
    'runtime_bad_argument',
    /flash attention/,
    [{ flash_attention: 'auto' }],
  ],
  ['oom-killed', '', llama, 'runtime_out_of_memory', /kernel ended it/, [{ context_length: 32_768 }]],
  ['killed', '', llama, 'runtime_exited', /KILL/, []],
  ['crashed', '', llama, 'runtime_exited', /segmentation fault/, []],
  ['instruction-unsupported', '', llama, 'model_not_supported', /instruction/, []],
  ['safetensors-corrupt', '', vllm, 'model_file_corrupt', /MetadataIncompleteBuffer/, []],
  ['weights-missing', '', vllm, 'model_files_missing', /no weights/, []],
  ['not-a-model-directory', '', vllm, 'model_files_missing', /does not find a model at \/models/, []],
  ['trust-remote-code', '', vllm, 'model_not_supported', /code of its own/, []],
  ['architecture-unsupported', '', vllm, 'model_not_supported', /Zamba9ForCausalLM/, []],
  ['chat-template-missing', '', vllm, 'model_not_supported', /no chat template/, []],
  ['tokenizer-missing', '', vllm, 'model_files_missing', /tokenizer/, []],
  [
    'context-above-model',
    '',
    vllm,
    'runtime_bad_argument',
    /asks for 131072 .* made for 40960/,
    [{ context_length: 40_960 }],
  ],
  [
    'context-above-kv-cache',
    '',
    vllm,
    'runtime_out_of_memory',
    /131072 tokens .* 72,592 do/,
    [{ context_length: 72_592 }, { kv_cache_type: 'fp8' }],
  ],
  [
    'context-above-kv-cache-old',
    '',
    vllm,
    'runtime_out_of_memory',
    /131072 tokens/,
    [{ context_length: 65_536 }, { kv_cache_type: 'fp8' }],
  ],
  [
    'no-room-for-kv-cache',
    '',
    vllm,
    'runtime_out_of_memory',
    /nothing is left/,
    [{ gpu_memory_utilization: 0.95 }, { enforce_eager: true }],
  ],
  [
    'free-memory-below-utilization',
    '',
    vllm,
    'runtime_out_of_memory',
    /20\.13 of 23\.68 GiB are free.*0\.9/,
    [{ gpu_memory_utilization: 0.83 }],
  ],
  [
    'tensor-parallel-heads',
    '',
    vllm,
    'runtime_bad_argument',
    /28 attention heads.*8 GPUs/,
    [{ tensor_parallel_size: 4 }],
  ],
  [
    'tensor-parallel-world-size',
    '',
    vllm,
    'runtime_bad_argument',
    /4 GPUs; .* 2/,
    [{ tensor_parallel_size: 2 }],
  ],
  ['bfloat16-unsupported', '', vllm, 'runtime_bad_argument', /bfloat16.* 8\.0/, [{ dtype: 'half' }]],
  ['float16-unsupported', '', vllm, 'runtime_bad_argument', /overflow/, [{ dtype: 'bfloat16' }]],
  [
    'quantization-mismatch',
    '',
    vllm,
    'runtime_bad_argument',
    /gptq; the slot says awq/,
    [{ quantization: null }],
  ],
  ['quantization-unknown', '', vllm, 'runtime_bad_argument', /exl9/, [{ quantization: null }]],
  ['quantization-unsupported-gpu', '', vllm, 'model_not_supported', /too old/, []],
  [
    'batched-tokens-too-few',
    '',
    vllm,
    'runtime_bad_argument',
    /2048.*131072/,
    [{ max_num_batched_tokens: 131_072 }],
  ],
  [
    'mamba-cache-blocks',
    '',
    vllm,
    'runtime_out_of_memory',
    /1024 are asked for, 856 fit/,
    [{ parallel: 856 }],
  ],
  ['repeated-serve', '', vllm, 'runtime_bad_argument', /second time/, []],
  [
    'unrecognized-argument',
    '',
    vllm,
    'runtime_bad_argument',
    /--swap-space/,
    [{ extra_args: ['--seed', '1'] }],
  ],
  ['invalid-choice', '', vllm, 'runtime_bad_argument', /q8_0 for --kv-cache-dtype/, []],
  [
    'driver-older-than-image',
    '',
    cuda13,
    'gpu_runtime_missing',
    /older than the image needs \(cuda>=13\.0\)/,
    [{ image: 'ghcr.io/ggml-org/llama.cpp:server-cuda' }],
  ],
  ['driver-library-mismatch', '', cuda, 'gpu_unavailable', /updated/, []],
  ['driver-too-old', '', vllm, 'gpu_unavailable', /too old/, []],
  ['gpu-not-in-container-llama', '', cuda, 'runtime_gpu_lost', /does not see the GPU/, []],
  ['gpu-not-in-container', '', vllm, 'runtime_gpu_lost', /does not see the GPU/, []],
  [
    'gpu-architecture',
    '',
    cuda,
    'model_not_supported',
    /not built for this GPU/,
    [{ image: 'ghcr.io/ggml-org/llama.cpp:server-cuda13-b6600' }],
  ],
  ['nccl', '', vllm, 'runtime_exited', /NCCL/, []],
  [
    'vllm-out-of-memory',
    '',
    vllm,
    'runtime_out_of_memory',
    /ran out of memory/,
    [{ context_length: 65_536 }, { enforce_eager: true }],
  ],
  ['gated-repository', '', vllm, 'model_files_missing', /licence/, []],
  ['engine-went-online', '', vllm, 'model_files_missing', /tried to fetch/, []],
  ['no-space', '', vllm, 'resource_exhausted', /disk is full/, []],
  ['image-not-to-be-had', '', vllm, 'image_missing', /could not be fetched/, []],
  ['program-not-in-image', '', vllm, 'runtime_bad_argument', /does not hold the program/, []],
  ['shared-memory', '', vllm, 'runtime_out_of_memory', /shared memory/, [{ shm_bytes: 17_179_869_184 }]],
  ['gpu-fault', '', vllm, 'runtime_gpu_lost', /illegal memory access/, []],
  ['engine-died', '', vllm, 'runtime_exited', /died while it served/, []],
];

const logOf = ([rule, log]: Row): string => (log === '' ? `engine-logs/${rule}` : log);

describe('a diagnosis', () => {
  it.each(TABLE.map((row) => [row[0], row] as const))('%s', (_name, row) => {
    const [rule, , subject, code, cause, patches] = row;
    const symptoms = symptomsOf(logOf(row));
    const found = diagnose(rules, symptoms, subject);
    expect(found).toMatchObject({ rule, code, cause: expect.stringMatching(cause) });
    expect(found?.fixes.map((fix) => fix.patch)).toEqual(patches);
    // Nothing is left unfilled, and what is shown are sentences.
    for (const text of [found?.cause, found?.fix]) expect(text).toMatch(/^[A-Z0-9'`].*[.)`']$/);
    expect(`${found?.cause}${found?.fix}`).not.toMatch(/\$\d|: \.|\(\)/);
    const pattern = rules.find((one) => one.id === rule)?.pattern;
    if (pattern !== undefined && symptoms.refusal === null)
      expect(found?.evidence?.text).toMatch(new RegExp(pattern));
  });

  it('has a log for every rule, and every log is of a rule', () => {
    expect(TABLE.map(([rule]) => rule).toSorted()).toEqual(rules.map((rule) => rule.id).toSorted());
    expect(TABLE.filter((row) => !existsSync(fixturePath(logOf(row))))).toEqual([]);
    expect(rules.length).toBeGreaterThanOrEqual(36);
  });

  it.each([
    ['invalid magic in a page', 'llama-logs/bad-magic', llama, 'gguf-not-a-model'],
    ['a fault of the GPU before the death it causes', 'engine-logs/gpu-fault', vllm, 'gpu-fault'],
    [
      'the length that fits before that it does not',
      'engine-logs/context-above-kv-cache',
      vllm,
      'context-above-kv-cache',
    ],
    ['the word serve before any argument', 'engine-logs/repeated-serve', vllm, 'repeated-serve'],
    ['the GPU before the machine', 'engine-logs/cuda-out-of-memory', cuda, 'cuda-out-of-memory'],
  ])('prefers the specific: %s', (_name, log, subject, rule) => {
    expect(diagnose(rules, symptomsOf(log), subject)?.rule).toBe(rule);
    // The general rule knows it too, where the specific is not there.
    const general = diagnose(
      rules.filter((one) => one.id !== rule),
      symptomsOf(log),
      subject,
    );
    if (rule !== 'gguf-not-a-model') expect(general?.rule).toBeDefined();
  });

  it('minds a missing GPU only where one is asked for', () => {
    const symptoms = symptomsOf('engine-logs/silent-cpu');
    expect(diagnose(rules, symptoms, cuda)?.code).toBe('runtime_gpu_unused');
    expect(diagnose(rules, symptoms, llama)).toBeNull();
  });

  it('finds none in the log of a good start', () => {
    expect(diagnose(rules, symptomsOf('llama-logs/ok-lv4'), llama)).toBeNull();
  });

  it('offers no fix that the slot does not take, or that changes nothing', () => {
    const symptoms = symptomsOf('engine-logs/free-memory-below-utilization');
    const patches = (subject: DiagnosisSubject): unknown =>
      diagnose(rules, symptoms, subject)?.fixes.map((fix) => fix.patch);
    expect(patches({ ...vllm, allowed: ['image'] })).toEqual([]);
    expect(patches({ ...vllm, settings: { gpu_memory_utilization: 0.83 } })).toEqual([]);
    const mismatch = symptomsOf('engine-logs/quantization-mismatch');
    expect(diagnose(rules, mismatch, { ...vllm, own: {} })?.fixes).toEqual([]);
  });

  it('never trusts code by one click', () => {
    expect(rules.flatMap((rule) => rule.fixes).filter((fix) => 'trust_remote_code' in fix.set)).toEqual([]);
  });

  it('tells the first error where no rule knows one', () => {
    const lines = [
      '(APIServer pid=1) INFO 11-20 10:13:41 [utils.py:233] starts',
      '(EngineCore_DP0 pid=9) ERROR 11-20 10:14:22 [core.py:708] EngineCore failed to start.',
      '(EngineCore_DP0 pid=9) ERROR 11-20 10:14:22 [core.py:708] Traceback (most recent call last):',
      '(EngineCore_DP0 pid=9) ERROR 11-20 10:14:22 [core.py:708] ZeroDivisionError: division by zero',
      '(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above.',
    ].map((text, index) => ({ line: index + 1, text }));
    const exit = { code: 1, oomKilled: false, message: null };
    expect(diagnose(rules, { lines, exit, refusal: null }, vllm)).toBeNull();
    expect(unexplained({ lines, exit })).toMatchObject({
      rule: null,
      code: 'runtime_exited',
      cause: 'It ended with code 1.',
      fix: expect.stringMatching(/^No known cause\. First error line: .*ZeroDivisionError/),
      evidence: { line: 4 },
    } satisfies Partial<Diagnosis> | Record<string, unknown>);
    expect(unexplained({ lines: [], exit: null }).fix).toMatch(/^No known cause\. Read the log/);
  });
});

describe('the line that tells why', () => {
  it.each([
    [
      'a recorded llama log',
      symptomsOf('llama-logs/truncated').lines.map((line) => line.text),
      /not within the file bounds/,
    ],
    [
      'Python',
      ['Traceback (most recent call last):', 'KeyError: 3', 'RuntimeError: engine died'],
      /^KeyError: 3/,
    ],
    ['words only', ['all fine', 'error: no luck', 'bye'], /^error: no luck/],
    ['nothing', ['all fine', 'bye'], null],
  ])('%s', (_name, texts, wanted) => {
    const found = rootLine(texts.map((text) => ({ text })))?.text ?? null;
    if (wanted === null) expect(found).toBeNull();
    else expect(found).toMatch(wanted);
  });
});

describe('a computation', () => {
  it.each<[ComputationName, unknown[], unknown]>([
    ['number', ['72,592'], 72_592],
    ['number', ['many'], null],
    ['free_over_total', ['31.44', '47.38'], 0.64],
    ['free_over_total', ['0.49', '79.32'], null],
    ['free_over_total', ['23.9', '24'], 0.95],
    ['raised_utilization', [0.9], 0.95],
    ['raised_utilization', [0.85], 0.9],
    ['raised_utilization', [0.95], null],
    ['raised_utilization', [undefined], null],
    ['half_of', [131_072], 65_536],
    ['half_of', ['10000'], 4864],
    ['half_of', [512], null],
    ['nearest_divisor', ['28', '8'], 4],
    ['nearest_divisor', ['40', '3'], 2],
    ['nearest_divisor', ['25', '4'], 1],
    ['retagged', ['a/b:server-cuda', 'server-cuda', 'server-cuda13'], 'a/b:server-cuda13'],
    [
      'retagged',
      ['host:5000/a/b:server-cuda-b1', 'server-cuda', 'server-cuda13'],
      'host:5000/a/b:server-cuda13-b1',
    ],
    ['retagged', ['a/b:server-cuda13', 'server-cuda', 'server-cuda13'], null],
    ['retagged', ['a/b', 'server-cuda', 'server-cuda13'], null],
    ['without_argument', [['--a', '1', '--b'], '--a'], ['--b']],
    ['without_argument', [['--a=1', '--b'], '--a'], ['--b']],
    ['without_argument', [['--b'], '--a'], null],
  ])('%s of %j is %j', (name, from, wanted) => {
    expect(compute(name, from)).toEqual(wanted);
  });
});

describe('a rule', () => {
  const rule = { id: 'x', pattern: 'a', code: 'runtime_exited', cause: 'C.', fix: 'F.', retry: 'never' };
  it.each([
    ['two ways to know it', { ...rule, exit: { code: 1 } }],
    ['no way to know it', { ...rule, pattern: undefined }],
    ['a pattern that is none', { ...rule, pattern: '(' }],
    ['a code that is not in the table', { ...rule, code: 'bad_luck' }],
    ['a setting nobody has', { ...rule, fixes: [{ label: 'l', set: { speed: 11 } }] }],
    [
      'a function nobody knows',
      { ...rule, fixes: [{ label: 'l', set: { parallel: { compute: 'eval', from: [] } } }] },
    ],
  ])('with %s is refused', (_name, wrong) => {
    expect(DiagnosisRuleSchema.safeParse(rule).success).toBe(true);
    expect(DiagnosisRuleSchema.safeParse(wrong).success).toBe(false);
  });

  it('of a spec stands before the shipped, and in place of one of its name', () => {
    const own = DiagnosisRuleSchema.parse({ ...rule, id: 'killed' });
    const merged = mergeRules(rules, [own]);
    expect(merged[0]).toBe(own);
    expect(merged).toHaveLength(rules.length);
    expect(mergeRules(rules, [])).toBe(rules);
  });
});
