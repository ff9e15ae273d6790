import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ENDPOINTS, IMPORT_MODEL } from '../../../src/shared/contract/index.ts';
import { startAgent, type BenchAgent } from '../support/agent.ts';
import { GIBIBYTE, noRoomFor, writeBigGguf } from '../support/big-file.ts';
import { median, medianOfPairs, short } from '../support/numbers.ts';
import type { PartContext } from '../support/part.ts';
import { memoryOf, watchMemory, type Memory } from '../support/processes.ts';
import type { PartResult, Row } from '../support/report.ts';
import { timed, type Scope } from '../support/scope.ts';

const MEGABYTE = 1_000_000;
const LOOK_EVERY_MS = 50;
/** The source, and a copy of it by us or by cp. */
const COPIES = 2;

interface Imported {
  readonly seconds: number;
  readonly growth: Memory;
}

/** A file of 4 GiB into the store by copy and by link, beside `cp`, `sync` and `openssl sha256` of the same file. */
export async function importing({ scope, quick, log }: PartContext): Promise<PartResult> {
  const bytes = quick ? GIBIBYTE / 2 : 4 * GIBIBYTE;
  const problem = await noRoomFor(scope.root, COPIES * bytes);
  if (problem !== null) return { part: 'import', rows: [], tables: [], notes: [], skipped: problem };
  const directory = await scope.directory('import');
  const source = join(directory, 'bench.gguf');
  log(`writing ${bytes / GIBIBYTE} GiB`);
  await writeBigGguf(source, bytes);
  const agent = await startAgent(scope, join(directory, 'd'));
  const steps = {
    cp: [] as number[],
    openssl: [] as number[],
    copy: [] as Imported[],
    link: [] as Imported[],
  };
  const rounds = quick ? 1 : 3;
  for (let round = 0; round < rounds; round += 1) {
    log(`round ${round + 1} of ${rounds}`);
    await evenly(scope, source);
    steps.openssl.push(await timed(scope, 'openssl', ['sha256', source]));
    await evenly(scope, source);
    steps.copy.push(await bring(agent, source, `copy-${round}`, false));
    await evenly(scope, source);
    steps.cp.push(await copied(scope, source, join(directory, 'copy')));
    await evenly(scope, source);
    steps.link.push(await bring(agent, source, `link-${round}`, true));
  }
  await agent.stop();
  await rm(source);
  return { part: 'import', rows: rowsOf(steps, bytes), tables: [], notes: [] };
}

/** The same start for everybody: the file read once, so in memory where it fits, and nothing left to be written. */
async function evenly(scope: Scope, source: string): Promise<void> {
  await timed(scope, 'sync', []);
  await timed(scope, 'cat', [source]);
}

/** `sync` of this file only: waiting for what other programs wrote would make cp look slow. */
async function copied(scope: Scope, source: string, target: string): Promise<number> {
  const seconds = await timed(scope, 'sh', ['-c', 'cp "$1" "$2" && sync "$2"', 'sh', source, target]);
  await rm(target);
  return seconds;
}

/** One import from the request to the end of its job; the model goes again afterwards. */
async function bring(agent: BenchAgent, path: string, name: string, link: boolean): Promise<Imported> {
  const before = await memoryOf(agent.pid);
  const watch = watchMemory(agent.pid, LOOK_EVERY_MS);
  const started = performance.now();
  const { job } = await agent.call(IMPORT_MODEL, { body: { path, name, link } });
  const done = await agent.job(job.id);
  const seconds = (performance.now() - started) / 1000;
  const largest = await watch.stop();
  if (done.state !== 'succeeded') throw new Error(`import: ${JSON.stringify(done.error)}`);
  const params = { id: done.result?.['model_id'] as string };
  await agent.call(ENDPOINTS.unregisterModel, { params });
  await agent.call(ENDPOINTS.deleteModel, { params });
  return {
    seconds,
    growth: { rss: largest.rss - before.rss, anonymous: largest.anonymous - before.anonymous },
  };
}

function rowsOf(
  steps: { cp: number[]; openssl: number[]; copy: Imported[]; link: Imported[] },
  bytes: number,
): Row[] {
  const { cp, openssl, copy, link } = steps;
  const slower = cp.map((seconds, round) => Math.max(seconds, openssl[round] ?? 0));
  const speed = (seconds: readonly number[]): string => `${short(bytes / MEGABYTE / median(seconds))} MB/s`;
  const secondsOf = (runs: readonly Imported[]): number[] => runs.map((run) => run.seconds);
  const peers = `cp and sync ${speed(cp)}, openssl sha256 ${speed(openssl)}`;
  const all = [...copy, ...link].map((run) => run.growth);
  return [
    {
      name: 'copy, against the slower of cp and openssl',
      value: medianOfPairs(slower, secondsOf(copy), (theirs, ours) => theirs / ours),
      unit: 'x',
      target: { relation: '>=', value: 0.75 },
      beside: `${speed(secondsOf(copy))}; ${peers}`,
    },
    {
      name: 'link, against openssl',
      value: medianOfPairs(openssl, secondsOf(link), (theirs, ours) => theirs / ours),
      unit: 'x',
      target: { relation: '>=', value: 0.95 },
      beside: `${speed(secondsOf(link))}; openssl sha256 ${speed(openssl)}`,
    },
    {
      name: 'memory growth (RSS) of the agent, largest import',
      value: Math.max(...all.map((growth) => growth.rss)) / MEGABYTE,
      unit: 'MB',
      target: { relation: '<', value: 64 },
      beside: `anonymous memory ${short(Math.max(...all.map((growth) => growth.anonymous)) / MEGABYTE)} MB`,
    },
  ];
}
