import { z } from 'zod';
import { ERROR_CODES, SlotConfigSchema, type SlotConfig } from '../../../shared/contract/index.ts';
import { COMPUTATIONS } from './computations.ts';

/**
 * A diagnosis rule: data that says how a failure is known, what it is called and what cures it. They ship in
 * `resources/diagnosis.yaml`; a runtime spec may carry its own, which are asked first. The first that matches wins, so
 * the specific come before the general.
 */

type SettingName = keyof SlotConfig;
const SETTING_NAMES = Object.keys(SlotConfigSchema.shape) as [SettingName, ...SettingName[]];

const PatternSchema = z
  .string()
  .min(1)
  .max(1000)
  .refine(
    (pattern) => {
      try {
        return new RegExp(pattern) instanceof RegExp;
      } catch {
        // The only thing RegExp throws is that it does not parse.
        return false;
      }
    },
    { message: 'This is not a regular expression.' },
  );

/** A value of a fix: literal, with `$1` for a group of the pattern, or computed. `null` takes the setting away. */
const ValueSchema = z.union([
  z.string(),
  z.number(),
  z.boolean(),
  z.null(),
  z.strictObject({
    compute: z.enum(COMPUTATIONS),
    /** `$1` is a group of the pattern, `@name` a setting of the slot, anything else stands for itself. */
    from: z.array(z.string()).max(4),
  }),
]);

const FixSchema = z.strictObject({
  label: z.string().min(1).max(200),
  set: z.partialRecord(z.enum(SETTING_NAMES), ValueSchema),
});

/** How often the same start is worth another try while nobody changes anything. */
const RETRIES = ['never', 'after_change', 'once', 'always'] as const;

export const DiagnosisRuleSchema = z
  .strictObject({
    id: z.string().regex(/^[a-z0-9-]{1,64}$/),
    /** Of runtime specs with one of these engines; every engine when absent. */
    engines: z.array(z.string()).min(1).optional(),
    /** Only in slots that ask for this device. */
    device: z.enum(['cpu', 'cuda']).optional(),
    /** Found in a line of the log, or in what Docker says of a container. */
    pattern: PatternSchema.optional(),
    /** How the process ended. */
    exit: z.strictObject({ code: z.int().optional(), oom_killed: z.boolean().optional() }).optional(),
    code: z.enum(ERROR_CODES),
    cause: z.string().min(1),
    fix: z.string().min(1),
    retry: z.enum(RETRIES),
    /** What one click can change. A fix that the slot cannot take, or that changes nothing, is not offered. */
    fixes: z.array(FixSchema).default([]),
  })
  .refine((rule) => (rule.pattern === undefined) !== (rule.exit === undefined), {
    message: 'A rule has either a pattern or an exit.',
  });

export const DiagnosisRulesSchema = z.array(DiagnosisRuleSchema);
export type DiagnosisRule = z.infer<typeof DiagnosisRuleSchema>;
export type FixValue = z.infer<typeof ValueSchema>;
