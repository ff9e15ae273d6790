import type { ReactNode } from 'react';
import type { Gpu, Gpus } from '../../../shared/contract/index.ts';
import { useLiveGpus } from '../../data/hardware.ts';
import { useSlots } from '../../data/live.ts';
import { useNow } from '../../data/now.ts';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Time } from '../../parts/figures.tsx';
import { PageHeader } from '../../parts/PageHeader.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { Sentence } from '../../parts/Sentence.tsx';
import { t } from '../../strings/text.ts';
import { GpuHistory } from './GpuHistory.tsx';
import { GpuStrip } from './GpuStrip.tsx';
import { MachineSections } from './MachineSections.tsx';
import { NoGpus } from './NoGpus.tsx';
import css from './Hardware.module.css';

/** What this machine has: its GPUs as the driver reports them now, and everything else. */
export default function HardwarePage(): ReactNode {
  const { data, error } = useLiveGpus();
  return (
    <>
      <PageHeader title={t('place.hardware')} facts={data === undefined ? null : <HeadFacts gpus={data} />} />
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a region that scrolls has to be reached by keys */}
      <div className={css.page} tabIndex={0} role="region" aria-label={t('place.hardware')}>
        {error !== null && <Refusal error={error} alert={false} />}
        {data === undefined ? error === null && <Pending rows={3} rowHeight={64} /> : <Cards gpus={data} />}
        <MachineSections />
      </div>
    </>
  );
}

function HeadFacts({
  gpus: { gpus, driver, sampling_ms: every, observed_at: at },
}: {
  readonly gpus: Gpus;
}): ReactNode {
  const now = useNow(5000);
  const cards = gpus.filter((gpu) => gpu.parent_uuid === null);
  const instances = gpus.length - cards.length;
  const facts = [
    t('hardware.count', { count: cards.length }),
    instances > 0 ? t('hardware.instances', { count: instances }) : null,
    driver.version === null ? null : t('hardware.driver', { version: driver.version }),
    driver.cuda_version === null ? null : t('hardware.cuda', { version: driver.cuda_version }),
    every === null || cards.length === 0
      ? null
      : t('hardware.sampled', { seconds: Math.max(1, Math.round(every / 1000)) }),
  ].filter((fact) => fact !== null);
  return (
    <>
      <span>{facts.join(', ')}</span>
      {cards.length > 0 && at !== null && now - Date.parse(at) > STALE_MS && <Time at={at} as="ago" />}
    </>
  );
}
/** Older figures tell their age. */
const STALE_MS = 30_000;

function Cards({ gpus: data }: { readonly gpus: Gpus }): ReactNode {
  const slots = useSlots() ?? [];
  const { gpus } = data;
  const [only] = gpus;
  return (
    <div className={css.cards}>
      <NoGpus gpus={data} />
      {gpus.length > 0 && (
        <>
          <ul className={css.list} aria-label={t('hardware.gpus')}>
            {inOrder(gpus).map((gpu) => (
              <GpuStrip key={gpu.uuid} gpu={gpu} gpus={gpus} slots={slots} />
            ))}
          </ul>
          <p className={css.legend}>
            {t('hardware.legend')}
            {data.kernel_log !== null && (
              <>
                {' '}
                {t('hardware.noXid')} <Sentence text={data.kernel_log} />
              </>
            )}
          </p>
        </>
      )}
      {only !== undefined && gpus.length === 1 && <GpuHistory gpu={only} />}
    </div>
  );
}

/** Cards by index, each with its instances under it. Pure. */
function inOrder(gpus: readonly Gpu[]): readonly Gpu[] {
  const cards = gpus.filter((gpu) => gpu.parent_uuid === null).toSorted((a, b) => a.index - b.index);
  return cards.flatMap((card) => [card, ...gpus.filter((gpu) => gpu.parent_uuid === card.uuid)]);
}
