import { z } from 'zod';
import { ERROR_CODES, type ErrorCode } from '../../../shared/contract/index.ts';
import type { ExitInfo } from '../drivers/driver.ts';

/** Why a runtime did not start or stopped, from its log and its end: rules as data, the first that matches wins. */
export const DiagnosisRulesSchema = z.array(
  z.strictObject({
    id: z.string(),
    pattern: z.string(),
    device: z.enum(['cpu', 'cuda']).optional(),
    code: z.enum(ERROR_CODES),
    cause: z.string(),
    fix: z.string(),
    retry: z.boolean(),
    set: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  }),
);
export type DiagnosisRule = z.infer<typeof DiagnosisRulesSchema>[number];

export interface Diagnosis {
  readonly rule: string;
  readonly code: ErrorCode;
  readonly cause: string;
  readonly fix: string;
  readonly retry: boolean;
  /** The line that tells it. */
  readonly evidence: string | null;
  readonly fixes: readonly {
    readonly label: string;
    readonly patch: Record<string, string | number | boolean>;
  }[];
}

export interface DiagnosisInput {
  readonly lines: readonly string[];
  readonly exit: ExitInfo | null;
  readonly device: 'cpu' | 'cuda';
}

/** Pure. */
export function diagnose(
  rules: readonly DiagnosisRule[],
  { lines, exit, device }: DiagnosisInput,
): Diagnosis {
  for (const rule of rules) {
    if (rule.device !== undefined && rule.device !== device) continue;
    const pattern = new RegExp(rule.pattern);
    for (const line of lines) {
      const match = pattern.exec(line);
      if (match !== null) return fromRule(rule, match, line);
    }
  }
  return fromExit(exit, lines);
}

function fromRule(rule: DiagnosisRule, match: RegExpExecArray, line: string): Diagnosis {
  const fill = (text: string): string =>
    text.replace(/\$(\d)/g, (_all, digit: string) =>
      (match[Number(digit)] ?? match.slice(1).find((group) => group !== undefined) ?? '').trim(),
    );
  const patch =
    rule.set === undefined
      ? null
      : Object.fromEntries(
          Object.entries(rule.set).map(([key, value]) => [
            key,
            typeof value === 'string' ? numberIfNumber(fill(value)) : value,
          ]),
        );
  return {
    rule: rule.id,
    code: rule.code,
    cause: fill(rule.cause),
    fix: fill(rule.fix),
    retry: rule.retry,
    evidence: line,
    fixes: patch === null ? [] : [{ label: fill(rule.fix), patch }],
  };
}

/** No rule knows the log: what the end of the process tells, with the first line that looks like an error. */
function fromExit(exit: ExitInfo | null, lines: readonly string[]): Diagnosis {
  const evidence = lines.find((line) => /\b(error|fatal|failed|exception)\b/i.test(line)) ?? null;
  const base = { fixes: [], evidence };
  if (exit?.oomKilled === true) {
    return {
      ...base,
      rule: 'oom-killed',
      code: 'runtime_out_of_memory',
      cause: 'The kernel ended it because memory ran out.',
      fix: 'Lower the context length, or stop something else on this machine.',
      retry: false,
    };
  }
  if (exit?.code === 137) {
    return {
      ...base,
      rule: 'killed',
      code: 'runtime_exited',
      cause: 'Something outside ended it (signal KILL).',
      fix: 'If that was not intended, look at the kernel log for the OOM killer.',
      retry: true,
    };
  }
  if (exit?.code === 139) {
    return {
      ...base,
      rule: 'crashed',
      code: 'runtime_exited',
      cause: 'The engine crashed (segmentation fault).',
      fix: 'Try another engine image.',
      retry: true,
    };
  }
  const ended =
    exit === null
      ? 'It did not answer.'
      : exit.code === 0
        ? 'It ended by itself.'
        : `It ended with code ${exit.code ?? 'unknown'}.`;
  return {
    ...base,
    rule: 'unknown',
    code: 'runtime_exited',
    cause: exit?.message == null || exit.message === '' ? ended : `${ended} ${exit.message}`,
    fix: evidence === null ? 'Read the log of the slot.' : `No known cause. First error line: ${evidence}`,
    retry: true,
  };
}

function numberIfNumber(text: string): string | number {
  const value = Number(text.replaceAll(',', ''));
  return text !== '' && Number.isFinite(value) ? value : text;
}
