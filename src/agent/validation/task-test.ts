import { TaskKeySchema, type TaskKey } from '../../shared/contract/index.ts';
import { TEST_KINDS } from './test-kinds.ts';

/** What a test has to show, by what the runtime or the provider answered. */
export interface TestOutcome {
  readonly ok: boolean;
  readonly summary: string;
  readonly output: Readonly<Record<string, unknown>>;
  /** Of a failure: `error` is a code of the error table, the rest are facts. */
  readonly error: Readonly<Record<string, unknown>> | null;
}

/**
 * How one task is tested, wherever the model runs: a local runtime and a provider are asked in OpenAI's shapes. A new
 * kind of test is an object of this shape in `test-kinds.ts`.
 */
export interface TestKind {
  readonly task: TaskKey;
  /** Keys of `inputs`, all of them needed. */
  readonly inputs: readonly string[];
  /** OpenAI's route. */
  readonly path: string;
  /** The body for that route, without `model`. `maxTokens` counts where text is generated. */
  body(inputs: Readonly<Record<string, unknown>>, maxTokens?: number): Record<string, unknown>;
  /** Reads a 200 answer. Anything but what was asked for is a failure. */
  read(answer: Readonly<Record<string, unknown>>, inputs: Readonly<Record<string, unknown>>): TestOutcome;
  /** Inputs made of one text, for who has nothing better to ask. */
  fromText(text: string): Record<string, unknown>;
}

/** The kind of test for a task; null for one that has none. */
export function testKindOf(task: TaskKey): TestKind | null {
  return TEST_KINDS.find((kind) => kind.task === task) ?? null;
}

/** The tasks that can be tested, in the order of the taxonomy. */
export function testableTasks(): TaskKey[] {
  return TaskKeySchema.options.filter((task) => testKindOf(task) !== null);
}

/** Why inputs do not suit a kind of test, or null. Pure. */
export function inputProblem(kind: TestKind, inputs: Readonly<Record<string, unknown>>): string | null {
  const given = Object.keys(inputs).toSorted().join(' and ');
  const wanted = kind.inputs.toSorted().join(' and ');
  return given === wanted
    ? null
    : `A test of ${kind.task} takes inputs.${wanted}, not ${given || 'nothing'}.`;
}

/** A failed test. `details` are facts for who looks into it. */
export function failedTest(
  summary: string,
  details: Readonly<Record<string, unknown>> = {},
  code = 'model_test_failed',
): TestOutcome {
  return { ok: false, summary, output: {}, error: { error: code, ...details } };
}

/** What a test of a task sends, without `model`. @throws {Error} for a task without a test. */
export function requestBody(
  task: TaskKey,
  inputs: Readonly<Record<string, unknown>>,
  maxTokens?: number,
): Record<string, unknown> {
  return existingKind(task).body(inputs, maxTokens);
}

/** What the answer to a test of a task shows. @throws {Error} for a task without a test. */
export function readAnswer(
  task: TaskKey,
  answer: Readonly<Record<string, unknown>>,
  inputs: Readonly<Record<string, unknown>>,
): TestOutcome {
  return existingKind(task).read(answer, inputs);
}

function existingKind(task: TaskKey): TestKind {
  const kind = testKindOf(task);
  if (kind === null) throw new Error(`no test for ${task}`);
  return kind;
}
