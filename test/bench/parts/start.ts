import { environment, startAgent, type BenchAgent } from '../support/agent.ts';
import { makeDataDir } from '../support/catalogue.ts';
import { median, percentile, short } from '../support/numbers.ts';
import type { PartContext } from '../support/part.ts';
import type { PartResult, Row } from '../support/report.ts';
import { timed } from '../support/scope.ts';

export const MANY_MODELS = 10_000;
const READY_MS = 400;

/** From the spawn of the built agent to its ready line, beside a Node that does nothing. */
export async function start({ scope, quick, log }: PartContext): Promise<PartResult> {
  log(`making a catalogue of ${MANY_MODELS} models`);
  const empty = await makeDataDir(scope, 'start-0', 0);
  const full = await makeDataDir(scope, 'start-10k', MANY_MODELS);
  const rounds = quick ? 3 : 15;
  const none: BenchAgent[] = [];
  const many: BenchAgent[] = [];
  const cold: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    log(`round ${round + 1} of ${rounds}`);
    bare.push((await timed(scope, process.execPath, ['-e', '0'], { env: environment() })) * 1000);
    none.push(await once(empty));
    many.push(await once(full));
    // Node keeps compiled code between starts; a directory of its own shows the start after an update.
    const cache = await scope.directory(`compile-cache-${round}`);
    cold.push((await once(full, { NODE_COMPILE_CACHE: cache })).readyMs);
  }
  async function once(dataDir: string, env: Record<string, string> = {}): Promise<BenchAgent> {
    const agent = await startAgent(scope, dataDir, env);
    await agent.stop();
    return agent;
  }
  const ready = (agents: readonly BenchAgent[]): number[] => agents.map((agent) => agent.readyMs);
  const beside = `node -e 0 takes ${short(median(bare))} ms`;
  const row = (name: string, values: readonly number[], limit: number | null): Row => ({
    name,
    value: median(values),
    unit: 'ms',
    ...(limit === null ? {} : { target: { relation: '<', value: limit } }),
    beside: `${beside}; slowest of ${values.length}: ${short(percentile(values, 1))} ms`,
  });
  return {
    part: 'start',
    rows: [
      row('ready, no models', ready(none), READY_MS),
      row('ready, 10,000 models', ready(many), READY_MS),
      row(
        'first 200 of /healthz, 10,000 models',
        many.map((agent) => agent.healthyMs),
        null,
      ),
      row('ready, 10,000 models, no compiled code kept', cold, null),
    ],
    tables: [],
    notes: [],
  };
}
