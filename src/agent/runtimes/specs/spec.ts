import { z } from 'zod';
import { CapabilitySchema, NameSchema, SlotConfigSchema } from '../../../shared/contract/index.ts';
import { DiagnosisRulesSchema } from '../diagnosis/rule.ts';

/** A runtime spec: data that says how an engine is started, asked and understood. Adding one needs no code. */

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

const ArgumentSchema = z.union([
  z.array(z.string()).min(1),
  z.strictObject({
    /** Only when this setting has a value. */
    when: z.string().optional(),
    /** Only in slots of this capability. */
    capability: CapabilitySchema.optional(),
    args: z.array(z.string()).min(1),
  }),
]);

export const RuntimeSpecSchema = z
  .strictObject({
    id: NameSchema,
    name: z.string().min(1).max(128),
    description: z.string().max(2000).default(''),
    engine: z.string().min(1).max(64),
    driver: z.enum(['docker', 'process', 'embedded']),
    device: z.enum(['cpu', 'cuda']).default('cpu'),
    capabilities: z.array(CapabilitySchema).min(1),
    formats: z.array(z.enum(['gguf', 'safetensors'])).min(1),
    image: z
      .strictObject({
        reference: z.string().min(1).max(512),
        digest: z.string().optional(),
        verified: z.boolean().default(false),
      })
      .optional(),
    entrypoint: z.array(z.string()).min(1).optional(),
    settings: z
      .array(z.enum(Object.keys(SlotConfigSchema.shape) as [keyof typeof SlotConfigSchema.shape]))
      .default([]),
    defaults: SlotConfigSchema.default({}),
    inferred_context_cap: z.int().min(256).default(8192),
    args: z.array(ArgumentSchema).default([]),
    env: z.record(z.string().regex(/^[A-Z_][A-Z0-9_]*$/), z.string()).default({}),
    transport: z.literal('unix').default('unix'),
    stall_seconds: z.int().min(5).max(86_400).default(300),
    milestones: z
      .array(z.strictObject({ id: NameSchema, label: z.string().min(1).max(64), pattern: Pattern }))
      .default([]),
    refuse_parameters: z.array(z.string()).default([]),
    /** Failures of this engine, asked before those that ship. */
    diagnosis: DiagnosisRulesSchema.default([]),
  })
  .refine((spec) => spec.driver !== 'docker' || spec.image !== undefined, {
    message: 'A runtime of driver docker needs an image.',
    path: ['image'],
  });

export type RuntimeSpec = z.infer<typeof RuntimeSpecSchema>;

/** Placeholders an argument may use; anything else in braces is refused when the spec is read. */
export const PLACEHOLDERS = [
  'model_file',
  'model_dir',
  'served_name',
  'socket',
  'context_length',
  'context_total',
  'parallel',
  'threads',
  'kv_cache_type',
  'chat_template',
] as const;
export type Placeholder = (typeof PLACEHOLDERS)[number];

/** Placeholders in the arguments that nobody knows. Pure. */
export function unknownPlaceholders(spec: RuntimeSpec): string[] {
  const used = spec.args
    .flatMap((entry) => (Array.isArray(entry) ? entry : entry.args))
    .flatMap((text) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? ''));
  return [...new Set(used)].filter((name) => !(PLACEHOLDERS as readonly string[]).includes(name));
}
