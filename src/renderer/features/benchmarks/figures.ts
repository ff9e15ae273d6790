import type { Benchmark, BenchmarkRound } from '../../../shared/contract/index.ts';
import type { ChartSeries } from '../../parts/Chart.tsx';
import { t } from '../../strings/text.ts';
import { modelTitle } from '../models/words.ts';

/** The figures of benchmarks as charts and columns want them. Pure. */

/** One figure of a round; null where it was not measured. */
type Figure = (round: BenchmarkRound) => number | null;

export interface BenchmarkChart {
  readonly key: 'rate' | 'time';
  readonly title: string;
  readonly note: string;
  readonly series: readonly ChartSeries[];
}

/** Every number of requests at once that one of the runs was measured with, fewest first. */
export function concurrencies(runs: readonly Pick<Benchmark, 'rounds'>[]): number[] {
  const all = new Set(runs.flatMap(({ rounds }) => rounds.map(({ concurrency }) => concurrency)));
  return [...all].toSorted((a, b) => a - b);
}

export function roundAt(run: Pick<Benchmark, 'rounds'>, concurrency: number): BenchmarkRound | undefined {
  return run.rounds.find((round) => round.concurrency === concurrency);
}

/** The two charts of a run: how much, and how soon. Beside another run, one line each. */
export function chartsOf(
  run: Benchmark,
  other: Benchmark | null,
  places: readonly number[],
): BenchmarkChart[] {
  const isText = run.capability === 'llm_inference';
  const line = (
    of: Pick<Benchmark, 'rounds'>,
    name: string,
    colour: ChartSeries['colour'],
    figure: Figure,
  ): ChartSeries => ({
    name,
    colour,
    values: places.map((place) => {
      const round = roundAt(of, place);
      return round === undefined ? null : figure(round);
    }),
  });
  const both = (figure: Figure): ChartSeries[] => [
    line(run, t('bench.thisRun'), 'series-1', figure),
    ...(other === null ? [] : [line(other, t('bench.otherRun'), 'series-2', figure)]),
  ];
  const total: Figure = (round) => (isText ? round.tokens_per_second : round.requests_per_second);
  const soon = (rank: 'p50' | 'p95'): Figure =>
    isText
      ? ({ time_to_first_token_ms: first }) => first?.[rank] ?? null
      : ({ latency_ms: whole }) => whole?.[rank] ?? null;
  return [
    {
      key: 'rate',
      title: t(isText ? 'bench.tokensPerSecond' : 'bench.textsPerSecond'),
      note: t('bench.byConcurrency'),
      series:
        other !== null || !isText
          ? both(total)
          : [
              line(run, t('bench.together'), 'series-1', total),
              line(run, t('bench.each'), 'series-2', (round) => round.tokens_per_second_per_request),
            ],
    },
    {
      key: 'time',
      title: t(isText ? 'bench.firstToken' : 'bench.latency'),
      note: t(other === null ? 'bench.byConcurrency' : 'bench.medianByConcurrency'),
      series:
        other === null
          ? [
              line(run, t('bench.median'), 'series-1', soon('p50')),
              line(run, t('bench.p95'), 'series-2', soon('p95')),
            ]
          : both(soon('p50')),
    },
  ];
}

/** Whether two runs asked for the same work, so that their figures can be compared as they are. */
export function sameWork(one: Benchmark, other: Benchmark): boolean {
  const close = (a: number, b: number): boolean => Math.abs(a - b) <= Math.max(2, Math.max(a, b) * 0.05);
  return (
    one.capability === other.capability &&
    close(one.workload.prompt_tokens, other.workload.prompt_tokens) &&
    close(one.workload.output_tokens, other.workload.output_tokens)
  );
}

/** What somebody typed for the requests at once: `1, 2, 4`. Null when it is not that. */
export function parseConcurrency(text: string): number[] | null {
  const parts = text.split(/[\s,]+/).filter((part) => part !== '');
  const numbers = parts.map(Number);
  const fine = numbers.every((number) => Number.isInteger(number) && number >= 1 && number <= 64);
  return parts.length > 0 && parts.length <= 8 && fine ? [...new Set(numbers)] : null;
}

/** The model that was measured, with its version. */
export function titleOf(run: Pick<Benchmark, 'model_name' | 'seq'>): string {
  return modelTitle({ name: run.model_name, seq: run.seq });
}
