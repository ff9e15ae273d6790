import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseSpec } from '../specs/spec-registry.ts';
import {
  isMapped,
  NO_FIGURES,
  readFigures,
  readSeries,
  type EngineFigures,
  type MetricsMap,
} from './engine-figures.ts';
import { MetricsCourse } from './metrics-course.ts';

const NONE: MetricsMap = {
  requests_running: [],
  requests_waiting: [],
  generated_tokens_total: [],
  prompt_tokens_total: [],
  kv_cache_percent: [],
};

/** A page of vLLM, shortened; the shape of its labels is as prometheus_client writes them. */
const VLLM = `
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="qwen3-8b"} 3.0
vllm:num_requests_running{engine="1",model_name="qwen3-8b"} 2.0
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="a \\"quoted\\" } name"} 1.0
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{engine="0",model_name="qwen3-8b"} 0.25
vllm:kv_cache_usage_perc{engine="1",model_name="qwen3-8b"} 0.5
# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{engine="0",model_name="qwen3-8b"} 1.234e+06
vllm:generation_tokens_created{engine="0",model_name="qwen3-8b"} 1.7e+09
# TYPE vllm:time_to_first_token_seconds histogram
vllm:time_to_first_token_seconds_bucket{engine="0",le="0.001",model_name="qwen3-8b"} 0.0
`;
const VLLM_MAP: MetricsMap = {
  requests_running: ['vllm:num_requests_running'],
  requests_waiting: ['vllm:num_requests_waiting'],
  generated_tokens_total: ['vllm:generation_tokens_total'],
  prompt_tokens_total: ['vllm:prompt_tokens_total'],
  kv_cache_percent: ['vllm:kv_cache_usage_perc', 'vllm:gpu_cache_usage_perc'],
};

describe('series of a page of metrics', () => {
  it.each<[string, string, number[] | undefined]>([
    ['plain', 'a 1', [1]],
    ['with time', 'a 1 1700000000000', [1]],
    ['with labels', 'a{b="c"} 2', [2]],
    ['with a space before the value and after', 'a {b="c"}  2 ', [2]],
    ['with a brace and a quote in a label', String.raw`a{b="}\"",c="\\"} 3`, [3]],
    ['carriage returns', 'a 1\r\na 2\r\n', [1, 2]],
    ['no number', 'a NaN', undefined],
    ['infinite', 'a +Inf', undefined],
    ['nothing after the name', 'a', undefined],
    ['labels that never end', 'a{b="c 1', undefined],
    ['a comment', '# TYPE a gauge', undefined],
    ['another name that starts alike', 'ab 1', undefined],
    ['a page that is none', '<html>a 1</html>', undefined],
  ])('%s', (_what, text, values) => {
    expect(readSeries(text, new Set(['a'])).get('a')).toEqual(values);
  });
});

describe('figures of an engine', () => {
  it('adds up what several engines say behind one port, and takes the fullest cache', () => {
    expect(readFigures(VLLM, VLLM_MAP)).toEqual({
      requests_running: 5,
      requests_waiting: 1,
      generated_tokens_total: 1_234_000,
      prompt_tokens_total: null,
      kv_cache_share: 0.5,
    });
  });

  it('knows a figure by the first of its names that the engine uses', () => {
    const older = VLLM.replaceAll('kv_cache_usage_perc', 'gpu_cache_usage_perc');
    expect(readFigures(older, VLLM_MAP).kv_cache_share).toBe(0.5);
    expect(readFigures(`vllm:kv_cache_usage_perc 0.1\n${older}`, VLLM_MAP).kv_cache_share).toBe(0.1);
  });

  it('reads what a real llama-server writes, by the maps that are shipped', () => {
    const page = readFileSync('test/fixtures/metrics/llama-server.txt', 'utf8');
    for (const id of ['llama-cpp-cpu', 'embedded-llama']) {
      const parsed = parseSpec(readFileSync(`resources/runtimes/${id}.yaml`, 'utf8'), id);
      if (!('spec' in parsed)) throw new Error(JSON.stringify(parsed.problems));
      expect(readFigures(page, parsed.spec.metrics)).toEqual({
        requests_running: 0,
        requests_waiting: 0,
        generated_tokens_total: 0,
        prompt_tokens_total: 0,
        kv_cache_share: null,
      });
    }
  });

  it('is nothing without a map or a page', () => {
    expect(isMapped(NONE)).toBe(false);
    expect(isMapped(VLLM_MAP)).toBe(true);
    expect(readFigures(VLLM, NONE)).toEqual(NO_FIGURES);
    expect(readFigures('', VLLM_MAP)).toEqual(NO_FIGURES);
  });
});

describe('the course of an engine', () => {
  const T0 = Date.UTC(2026, 10, 14);
  const figures = (generated: number | null, more: Partial<EngineFigures> = {}): EngineFigures => ({
    ...NO_FIGURES,
    generated_tokens_total: generated,
    ...more,
  });
  /** Rates of counters read so many seconds after the start; null where the engine did not answer. */
  const rates = (readings: [number, EngineFigures | null][]): (number | null)[] => {
    const course = new MetricsCourse();
    return readings.map(([second, read]) => course.add(T0 + second * 1000, read).tokens_per_second);
  };

  it.each<[string, [number, EngineFigures | null][], (number | null)[]]>([
    ['the first sample has no rate', [[0, figures(100)]], [null]],
    [
      'every ten seconds: from one to the next',
      [
        [0, figures(0)],
        [10, figures(480)],
        [20, figures(480)],
      ],
      [null, 48, 0],
    ],
    [
      'each second: over the last five, so that an engine that counts at the end of a request shows a rate',
      [
        [0, figures(0)],
        [1, figures(0)],
        [2, figures(100)],
        [3, figures(100)],
        [6, figures(100)],
        [7, figures(100)],
      ],
      [null, 0, 50, 33.33, 20, 0],
    ],
    [
      'a counter that went back is another process',
      [
        [0, figures(50)],
        [10, figures(500)],
        [20, figures(5)],
        [30, figures(105)],
      ],
      [null, 45, null, 10],
    ],
    [
      'no answer is no figure, and the next one counts from the last that was known',
      [
        [0, figures(0)],
        [10, null],
        [20, figures(200)],
      ],
      [null, null, 10],
    ],
    [
      'an engine that does not count has no rate',
      [
        [0, figures(null)],
        [10, figures(null)],
      ],
      [null, null],
    ],
    [
      'a clock that stands still or goes back gives none',
      [
        [10, figures(0)],
        [10, figures(10)],
        [5, figures(20)],
      ],
      [null, null, null],
    ],
  ])('%s', (_what, readings, expected) => {
    expect(rates(readings)).toEqual(expected);
  });

  it('keeps the last sixty samples, shares as percent, and the newest counters', () => {
    const course = new MetricsCourse();
    expect([course.latest, course.totals]).toEqual([null, null]);
    for (let second = 0; second < 70; second += 1)
      course.add(
        T0 + second * 1000,
        figures(second * 10, { requests_running: 2, kv_cache_share: 0.123456, prompt_tokens_total: second }),
      );
    course.add(T0 + 70_000, null);
    expect(course.samples).toHaveLength(60);
    expect(course.samples.at(-2)).toEqual({
      at: '2026-11-14T00:01:09.000Z',
      requests_running: 2,
      requests_waiting: null,
      tokens_per_second: 10,
      prompt_tokens_per_second: 1,
      kv_cache_percent: 12.3,
    });
    expect(course.latest).toMatchObject({ requests_running: null, tokens_per_second: null });
    expect(course.totals?.generated_tokens_total).toBe(690);
  });
});
