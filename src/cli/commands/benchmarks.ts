import type { Command } from 'commander';
import {
  AppError,
  ENDPOINTS,
  type Benchmark,
  type BenchmarkRound,
  type Job,
} from '../../shared/contract/index.ts';
import type { Connection } from '../agent-connection.ts';
import { action } from '../command-context.ts';
import { waitForJob } from '../events.ts';
import { formatBytes, formatDuration, formatTable, formatTime, type Output } from '../output.ts';

interface BenchOptions {
  readonly concurrency?: number[];
  readonly prompt?: number;
  readonly output?: number;
  readonly requests?: number;
  readonly note?: string;
  readonly wait: boolean;
}

interface ListOptions {
  readonly slot?: string;
  readonly limit: number;
}

/** `modelops slots bench SLOT`. */
export function benchCommand(slots: Command): void {
  action<BenchOptions>(
    slots
      .command('bench')
      .description('measure the model that a slot serves: tokens per second, first token, latency')
      .argument('<id>')
      .option('--concurrency <list>', 'requests at once, like 1,2,4,8', counts)
      .option('--prompt <tokens>', 'length of the prompts (default: by the context of the slot)', count)
      .option('--output <tokens>', 'length of the answers', count)
      .option('--requests <n>', 'requests in a round (default 8)', count)
      .option('--note <text>', 'kept with the result')
      .option('--no-wait', 'do not wait for the end'),
    async ({ agent, output }, options, id) => {
      const connection = await agent();
      const { concurrency, prompt, output: answer, requests, note, wait } = options;
      const { job } = await connection.call(ENDPOINTS.startBenchmark, {
        params: { id: id ?? '' },
        body: {
          ...(concurrency === undefined ? {} : { concurrency }),
          ...(prompt === undefined ? {} : { prompt_tokens: prompt }),
          ...(answer === undefined ? {} : { output_tokens: answer }),
          ...(requests === undefined ? {} : { requests_per_round: requests }),
          ...(note === undefined ? {} : { note }),
        },
      });
      if (!wait) {
        output.result({ job }, `Job ${job.id} runs; see it with: modelops jobs show ${job.id}`);
        return;
      }
      const done = await follow(connection, job, output);
      const { benchmark } = await connection.call(ENDPOINTS.getBenchmark, {
        params: { id: done.result?.['benchmark_id'] as string },
      });
      output.result({ job: done, benchmark }, describe(benchmark));
    },
  );
}

/** `modelops models benchmarks MODEL|NAME`. */
export function benchmarksCommand(models: Command): void {
  action<ListOptions>(
    models
      .command('benchmarks')
      .description('what was measured of a model, or of all versions of a name, side by side')
      .argument('<model>', 'id of a model, or a name')
      .option('--slot <id>', 'only on this slot')
      .option('--limit <n>', 'results, newest first', count, 50),
    async ({ agent, output }, { slot, limit }, wanted) => {
      const { call } = await agent();
      const benchmarks = await find(call, wanted ?? '', slot, limit);
      output.result(
        { benchmarks },
        benchmarks.length === 0
          ? `Nothing was measured of ${wanted}. Measure with: modelops slots bench SLOT`
          : compare(benchmarks),
      );
    },
  );
}

/** By id, else by name. @throws {AppError} `not_found` when there is neither. */
async function find(
  call: Connection['call'],
  wanted: string,
  slot: string | undefined,
  limit: number,
): Promise<Benchmark[]> {
  const isModel = await call(ENDPOINTS.getModel, { params: { id: wanted } }).then(
    () => true,
    (error: unknown) => {
      if (error instanceof AppError && error.code === 'not_found') return false;
      throw error;
    },
  );
  if (!isModel) await call(ENDPOINTS.getFamily, { params: { name: wanted } });
  const { benchmarks } = await call(ENDPOINTS.listBenchmarks, {
    query: {
      limit: Math.min(limit, 200),
      ...(isModel ? { model_id: [wanted] } : { name: wanted }),
      ...(slot === undefined ? {} : { slot_id: slot }),
    },
  });
  return benchmarks;
}

/** Follows the job, a line for each round. @throws {AppError} its failure. */
async function follow(connection: Connection, job: Job, output: Output): Promise<Job> {
  let told = 0;
  let phase = '';
  const done = await waitForJob(connection, job.id, ({ progress, state }) => {
    if (state === 'running' && progress !== null && progress.phase !== phase) {
      phase = progress.phase;
      if (phase === 'warm_up') output.say('Finding the length of the prompts and warming up.');
      if (phase === 'waiting' && progress.reason !== undefined) output.say(`Waiting: ${progress.reason}.`);
    }
    for (const step of progress?.steps?.slice(told) ?? [])
      output.say(`  ${step.name.padStart(10)}: ${step.detail}  (${formatDuration(step.duration_ms)})`);
    told = progress?.steps?.length ?? told;
  });
  if (done.state === 'succeeded') return done;
  if (done.error !== null)
    throw new AppError(done.error.error, done.error.message, {
      ...(done.error.hint === undefined ? {} : { hint: done.error.hint }),
      ...(done.error.details === undefined ? {} : { details: done.error.details }),
    });
  throw new AppError('conflict', `${done.title} was cancelled.`, { hint: 'Nothing of it is kept.' });
}

function describe(benchmark: Benchmark): string {
  const { workload, rounds, other_requests: others } = benchmark;
  const isText = benchmark.capability === 'llm_inference';
  const facts = [
    `${benchmark.model_id} on slot ${benchmark.slot_id}, ${benchmark.runtime_spec}, ${benchmark.device}`,
    isText
      ? `  prompts of ${workload.prompt_tokens} tokens, answers of up to ${workload.output_tokens}`
      : `  texts of ${workload.prompt_tokens} tokens`,
    ...(benchmark.memory_bytes === null ? [] : [`  memory ${formatBytes(benchmark.memory_bytes)}`]),
    ...(others === 0
      ? []
      : [`  ${others} requests of others ran meanwhile; the figures share the engine with them.`]),
  ];
  const table = formatTable(
    ['at once', 'requests', 'errors', 'tokens/s', 'each', 'first p50', 'first p95', 'whole p50', 'whole p95'],
    rounds.map((round) => [
      String(round.concurrency),
      String(round.requests),
      String(round.errors),
      rate(round.tokens_per_second),
      rate(round.tokens_per_second_per_request),
      ms(round.time_to_first_token_ms?.p50),
      ms(round.time_to_first_token_ms?.p95),
      ms(round.latency_ms?.p50),
      ms(round.latency_ms?.p95),
    ]),
  );
  return [...facts, table, `  kept as ${benchmark.id}`].join('\n');
}

/** One line each: what can be compared across slots, runtimes and quants. */
function compare(benchmarks: readonly Benchmark[]): string {
  const all = [
    ...new Set(benchmarks.flatMap(({ rounds }) => rounds.map(({ concurrency }) => concurrency))),
  ].toSorted((a, b) => a - b);
  const at = ({ rounds }: Benchmark, concurrency: number): BenchmarkRound | undefined =>
    rounds.find((round) => round.concurrency === concurrency);
  const table = formatTable(
    [
      'measured',
      'model',
      'quant',
      'slot',
      'runtime',
      'in/out',
      ...all.map((n) => `tok/s x${n}`),
      'first p50',
      'memory',
      'device',
    ],
    benchmarks.map((one) => [
      formatTime(one.created_at),
      one.model_id,
      one.quantization ?? '—',
      one.slot_id,
      one.runtime_spec,
      `${one.workload.prompt_tokens}/${one.workload.output_tokens}`,
      ...all.map((n) => rate(at(one, n)?.tokens_per_second ?? null)),
      ms(one.rounds[0]?.time_to_first_token_ms?.p50),
      one.memory_bytes === null ? '—' : formatBytes(one.memory_bytes),
      one.device,
    ]),
  );
  return [table, 'Compare lines with the same lengths (in/out); first p50 is of the first round.'].join('\n');
}

function rate(value: number | null): string {
  return value === null ? '—' : value >= 100 ? String(Math.round(value)) : value.toFixed(1);
}

function ms(value: number | undefined): string {
  return value === undefined ? '—' : formatDuration(value);
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new AppError('invalid_argument', `${text} is not a whole number from 1 on.`);
  return value;
}

function counts(text: string): number[] {
  return text.split(',').map((part) => count(part.trim()));
}
