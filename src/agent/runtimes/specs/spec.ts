import { z } from 'zod';
import { CapabilitySchema, NameSchema, SlotConfigSchema } from '../../../shared/contract/index.ts';
import { DiagnosisRulesSchema } from '../diagnosis/rule.ts';

/**
 * A runtime spec: data that says how an engine is started, asked and understood. Adding one needs no code. Every key is
 * described in docs/runtimes.md.
 */

const Pattern = z
  .string()
  .min(1)
  .max(1000)
  .refine(compiles, { message: 'This is not a regular expression.' });

function compiles(pattern: string): boolean {
  try {
    return new RegExp(pattern) instanceof RegExp;
  } catch {
    // The only thing RegExp throws is that it does not parse.
    return false;
  }
}

const SETTINGS = Object.keys(SlotConfigSchema.shape) as [keyof typeof SlotConfigSchema.shape];

/** Engine versions something holds for: from `since` on, and not from `before` on. */
const VERSIONS = {
  since: z
    .string()
    .regex(/^\d+(\.\d+){0,3}$/)
    .optional(),
  before: z
    .string()
    .regex(/^\d+(\.\d+){0,3}$/)
    .optional(),
};

const Words = z.array(z.string().max(4096)).min(1).max(64);
const VariableName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/);
const InsidePath = z
  .string()
  .max(256)
  .regex(/^(\/[A-Za-z0-9._-]+)+$/);
const HttpPath = z
  .string()
  .max(256)
  .regex(/^\/[A-Za-z0-9._~/-]*$/);

/** What else than a setting an argument may depend on. */
const FACTS = ['chat_template', 'mmproj_file', 'key_file'] as const;

const ArgumentSchema = z.union([
  Words,
  z.strictObject({
    /** Only when this setting or fact has a value; a switch that is false has none. */
    when: z.enum([...SETTINGS, ...FACTS]).optional(),
    /** Only when it has this value. */
    is: z.union([z.string(), z.number(), z.boolean()]).optional(),
    /** Only when it is a number. */
    type: z.literal('number').optional(),
    /** Only when this setting has no value. */
    unless: z.enum([...SETTINGS, ...FACTS]).optional(),
    /** Only in slots of this capability. */
    capability: CapabilitySchema.optional(),
    ...VERSIONS,
    args: Words,
  }),
]);

const EnvironmentSchema = z.record(
  VariableName,
  z.union([
    z.string(),
    z.strictObject({ value: z.string(), when: z.enum([...SETTINGS, ...FACTS]).optional(), ...VERSIONS }),
  ]),
);

const TransportSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    /** A Unix socket in a directory that is mounted; the container has no network. */
    kind: z.literal('unix'),
    args: Words.optional(),
    ...VERSIONS,
  }),
  z.strictObject({
    /** A port in an internal network of the slot's own. */
    kind: z.literal('tcp'),
    port: z.int().min(1).max(65_535).default(8000),
    args: Words.optional(),
    /** How the engine is told the key that it shall ask for: a variable, or a file whose path is `{key_file}`. */
    key: z
      .union([z.strictObject({ env: VariableName }), z.strictObject({ file: z.literal(true) })])
      .optional(),
    ...VERSIONS,
  }),
]);

/** Which entrypoint a container gets. The first rule that holds for the image counts; without one, the image's own. */
const EntrypointRuleSchema = z.strictObject({
  /** Found in the image's own entrypoint, its words joined by blanks; an image without one has ''. */
  image: z.string().max(1000).refine(compiles, { message: 'This is not a regular expression.' }).optional(),
  ...VERSIONS,
  /** In place of the image's own. */
  command: Words.optional(),
  /** Before all other arguments. */
  prefix: Words.optional(),
});

const VersionSourceSchema = z.discriminatedUnion('from', [
  z.strictObject({ from: z.literal('tag'), pattern: Pattern }),
  z.strictObject({ from: z.literal('label'), name: z.string().min(1).max(256), pattern: Pattern }),
  z.strictObject({ from: z.literal('env'), name: VariableName, pattern: Pattern }),
]);

/** Names under which an engine has a figure, in its versions; the first that it has is taken. */
const MetricNames = z
  .array(z.string().regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/))
  .max(16)
  .default([]);

const MetricsSchema = z.strictObject({
  requests_running: MetricNames,
  requests_waiting: MetricNames,
  generated_tokens_total: MetricNames,
  prompt_tokens_total: MetricNames,
  /** The engine's figure is a share from 0 to 1. */
  kv_cache_percent: MetricNames,
});

const ProbeSchema = z.strictObject({
  /** Answers 200 once the engine is ready. */
  health: HttpPath.default('/health'),
  /** Lists what the engine serves, as OpenAI's `/v1/models` does; null for an engine that lists nothing. */
  models: HttpPath.nullable().default('/v1/models'),
  /** Whether one token or one embedding is asked for before the slot counts as loaded. */
  compute: z.boolean().default(true),
});

export const RuntimeSpecSchema = z
  .strictObject({
    id: NameSchema,
    name: z.string().min(1).max(128),
    description: z.string().max(2000).default(''),
    engine: z.string().min(1).max(64),
    driver: z.enum(['docker', 'process', 'embedded']),
    device: z.enum(['cpu', 'cuda']).default('cpu'),
    /** Whether a slot has to name GPUs. */
    gpus: z.enum(['none', 'optional', 'required']).optional(),
    capabilities: z.array(CapabilitySchema).min(1),
    formats: z.array(z.enum(['gguf', 'safetensors'])).min(1),
    image: z
      .strictObject({
        reference: z.string().min(1).max(512),
        /** `sha256:...` of the manifest in its repository: an image of another one is refused. */
        digest: z
          .string()
          .regex(/^sha256:[0-9a-f]{64}$/)
          .optional(),
        verified: z.boolean().default(false),
      })
      .optional(),
    /** A list of words is used when the image has no entrypoint of its own. */
    entrypoint: z.union([Words, z.array(EntrypointRuleSchema).min(1).max(16)]).optional(),
    /** Where the engine's version stands; the first that is found counts. */
    version: z.array(VersionSourceSchema).max(8).default([]),
    settings: z.array(z.enum(SETTINGS)).default([]),
    /** The values a setting may have here, where not every one of the setting's own will do. */
    choices: z.partialRecord(z.enum(SETTINGS), z.array(z.string()).min(1)).default({}),
    defaults: SlotConfigSchema.default({}),
    inferred_context_cap: z.int().min(256).default(8192),
    args: z.array(ArgumentSchema).default([]),
    /** Whether placeholders in a slot's `extra_args` are filled in, for engines that are told nothing else. */
    extra_args_placeholders: z.boolean().default(false),
    env: EnvironmentSchema.default({}),
    /** The writable directory of a slot, as the container sees it. It outlives the container. */
    cache: z.strictObject({ path: InsidePath.default('/cache') }).default({ path: '/cache' }),
    /** Ways to reach it, best first; the first that this machine and the engine's version allow is taken. */
    transports: z
      .array(TransportSchema)
      .min(1)
      .max(4)
      .default([{ kind: 'unix' }]),
    probe: ProbeSchema.default(ProbeSchema.parse({})),
    /** Which formulas say what it needs. */
    memory: z.enum(['llama.cpp', 'vllm', 'none']).default('none'),
    stall_seconds: z.int().min(5).max(86_400).default(300),
    milestones: z
      .array(z.strictObject({ id: NameSchema, label: z.string().min(1).max(64), pattern: Pattern }))
      .default([]),
    /** What the engine's `GET /metrics` calls its figures; a spec without is never asked. */
    metrics: MetricsSchema.default(MetricsSchema.parse({})),
    refuse_parameters: z.array(z.string()).default([]),
    /** Failures of this engine, asked before those that ship. */
    diagnosis: DiagnosisRulesSchema.default([]),
  })
  .superRefine((spec, context) => {
    const refuse = (path: (string | number)[], message: string): void => {
      context.addIssue({ code: 'custom', path, message });
    };
    if (spec.driver === 'docker' && spec.image === undefined && !spec.settings.includes('image'))
      refuse(['image'], 'A runtime of driver docker needs an image, or the setting image.');
    if (spec.device === 'cuda' && spec.gpus === 'none')
      refuse(['gpus'], 'A runtime of device cuda cannot do without GPUs.');
    spec.transports.forEach((transport, index) => {
      if (transport.kind === 'tcp' && spec.driver !== 'docker')
        refuse(['transports', index], 'Only containers are reached through TCP.');
    });
    for (const key of Object.keys(spec.defaults)) {
      if (!(spec.settings as string[]).includes(key))
        refuse(['defaults', key], `${key} is not among the settings.`);
    }
  })
  .transform((spec) => ({ ...spec, gpus: spec.gpus ?? (spec.device === 'cuda' ? 'required' : 'none') }));

/** As of an engine whose spec was taken away. */
export const DEFAULT_PROBE = ProbeSchema.parse({});

export type RuntimeSpec = z.infer<typeof RuntimeSpecSchema>;
export type SpecTransport = RuntimeSpec['transports'][number];
export type ProbePlan = RuntimeSpec['probe'];

/** Placeholders an argument or a variable may use; anything else in braces is refused when the spec is read. */
export const PLACEHOLDERS = [
  'model_file',
  'model_dir',
  'mmproj_file',
  'served_name',
  'socket',
  'port',
  'key_file',
  'cache_dir',
  'context_length',
  'context_total',
  'parallel',
  'threads',
  'gpu_layers',
  'kv_cache_type',
  'flash_attention',
  'batch_size',
  'ubatch_size',
  'dtype',
  'quantization',
  'tensor_parallel_size',
  'gpu_memory_utilization',
  'kv_cache_memory_bytes',
  'max_num_batched_tokens',
  'chat_template',
] as const;
export type Placeholder = (typeof PLACEHOLDERS)[number];

/** Placeholders that nobody knows, with the text they stand in. Pure. */
export function unknownPlaceholders(spec: RuntimeSpec): string[] {
  const texts = [
    ...spec.args.flatMap((entry) => (Array.isArray(entry) ? entry : entry.args)),
    ...spec.transports.flatMap((transport) => transport.args ?? []),
    ...Object.values(spec.env).map((entry) => (typeof entry === 'string' ? entry : entry.value)),
  ];
  const used = texts.flatMap((text) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? ''));
  return [...new Set(used)].filter((name) => !(PLACEHOLDERS as readonly string[]).includes(name));
}
