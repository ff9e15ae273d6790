import { describe, expect, it } from 'vitest';
import { AppError } from '../../shared/contract/index.ts';
import { deviceName } from './device.ts';
import {
  betterLength,
  othersOf,
  percentile,
  promptText,
  roundOf,
  workloadFor,
  type Answered,
  type WantedWorkload,
} from './rules.ts';

const NOTHING: WantedWorkload = { promptTokens: null, outputTokens: null, requestsPerRound: null };

describe('the lengths of prompts and answers', () => {
  it.each<[string, number | null, Partial<WantedWorkload>, [number, number, number]]>([
    ['the usual ones', 32_768, {}, [512, 128, 8]],
    ['an engine that does not say its context', null, {}, [512, 128, 8]],
    ['a small context', 256, {}, [128, 64, 8]],
    ['a tiny one', 16, {}, [8, 4, 8]],
    ['as asked', 32_768, { promptTokens: 1000, outputTokens: 50, requestsPerRound: 3 }, [1000, 50, 3]],
    ['exactly what fits', 256, { promptTokens: 200, outputTokens: 54 }, [200, 54, 8]],
  ])('%s', (_what, context, wanted, [prompt, output, requests]) => {
    expect(workloadFor('llm_inference', context, { ...NOTHING, ...wanted })).toEqual({
      prompt_tokens: prompt,
      output_tokens: output,
      requests_per_round: requests,
    });
  });

  it('are refused when they do not fit, with what would', () => {
    const refused = (
      capability: 'llm_inference' | 'embeddings',
      wanted: Partial<WantedWorkload>,
    ): unknown => {
      try {
        return workloadFor(capability, 256, { ...NOTHING, ...wanted });
      } catch (error) {
        return error instanceof AppError ? [error.code, error.message, error.hint] : error;
      }
    };
    expect(refused('llm_inference', { promptTokens: 200, outputTokens: 55 })).toEqual([
      'invalid_argument',
      'A prompt of 200 and an answer of 55 tokens do not fit: this slot takes 256 tokens a request.',
      'Both together may have 254 tokens, or give the slot a larger context.',
    ]);
    expect(refused('embeddings', { promptTokens: 300 })).toEqual([
      'invalid_argument',
      'A text of 300 tokens does not fit: this slot takes 256 tokens a request.',
      'It may have 254 tokens, or give the slot a larger context.',
    ]);
    expect(refused('embeddings', { promptTokens: 200, outputTokens: 500 })).toMatchObject({
      prompt_tokens: 200,
      output_tokens: 0,
    });
  });
});

describe('percentiles', () => {
  it.each<[number[], number, number]>([
    [[5], 50, 5],
    [[5], 95, 5],
    [[4, 1, 3, 2], 50, 2],
    [[1, 2, 3], 50, 2],
    [[10, 9, 8, 7, 6, 5, 4, 3, 2, 1], 95, 10],
    [Array.from({ length: 100 }, (_, i) => i + 1), 95, 95],
    [[1, 2], 0, 1],
    [[1, 2], 100, 2],
  ])('of %j at %s is %s', (values, percent, expected) => {
    expect(percentile(values, percent)).toBe(expected);
  });
});

describe('a round', () => {
  const answer = (firstTokenMs: number | null, latencyMs: number, outputTokens = 11): Answered => ({
    promptTokens: 100,
    outputTokens,
    firstTokenMs,
    latencyMs,
  });

  it('is tokens over its time, and of each request over the time of its own', () => {
    expect(
      roundOf('llm_inference', 2, [answer(100, 1100), answer(200, 700), answer(300, 1300)], 1, 2000),
    ).toEqual({
      concurrency: 2,
      requests: 4,
      errors: 1,
      output_tokens: 33,
      prompt_tokens: 300,
      tokens_per_second: 16.5,
      requests_per_second: 1.5,
      // 11 tokens in 1.1, 0.7 and 1.3 s.
      tokens_per_second_per_request: 10,
      time_to_first_token_ms: { p50: 200, p95: 300, max: 300 },
      latency_ms: { p50: 1100, p95: 1300, max: 1300 },
      duration_ms: 2000,
    });
  });

  it('of embeddings counts the tokens of the texts', () => {
    expect(roundOf('embeddings', 1, [answer(null, 200, 0), answer(null, 400, 0)], 0, 600)).toMatchObject({
      output_tokens: 0,
      tokens_per_second: 333.33,
      requests_per_second: 3.33,
      tokens_per_second_per_request: 250,
      time_to_first_token_ms: null,
      latency_ms: { p50: 200, p95: 400, max: 400 },
    });
  });

  it('knows nothing of what did not happen', () => {
    expect(roundOf('llm_inference', 4, [], 4, 10)).toMatchObject({
      requests: 4,
      errors: 4,
      tokens_per_second: 0,
      tokens_per_second_per_request: null,
      time_to_first_token_ms: null,
      latency_ms: null,
    });
    // A stream that comes in one piece: no speed is made of the time after its first token.
    expect(roundOf('llm_inference', 1, [answer(50, 50, 10)], 0, 50)).toMatchObject({
      tokens_per_second: 200,
      tokens_per_second_per_request: 200,
      time_to_first_token_ms: { p50: 50, p95: 50, max: 50 },
    });
  });
});

describe('requests of others', () => {
  it.each([
    [{ acceptedBefore: 10, acceptedAfter: 42, inFlightBefore: 0, ours: 32 }, 0],
    [{ acceptedBefore: 10, acceptedAfter: 45, inFlightBefore: 0, ours: 32 }, 3],
    [{ acceptedBefore: 10, acceptedAfter: 42, inFlightBefore: 2, ours: 32 }, 2],
  ])('%j: %s', (seen, others) => {
    expect(othersOf(seen)).toBe(others);
  });
});

describe('texts of a length', () => {
  it('differ from their first word on, and are as long as each other', () => {
    const texts = [0, 1, 2, 999_999].map((number) => promptText(50, number));
    expect(new Set(texts.map((text) => text.split(' ')[0])).size).toBe(4);
    expect(new Set(texts.map((text) => text.length)).size).toBe(1);
    expect(new Set(texts).size).toBe(4);
    for (const text of texts) expect(text.split(' ')).toHaveLength(50);
    expect(promptText(50, 1)).toBe(texts[1]);
    expect(promptText(1, 7)).toBe('000007');
  });

  it.each<[number, number, number, number]>([
    // Words, the tokens they had, the tokens wanted, the next try.
    [256, 257, 512, 510],
    [510, 511, 512, 511],
    [511, 512, 512, 511],
    [64, 384, 128, 21],
    [1, 8, 4, 1],
    [3, 20, 19, 2],
    [100, 101, 100, 99],
  ])('%s words with %s tokens, %s wanted: %s words', (words, tokens, wanted, next) => {
    expect(betterLength(words, tokens, wanted)).toBe(next);
  });
});

describe('what computes', () => {
  const gpus = [
    { uuid: 'GPU-a', index: 0, name: 'NVIDIA L4' },
    { uuid: 'GPU-b', index: 1, name: 'NVIDIA L4' },
    { uuid: 'GPU-c', index: 2, name: null },
  ];
  it.each<[string, 'cpu' | 'cuda', string[], typeof gpus, string]>([
    ['the processor', 'cpu', ['GPU-a'], gpus, 'Some CPU'],
    ['one GPU', 'cuda', ['GPU-a'], gpus, 'NVIDIA L4'],
    ['by its index', 'cuda', ['1'], gpus, 'NVIDIA L4'],
    ['two alike', 'cuda', ['GPU-a', 'GPU-b'], gpus, '2 x NVIDIA L4'],
    ['one without a name, one that is gone', 'cuda', ['GPU-c', 'GPU-x'], gpus, 'GPU-c, GPU-x'],
    ['the only one', 'cuda', [], gpus.slice(0, 1), 'NVIDIA L4'],
    ['one of several, which nobody chose', 'cuda', [], gpus, 'GPU'],
  ])('%s', (_what, device, ids, all, name) => {
    expect(deviceName(device, ids, all, 'Some CPU')).toBe(name);
  });
  it('has a name where the system gives none', () => {
    expect(deviceName('cpu', [], [], '')).toBe('CPU');
  });
});
