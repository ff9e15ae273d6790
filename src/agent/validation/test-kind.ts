import type { TaskKey } from '../../shared/contract/index.ts';

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

/** A failed test. `details` are facts for who looks into it. */
export function failedTest(
  summary: string,
  details: Readonly<Record<string, unknown>> = {},
  code = 'model_test_failed',
): TestOutcome {
  return { ok: false, summary, output: {}, error: { error: code, ...details } };
}
