import { compareCase, errorsOf, FIT_CASES, type FitComparison } from '../../support/fit-cases.ts';
import type { PartContext } from '../support/part.ts';
import type { PartResult, Row } from '../support/report.ts';

const MIB = 1024 ** 2;
const SHORT = 4;

/** What is calculated of models beside what the real llama-server says it takes: generated shapes, without weights. */
export async function fit({ scope, quick, log }: PartContext): Promise<PartResult> {
  const directory = await scope.directory('fit');
  const compared: FitComparison[] = [];
  for (const one of quick ? FIT_CASES.slice(0, SHORT) : FIT_CASES) {
    log(one.shape.name);
    compared.push(await compareCase(one, directory));
  }
  const errors = compared.map(errorsOf);
  const worst = (values: readonly number[]): number =>
    Math.max(...values.map((value) => Math.abs(value))) * 100;
  const row = (name: string, value: number, target: number, unit = '%'): Row => ({
    name,
    value,
    unit,
    target: { relation: '<=', value: target },
    beside: `the worst of ${compared.length} shapes, as llama-server reports them`,
  });
  // A small buffer may be off by more of itself: 16 MiB are no matter to anybody.
  const compute = compared.map(({ measured, estimated }, index) =>
    Math.abs(estimated.compute.expected - (measured.compute ?? 0)) <= 16 * MIB
      ? 0
      : (errors[index]?.compute ?? 0),
  );
  return {
    part: 'fit',
    rows: [
      row('weights, error', worst(errors.map((error) => error.weights)), 1),
      row('KV cache, error', worst(errors.map((error) => error.kv_cache)), 1),
      row('compute, error beyond 16 MiB', worst(compute), 20),
      row('all together, error', worst(errors.map((error) => error.total)), 5),
    ],
    tables: [
      {
        title: 'Calculated and reported, MiB',
        head: ['Shape', 'Weights', 'KV cache', 'Compute', 'Error of all'],
        rows: compared.map((one, index) => cells(one, errors[index]?.total ?? 0)),
      },
    ],
    notes: ['vLLM is held against published logs in src/agent/gpus/fit/vllm.test.ts.'],
  };
}

function cells({ name, measured, estimated }: FitComparison, error: number): string[] {
  const pair = (part: 'weights' | 'kv_cache' | 'compute'): string =>
    `${(estimated[part].expected / MIB).toFixed(1)} / ${((measured[part] ?? 0) / MIB).toFixed(1)}`;
  return [name, pair('weights'), pair('kv_cache'), pair('compute'), `${(error * 100).toFixed(2)} %`];
}
