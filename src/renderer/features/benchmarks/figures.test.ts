import { describe, expect, it } from 'vitest';
import type { Benchmark, BenchmarkRound } from '../../../shared/contract/index.ts';
import { chartsOf, concurrencies, parseConcurrency, sameWork } from './figures.ts';

const round = (concurrency: number, more: Partial<BenchmarkRound> = {}): BenchmarkRound => ({
  concurrency,
  requests: 8,
  errors: 0,
  output_tokens: 80,
  prompt_tokens: 800,
  tokens_per_second: concurrency * 10,
  requests_per_second: concurrency,
  tokens_per_second_per_request: 10,
  time_to_first_token_ms: { p50: 50, p95: 90, max: 100 },
  latency_ms: { p50: 500, p95: 900, max: 1000 },
  duration_ms: 1000,
  ...more,
});
const run = (rounds: BenchmarkRound[], more: Partial<Benchmark> = {}): Benchmark =>
  ({
    capability: 'llm_inference',
    workload: { prompt_tokens: 512, output_tokens: 128, requests_per_round: 8 },
    rounds,
    ...more,
  }) as Benchmark;
const linesOf = (charts: ReturnType<typeof chartsOf>) =>
  charts.map(({ title, series }) => [title, ...series.map(({ name, values }) => [name, values])]);

describe('charts of a run', () => {
  const one = run([
    round(1),
    round(4, { tokens_per_second_per_request: null, time_to_first_token_ms: null }),
  ]);

  it('show how much together and each, and how soon', () => {
    expect(linesOf(chartsOf(one, null, [1, 4]))).toEqual([
      ['Tokens per second', ['together', [10, 40]], ['each', [10, null]]],
      ['Time to first token', ['median', [50, null]], ['95 %', [90, null]]],
    ]);
  });

  it('stand side by side with another one, with gaps where one was not measured', () => {
    const other = run([round(2), round(4)]);
    const places = concurrencies([one, other]);
    expect(places).toEqual([1, 2, 4]);
    expect(linesOf(chartsOf(one, other, places))).toEqual([
      ['Tokens per second', ['this run', [10, null, 40]], ['other run', [null, 20, 40]]],
      ['Time to first token', ['this run', [50, null, null]], ['other run', [null, 50, 50]]],
    ]);
  });

  it('of embeddings count texts and the time of an answer', () => {
    const vectors = run([round(2, { time_to_first_token_ms: null })], { capability: 'embeddings' });
    expect(linesOf(chartsOf(vectors, null, [2]))).toEqual([
      ['Texts per second', ['this run', [2]]],
      ['Latency', ['median', [500]], ['95 %', [900]]],
    ]);
  });
});

it.each<[[number, number], [number, number], boolean]>([
  [[512, 128], [512, 128], true],
  [[512, 128], [511, 128], true],
  [[512, 128], [500, 128], true],
  [[512, 128], [256, 128], false],
  [[512, 128], [512, 64], false],
])('work of %j and of %j is the same: %s', ([p1, o1], [p2, o2], same) => {
  const of = (prompt: number, output: number): Benchmark =>
    run([], { workload: { prompt_tokens: prompt, output_tokens: output, requests_per_round: 8 } });
  expect(sameWork(of(p1, o1), of(p2, o2))).toBe(same);
});

it.each<[string, number[] | null]>([
  ['1, 2, 4, 8', [1, 2, 4, 8]],
  ['1 2', [1, 2]],
  ['4,4,1', [4, 1]],
  ['', null],
  ['0', null],
  ['65', null],
  ['1,x', null],
  ['1.5', null],
  ['1,2,3,4,5,6,7,8,9', null],
])('"%s" requests at once are %j', (text, numbers) => {
  expect(parseConcurrency(text)).toEqual(numbers);
});
