import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Benchmark } from '../../../shared/contract/index.ts';
import { Bytes, Count, Duration, Time } from '../../parts/figures.tsx';
import { formatCount, formatRate } from '../../parts/format.ts';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { SimpleTable } from '../../parts/SimpleTable.tsx';
import { t } from '../../strings/text.ts';
import { concurrencies, roundAt, titleOf } from './figures.ts';

/** Beyond these the table would be wider than the page; the run itself shows all. */
const MOST_RATES = 4;

/** Runs side by side: what was measured where, and how fast it was. */
export function RunTable({
  label,
  runs,
  chosen = null,
  compared = null,
  onCompare,
  rates = MOST_RATES,
}: {
  readonly label: string;
  readonly runs: readonly Benchmark[];
  /** The run that is shown above. */
  readonly chosen?: string | null;
  readonly compared?: string | null;
  /** Null stops comparing; without it nothing can be compared. */
  readonly onCompare?: (id: string | null) => void;
  /** Columns of tokens per second; the last one is of the most requests at once. */
  readonly rates?: number;
}): ReactNode {
  const columns = someOf(concurrencies(runs), rates);
  return (
    <SimpleTable
      label={label}
      head={[
        t('bench.col.time'),
        t('bench.col.model'),
        t('bench.col.quant'),
        t('bench.col.slot'),
        t('bench.col.runtime'),
        t('bench.col.lengths'),
        ...columns.map((count) => t('bench.col.rateAt', { count })),
        t('bench.col.first'),
        t('bench.col.memory'),
        ...(onCompare === undefined ? [] : ['']),
      ]}
      align={[
        ...Array.from({ length: 5 }, () => undefined),
        ...Array.from({ length: columns.length + 3 }, () => 'end' as const),
      ]}
      rows={runs.map((run) => ({
        id: run.id,
        cells: [
          <Link
            key="time"
            href={`/slots/${run.slot_id}/benchmarks?run=${run.id}`}
            {...(run.id === chosen ? { 'aria-current': 'true' as const } : {})}
          >
            <Time at={run.created_at} />
          </Link>,
          <Link key="model" href={`/models/${run.model_id}`}>
            {titleOf(run)}
          </Link>,
          run.quantization ?? <Count key="quant" value={null} reason={t('bench.noQuant')} />,
          <Link key="slot" href={`/slots/${run.slot_id}`}>
            {run.slot_id}
          </Link>,
          run.runtime_spec,
          lengthsOf(run),
          ...columns.map((count) => <RateAt key={count} run={run} concurrency={count} />),
          <Duration
            key="first"
            value={run.rounds[0]?.time_to_first_token_ms?.p50 ?? null}
            reason={t(run.capability === 'embeddings' ? 'bench.noFirst' : 'bench.noAnswer')}
          />,
          <Bytes key="memory" value={run.memory_bytes} reason={t('bench.noMemory')} />,
          ...(onCompare === undefined
            ? []
            : [
                run.id === chosen ? (
                  ''
                ) : (
                  <ReasonButton
                    key="compare"
                    size="xs"
                    aria-pressed={run.id === compared}
                    onClick={() => onCompare(run.id === compared ? null : run.id)}
                  >
                    {t(run.id === compared ? 'bench.stopComparing' : 'bench.compare')}
                  </ReasonButton>
                ),
              ]),
        ],
      }))}
    />
  );
}

function RateAt({ run, concurrency }: { readonly run: Benchmark; readonly concurrency: number }): ReactNode {
  const round = roundAt(run, concurrency);
  return round === undefined ? (
    <Count value={null} reason={t('bench.noRound')} />
  ) : (
    formatRate(round.tokens_per_second)
  );
}

export function lengthsOf({ workload, capability }: Benchmark): string {
  return capability === 'llm_inference'
    ? `${formatCount(workload.prompt_tokens)}, ${formatCount(workload.output_tokens)}`
    : formatCount(workload.prompt_tokens);
}

/** The first ones and the last. Pure. */
function someOf(all: readonly number[], most: number): readonly number[] {
  return all.length <= most ? all : [...all.slice(0, most - 1), ...all.slice(-1)];
}
