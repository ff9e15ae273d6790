import type { ReactNode } from 'react';
import type { Slot } from '../../../shared/contract/index.ts';
import { useSlotMetrics } from '../../data/slot-metrics.ts';
import { formatRate } from '../../parts/format.ts';
import { Sparkline } from '../../parts/Sparkline.tsx';
import { t } from '../../strings/text.ts';
import css from './SlotThroughput.module.css';

const rate = (value: number | null): string => t('slots.rate', { rate: formatRate(value) });

/** How many tokens the engine makes in a second, and how many requests it works on. */
export function SlotThroughput({ slot }: { readonly slot: Slot }): ReactNode {
  const samples = useSlotMetrics(slot.id);
  const last = samples.at(-1) ?? slot.metrics;
  const waiting = last?.requests_waiting ?? 0;
  const flight = t('slots.inFlight', { count: slot.requests_in_flight });
  return (
    <div className={css.flow}>
      {samples.length > 0 && (
        <div className={css.course}>
          <Sparkline
            samples={samples.map((sample) => ({ at: sample.at, value: sample.tokens_per_second }))}
            label={t('slots.rateOf', { slot: slot.id })}
            format={rate}
          />
          <span className={css.rate}>{rate(last?.tokens_per_second ?? null)}</span>
        </div>
      )}
      <div className={css.requests}>
        {waiting > 0 ? t('slots.andWaiting', { flight, count: waiting }) : flight}
      </div>
    </div>
  );
}
