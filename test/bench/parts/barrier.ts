import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommitMode, CommitResult } from '../programs/commit-types.ts';
import { GIBIBYTE, noRoomFor } from '../support/big-file.ts';
import { median, short } from '../support/numbers.ts';
import type { PartContext } from '../support/part.ts';
import type { PartResult, Table } from '../support/report.ts';
import type { Scope } from '../support/scope.ts';

const MODES: readonly CommitMode[] = ['barrier', 'full', 'none'];
const TITLES: Record<CommitMode, string> = {
  barrier: 'the barrier',
  full: 'synchronous=FULL',
  none: 'no commits at all',
};
const LIMIT_MS = 20;

/** How long commits hold the event loop while gigabytes are written to the same disk. */
export async function barrier({ scope, quick, log }: PartContext): Promise<PartResult> {
  const bytes = quick ? GIBIBYTE / 2 : 4 * GIBIBYTE;
  const problem = await noRoomFor(scope.root, bytes);
  if (problem !== null) return { part: 'barrier', rows: [], tables: [], notes: [], skipped: problem };
  const results: Record<CommitMode, CommitResult[]> = { barrier: [], full: [], none: [] };
  const rounds = quick ? 1 : 3;
  for (let round = 0; round < rounds; round += 1) {
    for (const mode of MODES) {
      log(`round ${round + 1} of ${rounds}: ${TITLES[mode]}`);
      results[mode].push(await beside(scope, `barrier-${round}-${mode}`, mode, bytes));
    }
  }
  const worst = (mode: CommitMode, key: keyof CommitResult): number =>
    Math.max(...results[mode].map((one) => one[key]));
  const commits = results.barrier.reduce((sum, one) => sum + one.commits, 0);
  return {
    part: 'barrier',
    rows: [
      {
        name: `longest commit call beside ${bytes / GIBIBYTE} GiB written`,
        value: worst('barrier', 'ownMax'),
        unit: 'ms',
        target: { relation: '<=', value: LIMIT_MS },
        beside: `of ${commits} commits; with synchronous=FULL ${short(worst('full', 'ownMax'))} ms; waiting for a processor included ${short(worst('barrier', 'callMax'))} ms`,
      },
      {
        name: 'longest turn of the event loop meanwhile',
        value: worst('barrier', 'loopMax'),
        unit: 'ms',
        beside: `without commits ${short(worst('none', 'loopMax'))} ms, with synchronous=FULL ${short(worst('full', 'loopMax'))} ms`,
      },
    ],
    tables: [details(results)],
    notes: [],
  };
}

async function beside(scope: Scope, name: string, mode: CommitMode, bytes: number): Promise<CommitResult> {
  const directory = await scope.directory(name);
  const commits = scope.program('commits', [directory, mode]);
  await once(commits, 'message');
  const target = join(directory, 'written');
  const writer = scope.program('disk-writer', [target, String(bytes)]);
  const [code] = (await once(writer, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`the program that writes ended with ${String(code)}`);
  const told = once(commits, 'message');
  commits.send('stop');
  const [result] = (await told) as [CommitResult];
  commits.disconnect();
  await rm(directory, { recursive: true });
  return result;
}

function details(results: Record<CommitMode, CommitResult[]>): Table {
  const middle = (mode: CommitMode, key: keyof CommitResult): string =>
    short(median(results[mode].map((one) => one[key])));
  return {
    title: 'Medians of the rounds, in ms',
    head: [
      'Commits with',
      'event loop held p50',
      'p99',
      'longest',
      'of that its own',
      'durable after p50',
      'p99',
    ],
    rows: (['barrier', 'full'] as const).map((mode) => [
      TITLES[mode],
      ...(['callP50', 'callP99', 'callMax', 'ownMax', 'durableP50', 'durableP99'] as const).map((key) =>
        middle(mode, key),
      ),
    ]),
  };
}
