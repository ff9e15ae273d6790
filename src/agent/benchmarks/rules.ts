import {
  AppError,
  type Benchmark,
  type BenchmarkRound,
  type Capability,
} from '../../shared/contract/index.ts';

/** What is asked of an engine, and what the figures of a round are. Pure. */

export type Workload = Benchmark['workload'];

/** What a person asked for; null for what is to be chosen. */
export interface WantedWorkload {
  readonly promptTokens: number | null;
  readonly outputTokens: number | null;
  readonly requestsPerRound: number | null;
}

const USUAL_PROMPT = 512;
const USUAL_OUTPUT = 128;
const USUAL_REQUESTS = 8;
/** Of a small context, what the prompt takes at most when nobody says how long it shall be. */
const PROMPT_SHARE = 0.5;
const OUTPUT_SHARE = 0.25;
/** Room for the tokens that an engine puts before a prompt by itself. */
const SPARE = 2;

/**
 * How long prompts and answers shall be: as asked, else the usual lengths, shorter where the slot's context is small.
 * @param contextLength tokens that one request may have; null when the engine does not say
 * @throws {AppError} `invalid_argument` when both together do not fit the context.
 */
export function workloadFor(
  capability: Capability,
  contextLength: number | null,
  wanted: WantedWorkload,
): Workload {
  const answers = capability === 'llm_inference';
  const context = contextLength ?? Number.POSITIVE_INFINITY;
  const part = (usual: number, share: number): number =>
    Math.max(1, Math.min(usual, Math.floor(context * share)));
  const prompt = wanted.promptTokens ?? part(USUAL_PROMPT, PROMPT_SHARE);
  const output = answers ? (wanted.outputTokens ?? part(USUAL_OUTPUT, OUTPUT_SHARE)) : 0;
  if (prompt + output + SPARE > context) {
    const most = Math.max(0, context - SPARE);
    throw new AppError(
      'invalid_argument',
      answers
        ? `A prompt of ${prompt} and an answer of ${output} tokens do not fit: this slot takes ${context} tokens a request.`
        : `A text of ${prompt} tokens does not fit: this slot takes ${context} tokens a request.`,
      {
        hint: answers
          ? `Both together may have ${most} tokens, or give the slot a larger context.`
          : `It may have ${most} tokens, or give the slot a larger context.`,
        details: {
          fields: answers ? ['prompt_tokens', 'output_tokens'] : ['prompt_tokens'],
          context_length: context,
        },
      },
    );
  }
  return {
    prompt_tokens: prompt,
    output_tokens: output,
    requests_per_round: wanted.requestsPerRound ?? USUAL_REQUESTS,
  };
}

/** One request as it was measured. */
export interface Answered {
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** Milliseconds from the request to the first token; null where the whole answer comes at once. */
  readonly firstTokenMs: number | null;
  readonly latencyMs: number;
}

/** The figures of a round. @param answered requests that succeeded @param durationMs from the first request to the last answer */
export function roundOf(
  capability: Capability,
  concurrency: number,
  answered: readonly Answered[],
  errors: number,
  durationMs: number,
): BenchmarkRound {
  const sum = (key: 'promptTokens' | 'outputTokens'): number =>
    answered.reduce((total, one) => total + one[key], 0);
  const seconds = Math.max(durationMs, 0.001) / 1000;
  const isText = capability === 'llm_inference';
  const tokens = sum(isText ? 'outputTokens' : 'promptTokens');
  const speeds = answered.flatMap((one) => speedOf(one, isText) ?? []);
  const firsts = answered.flatMap(({ firstTokenMs }) => firstTokenMs ?? []);
  return {
    concurrency,
    requests: answered.length + errors,
    errors,
    output_tokens: sum('outputTokens'),
    prompt_tokens: sum('promptTokens'),
    tokens_per_second: round(tokens / seconds),
    requests_per_second: round(answered.length / seconds),
    tokens_per_second_per_request: speeds.length === 0 ? null : round(percentile(speeds, 50)),
    time_to_first_token_ms: percentilesOf(firsts),
    latency_ms: percentilesOf(answered.map(({ latencyMs }) => latencyMs)),
    duration_ms: Math.round(durationMs),
  };
}

/**
 * Tokens per second of one request, from its start to its end. Not from its first token on: where a stream comes in one
 * piece, that time is nothing.
 */
function speedOf({ promptTokens, outputTokens, latencyMs }: Answered, isText: boolean): number | null {
  return latencyMs > 0 ? (isText ? outputTokens : promptTokens) / (latencyMs / 1000) : null;
}

function percentilesOf(values: readonly number[]): BenchmarkRound['latency_ms'] {
  if (values.length === 0) return null;
  return {
    p50: round(percentile(values, 50)),
    p95: round(percentile(values, 95)),
    max: round(Math.max(...values)),
  };
}

/**
 * The smallest value that so many percent of the values do not exceed (nearest rank): a value that was really measured.
 * @param values at least one, in any order
 */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** How many requests others made: all that the slot took, less ours, with those that were there before. */
export function othersOf(seen: {
  readonly acceptedBefore: number;
  readonly acceptedAfter: number;
  readonly inFlightBefore: number;
  readonly ours: number;
}): number {
  return Math.max(0, seen.acceptedAfter - seen.acceptedBefore - seen.ours) + seen.inFlightBefore;
}

const WORDS = 'house river seven table green paper stone north apple light cloud bread'.split(' ');
/** How many different texts there are of one length. */
export const TEXTS = 1_000_000;

/**
 * A text of so many words, that has as many tokens as every other one of the length, whatever the tokenizer. Each number
 * gives another first word: engines keep what they have read by how it begins, so none answers from that.
 */
export function promptText(words: number, number: number): string {
  const first = String(number % TEXTS).padStart(6, '0');
  return [first, ...Array.from({ length: words - 1 }, (_, at) => WORDS[at % WORDS.length])].join(' ');
}

/**
 * How many words the next try at a length should have. @param words of the last try @param tokens that the engine counted in
 * it @param wanted tokens. @returns the same number when there is nothing left to improve
 */
export function betterLength(words: number, tokens: number, wanted: number): number {
  const missing = (wanted - tokens) / (tokens / words);
  // Too long is worse than too short, so what is too much goes in full.
  return Math.max(1, words + (missing < 0 ? Math.floor(missing) : Math.round(missing)));
}
