import { AppError, type TaskKey } from '../../shared/contract/index.ts';
import type { SlotEndpoint } from '../runtimes/index.ts';

/** What a test asks of a runtime, by task. Adding a task is a row here. */

export interface TestOutcome {
  readonly ok: boolean;
  readonly summary: string;
  readonly output: Record<string, unknown>;
  readonly error: Record<string, unknown> | null;
}

interface TaskTest {
  readonly input: 'prompt' | 'text';
  readonly path: string;
  readonly body: (model: string, input: string) => Record<string, unknown>;
  readonly read: (answer: Record<string, unknown>) => TestOutcome;
}

const MAX_TOKENS = 64;
const PREVIEW = 8;
const DEADLINE_MS = 120_000;

const TESTS: Partial<Record<TaskKey, TaskTest>> = {
  llm: {
    input: 'prompt',
    path: '/v1/chat/completions',
    body: (model, prompt) => ({
      model,
      messages: [{ role: 'user', content: prompt }],
      max_tokens: MAX_TOKENS,
      temperature: 0,
    }),
    read: readChat,
  },
  embeddings: {
    input: 'text',
    path: '/v1/embeddings',
    body: (model, text) => ({ model, input: text }),
    read: readEmbedding,
  },
  rerank: {
    input: 'text',
    path: '/v1/rerank',
    body: (model, text) => ({ model, query: text, documents: [text, 'something else'] }),
    read: (answer) => {
      const results = Array.isArray(answer['results']) ? answer['results'] : [];
      return results.length === 2
        ? { ok: true, summary: 'Ranked two documents.', output: { results }, error: null }
        : failure('The runtime did not rank the documents.', answer);
    },
  },
};

/** Why inputs do not suit a task, or null. Pure. */
export function inputProblem(task: TaskKey, inputs: Readonly<Record<string, unknown>>): string | null {
  const input = TESTS[task]?.input;
  if (input === undefined) return `There is no test for ${task} yet.`;
  return typeof inputs[input] === 'string' ? null : `A test of ${task} needs inputs.${input}.`;
}

/** Runs the test of a task against one runtime. A failure is an outcome, not a throw. */
export async function runTask(
  task: TaskKey,
  endpoint: SlotEndpoint,
  inputs: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<TestOutcome> {
  const test = TESTS[task];
  if (test === undefined) return failure(`There is no test for ${task} yet.`, {});
  endpoint.enter();
  try {
    const response = await endpoint.pool.request({
      path: test.path,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(test.body(endpoint.runtimeModelId, String(inputs[test.input]))),
      signal: AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]),
    });
    const text = await response.body.text();
    if (response.statusCode !== 200)
      return failure(`The runtime answered with ${response.statusCode}.`, {
        status_code: response.statusCode,
        message: text.slice(0, 2000),
      });
    return test.read(JSON.parse(text) as Record<string, unknown>);
  } catch (error) {
    if (signal.aborted) throw error;
    endpoint.reportFailure();
    return failure('The runtime did not answer.', {
      message: error instanceof Error ? error.message : 'unknown',
    });
  } finally {
    endpoint.leave();
  }
}

function readChat(answer: Record<string, unknown>): TestOutcome {
  const choices = answer['choices'] as
    | { message?: { content?: unknown }; finish_reason?: unknown }[]
    | undefined;
  const content = choices?.[0]?.message?.content;
  if (typeof content !== 'string' || content.trim() === '')
    return failure('The model answered with nothing.', answer);
  return {
    ok: true,
    summary: content.length > 120 ? `${content.slice(0, 119)}…` : content,
    output: {
      text: content,
      finish_reason: choices?.[0]?.finish_reason ?? null,
      usage: answer['usage'] ?? null,
    },
    error: null,
  };
}

function readEmbedding(answer: Record<string, unknown>): TestOutcome {
  const data = answer['data'] as { embedding?: unknown }[] | undefined;
  const vector = data?.[0]?.embedding;
  if (!Array.isArray(vector) || vector.length === 0) return failure('The model returned no vector.', answer);
  const isZero = vector.every((value) => value === 0);
  if (isZero || !vector.every((value) => typeof value === 'number' && Number.isFinite(value)))
    return failure('The vector is not usable.', { dimension: vector.length });
  return {
    ok: true,
    summary: `A vector of ${vector.length} numbers.`,
    output: {
      dimension: vector.length,
      vector_preview: vector.slice(0, PREVIEW),
      usage: answer['usage'] ?? null,
    },
    error: null,
  };
}

function failure(summary: string, details: Record<string, unknown>): TestOutcome {
  return { ok: false, summary, output: {}, error: details };
}

/** A refusal that a test run was recorded for. */
export function recordedRefusal(
  code: 'offline_not_allowed' | 'local_model_not_served_by_runtime' | 'model_test_failed',
  message: string,
  testRun: unknown,
): AppError {
  return new AppError(code, message, { details: { test_run: testRun } });
}
