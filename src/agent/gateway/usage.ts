export interface TokenCounts {
  readonly prompt: number;
  readonly completion: number;
}

const NUMBER_AFTER = (name: string): RegExp => new RegExp(`"${name}"\\s*:\\s*(\\d+)`);
const PROMPT = NUMBER_AFTER('prompt_tokens');
const COMPLETION = NUMBER_AFTER('completion_tokens');
const PROMPT_N = NUMBER_AFTER('prompt_n');
const CACHE_N = NUMBER_AFTER('cache_n');
const PREDICTED_N = NUMBER_AFTER('predicted_n');
const WINDOW = 600;

/**
 * Tokens as the end of an answer tells them: OpenAI's `usage`, else llama.cpp's `timings`. Looks at the text instead
 * of parsing it, because an answer may be megabytes of numbers. Pure.
 */
export function tokenCounts(tail: Buffer): TokenCounts {
  const find = (window: string, pattern: RegExp): number => Number(pattern.exec(window)?.[1] ?? 0);
  const at = (name: string): string | null => {
    const index = tail.lastIndexOf(name);
    return index < 0 ? null : tail.toString('latin1', index, index + WINDOW);
  };
  const usage = at('"usage":{');
  if (usage !== null) return { prompt: find(usage, PROMPT), completion: find(usage, COMPLETION) };
  const timings = at('"timings":{');
  if (timings === null) return { prompt: 0, completion: 0 };
  return { prompt: find(timings, PROMPT_N) + find(timings, CACHE_N), completion: find(timings, PREDICTED_N) };
}
