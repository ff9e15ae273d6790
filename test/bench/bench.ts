import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildIfOutdated } from '../../tools/build.ts';
import { barrier } from './parts/barrier.ts';
import { catalogue } from './parts/catalogue.ts';
import { fit } from './parts/fit.ts';
import { gateway } from './parts/gateway.ts';
import { idle } from './parts/idle.ts';
import { importing } from './parts/import.ts';
import { quickstart } from './parts/quickstart.ts';
import { slots } from './parts/slots.ts';
import { start } from './parts/start.ts';
import { telemetry } from './parts/telemetry.ts';
import { machine, writeDocument } from './support/document.ts';
import type { Part } from './support/part.ts';
import { asText, isMet, type PartResult } from './support/report.ts';
import { Scope } from './support/scope.ts';

/**
 * `npm run bench [-- PART...] [--quick] [--json] [--write]`. Exit code 0 when everything was measured, whatever came
 * out: figures depend on the machine, and a machine that is busy is no failure. 1 when something broke, 2 for usage.
 */
const PARTS: Readonly<Record<string, Part>> = {
  gateway,
  start,
  idle,
  import: importing,
  barrier,
  catalogue,
  fit,
  quickstart,
  telemetry,
  slots,
};

const USAGE = `usage: npm run bench -- [PART...] [--quick] [--json] [--write]
  parts    ${Object.keys(PARTS).join(', ')} (default: all)
  --quick  short rounds and small files, to see that it works
  --json   the results as JSON on stdout
  --write  put the tables into docs/benchmarks.md
`;

async function measure(names: readonly string[], quick: boolean): Promise<PartResult[]> {
  const results: PartResult[] = [];
  for (const name of names) {
    const part = PARTS[name];
    if (part === undefined) continue;
    // One for each part: what a part started does not load the machine of the next.
    await using scope = await Scope.open();
    const log = (text: string): void => void process.stderr.write(`${name}: ${text}\n`);
    results.push(await part({ scope, quick, log }));
  }
  return results;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
    },
  });
  const unknown = positionals.filter((name) => PARTS[name] === undefined);
  if (unknown.length > 0 || (values.quick && values.write)) {
    const reason =
      unknown.length > 0 ? `There is no part ${unknown.join(', ')}.` : 'Short rounds are not written down.';
    process.stderr.write(`${reason}\n${USAGE}`);
    return 2;
  }
  if (process.platform !== 'linux') {
    process.stderr.write('The benchmarks read /proc and run on Linux only.\n');
    return 1;
  }
  if (!buildIfOutdated(fileURLToPath(new URL('../../', import.meta.url)))) return 1;
  const names = positionals.length > 0 ? positionals : Object.keys(PARTS);
  const results = await measure(names, values.quick);
  if (values.json) {
    const rows = results.flatMap((result) =>
      result.rows.map((row) => ({ part: result.part, ...row, met: isMet(row) })),
    );
    process.stdout.write(`${JSON.stringify({ machine: machine(), rows, results }, null, 2)}\n`);
  } else {
    process.stdout.write(`${machine()}\n\n${results.map(asText).join('\n')}`);
  }
  if (values.write) {
    const chosen = positionals.length > 0 ? ` -- ${positionals.join(' ')}` : '';
    await writeDocument(results, `npm run bench${chosen}`);
  }
  return 0;
}

process.exitCode = await main();
