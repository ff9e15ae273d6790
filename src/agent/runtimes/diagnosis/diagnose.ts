import { SlotConfigSchema, type ErrorCode, type SlotConfig } from '../../../shared/contract/index.ts';
import type { ExitInfo } from '../drivers/driver.ts';
import { compute, readNumber } from './computations.ts';
import { rootLine } from './root-line.ts';
import type { DiagnosisRule, FixValue } from './rule.ts';

/** Why a runtime did not start or stopped, from its log, what the engine of containers said and how it ended. */

export interface DiagnosedLine {
  /** Its place in the log of its attempt. */
  readonly line: number;
  readonly text: string;
}

/** What is known of the slot that failed. */
export interface DiagnosisSubject {
  /** Of its runtime spec: `vllm`, `llama.cpp`, ... */
  readonly engine: string;
  readonly device: 'cpu' | 'cuda';
  /** The settings in force, from wherever they came. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The slot's own settings: what a fix can take away. */
  readonly own: SlotConfig;
  /** Settings that the spec takes. */
  readonly allowed: readonly string[];
}

export interface Symptoms {
  readonly lines: readonly DiagnosedLine[];
  readonly exit: ExitInfo | null;
  /** What Docker said when it refused to make or start the container. */
  readonly refusal: string | null;
}

export interface Diagnosis {
  /** null when no rule knew it. */
  readonly rule: string | null;
  readonly code: ErrorCode;
  readonly cause: string;
  readonly fix: string;
  readonly retry: DiagnosisRule['retry'];
  /** The line that tells it; null where none does. */
  readonly evidence: DiagnosedLine | null;
  readonly fixes: readonly { readonly label: string; readonly patch: SettingsPatch }[];
}

/** Changes of settings. null takes one away. */
type SettingsPatch = Readonly<Record<string, unknown>>;

interface Match {
  readonly groups: readonly string[];
  readonly evidence: DiagnosedLine | null;
}

/** @returns null when no rule knows it. Pure. */
export function diagnose(
  rules: readonly DiagnosisRule[],
  symptoms: Symptoms,
  subject: DiagnosisSubject,
): Diagnosis | null {
  for (const rule of rules) {
    if (rule.device !== undefined && rule.device !== subject.device) continue;
    if (rule.engines !== undefined && !rule.engines.includes(subject.engine)) continue;
    const match = matchOf(rule, symptoms);
    if (match !== null) return fromRule(rule, match, symptoms, subject);
  }
  return null;
}

/** What can be told where no rule knows it: how it ended, and the first line that looks like the reason. Pure. */
export function unexplained({ lines, exit }: Pick<Symptoms, 'lines' | 'exit'>): Diagnosis {
  const evidence = rootLine(lines);
  const ended =
    exit === null
      ? 'It did not answer.'
      : exit.code === 0
        ? 'It ended by itself.'
        : `It ended with code ${exit.code ?? 'unknown'}.`;
  return {
    rule: null,
    code: 'runtime_exited',
    cause: exit?.message == null || exit.message === '' ? ended : `${ended} ${exit.message}`,
    fix:
      evidence === null
        ? 'No known cause. Read the log of the slot.'
        : `No known cause. First error line: ${evidence.text}`,
    retry: 'always',
    evidence,
    fixes: [],
  };
}

/** A spec's own rules are asked first; one of the same id takes the place of the shipped. Pure. */
export function mergeRules(
  shipped: readonly DiagnosisRule[],
  own: readonly DiagnosisRule[],
): readonly DiagnosisRule[] {
  if (own.length === 0) return shipped;
  const taken = new Set(own.map((rule) => rule.id));
  return [...own, ...shipped.filter((rule) => !taken.has(rule.id))];
}

function matchOf(rule: DiagnosisRule, { lines, exit, refusal }: Symptoms): Match | null {
  if (rule.pattern === undefined) return exit !== null && endedAs(rule, exit) ? NO_GROUPS : null;
  const pattern = new RegExp(rule.pattern);
  for (const line of lines) {
    const match = pattern.exec(line.text);
    if (match !== null) return { groups: groupsOf(match), evidence: line };
  }
  for (const text of [refusal, exit?.message ?? null]) {
    const match = text === null ? null : pattern.exec(text);
    if (match !== null) return { groups: groupsOf(match), evidence: null };
  }
  return null;
}

const NO_GROUPS: Match = { groups: [], evidence: null };

function endedAs({ exit: wanted }: DiagnosisRule, exit: ExitInfo): boolean {
  return (
    wanted !== undefined &&
    (wanted.code === undefined || wanted.code === exit.code) &&
    (wanted.oom_killed === undefined || wanted.oom_killed === exit.oomKilled)
  );
}

/** Of alternatives in a pattern only one has groups: `$1` is then the first that matched. */
function groupsOf(match: RegExpExecArray): string[] {
  const given = match.slice(1);
  return given.some((group) => group === undefined)
    ? given.filter((group) => group !== undefined).map((group) => group.trim())
    : given.map((group) => group.trim());
}

function fromRule(
  rule: DiagnosisRule,
  { groups, evidence }: Match,
  symptoms: Symptoms,
  subject: DiagnosisSubject,
): Diagnosis {
  const fill = (text: string): string =>
    text.replace(/\$(\d)/g, (_all, digit: string) => groups[Number(digit) - 1] ?? '');
  const fixes = rule.fixes.flatMap(({ label, set }) => {
    const patch = patchOf(set, fill, subject);
    return patch === null ? [] : [{ label: fill(label), patch }];
  });
  return {
    rule: rule.id,
    code: rule.code,
    cause: fill(rule.cause),
    fix: fill(rule.fix),
    retry: rule.retry,
    // An end tells nothing of the reason; the log may.
    evidence: evidence ?? (rule.exit === undefined ? null : rootLine(symptoms.lines)),
    fixes,
  };
}

/** @returns null for a fix that the slot cannot take or that would change nothing. */
function patchOf(
  set: DiagnosisRule['fixes'][number]['set'],
  fill: (text: string) => string,
  subject: DiagnosisSubject,
): SettingsPatch | null {
  const patch: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(set)) {
    if (value === undefined || !subject.allowed.includes(key)) return null;
    if (value === null) {
      if (!Object.hasOwn(subject.own, key)) return null;
      patch[key] = null;
      continue;
    }
    const found = valueOf(value, fill, subject);
    if (found === null || same(found, subject.settings[key])) return null;
    patch[key] = found;
  }
  const given = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== null));
  return Object.keys(patch).length > 0 && SlotConfigSchema.safeParse(given).success ? patch : null;
}

function valueOf(
  value: Exclude<FixValue, null>,
  fill: (text: string) => string,
  { settings, own }: DiagnosisSubject,
): unknown {
  if (typeof value === 'string') {
    const text = fill(value);
    return value.includes('$') ? (readNumber(text) ?? text) : text;
  }
  if (typeof value !== 'object') return value;
  const from = value.from.map((source) => {
    if (!source.startsWith('@')) return fill(source);
    const name = source.slice(1);
    // What is to be taken away has to be the slot's own.
    return value.compute === 'without_argument' ? own[name as keyof SlotConfig] : settings[name];
  });
  return compute(value.compute, from);
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
