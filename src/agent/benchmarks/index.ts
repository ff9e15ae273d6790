import { z } from 'zod';
import { AppError, type Endpoints } from '../../shared/contract/index.ts';
import type { Router } from '../../server/router.ts';
import { decodeCursor, encodeCursor, pageOf } from '../kernel/cursor.ts';
import { startBenchmark } from './benchmark-job.ts';
import type { BenchmarkDeps } from './order.ts';

export { benchmarkJob } from './benchmark-job.ts';
export { deviceName } from './device.ts';
export { BenchmarkStore } from './store.ts';

const SeqCursor = z.tuple([z.int()]);

export function benchmarkRoutes(router: Router<Endpoints>, deps: BenchmarkDeps): void {
  const { store } = deps;

  router.implement('startBenchmark', async ({ params, body }, { caller }) => ({
    job: await startBenchmark(
      deps,
      {
        slot_id: params.id,
        concurrency: body.concurrency,
        prompt_tokens: body.prompt_tokens ?? null,
        output_tokens: body.output_tokens ?? null,
        requests_per_round: body.requests_per_round ?? null,
        note: body.note ?? null,
      },
      caller,
    ),
  }));
  router.implement('listBenchmarks', ({ query }, { caller }) => {
    const before = decodeCursor(query.cursor, SeqCursor)?.[0] ?? null;
    const filter = { modelIds: query.model_id, name: query.name, slotId: query.slot_id };
    const { rows, next } = pageOf(store.list(filter, caller, before, query.limit + 1), query.limit);
    return {
      benchmarks: rows.map(({ benchmark }) => benchmark),
      next_cursor: next === null ? null : encodeCursor([next.seq]),
    };
  });
  router.implement('getBenchmark', ({ params }, { caller }) => {
    const benchmark = store.find(params.id, caller);
    if (benchmark === null) throw new AppError('not_found', `There is no benchmark ${params.id}.`);
    return { benchmark };
  });
}
