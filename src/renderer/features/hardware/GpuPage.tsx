import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Gpu } from '../../../shared/contract/index.ts';
import { NotFound } from '../../app/NotFound.tsx';
import { useLiveGpus } from '../../data/hardware.ts';
import { useSlots } from '../../data/live.ts';
import { Copy } from '../../parts/Copy.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Facts, type Fact } from '../../parts/Facts.tsx';
import { Bytes, Time } from '../../parts/figures.tsx';
import { truncateMiddle, UNKNOWN } from '../../parts/format.ts';
import tabsCss from '../../parts/ObjectTabs.module.css';
import { PageHeader } from '../../parts/PageHeader.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { Section } from '../../parts/Section.tsx';
import { t } from '../../strings/text.ts';
import { GpuConditions, GpuFigures, unit } from './GpuFigures.tsx';
import { GpuHistory } from './GpuHistory.tsx';
import { GpuProcessTable } from './GpuProcesses.tsx';
import { GpuMemory, GpuStrip } from './GpuStrip.tsx';
import { gpuTitle } from './words.ts';
import css from './Hardware.module.css';

/** One GPU: its memory, what it does and did, who uses it. */
export default function GpuPage({ uuid }: { readonly uuid: string }): ReactNode {
  const { data, error } = useLiveGpus();
  const parent = { label: t('place.hardware'), to: '/hardware' };
  const gpu = data?.gpus.find((one) => one.uuid === uuid);
  if (gpu === undefined) {
    if (data !== undefined) return <NotFound parent={parent} />;
    return (
      <>
        <PageHeader title={truncateMiddle(uuid, 22)} parent={parent} />
        {error === null ? <Pending /> : <Refusal error={error} alert={false} />}
      </>
    );
  }
  return (
    <>
      <PageHeader title={gpuTitle(gpu)} parent={parent} facts={<span>{gpu.name}</span>} />
      <div className={tabsCss.columns}>
        {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a region that scrolls has to be reached by keys */}
        <div className={css.page} tabIndex={0} role="region" aria-label={gpuTitle(gpu)}>
          <GpuBody gpu={gpu} gpus={data?.gpus ?? []} />
        </div>
        <aside className={tabsCss.rail} aria-label={t('facts.title')}>
          <Facts facts={factsOf(gpu)} />
        </aside>
      </div>
    </>
  );
}

function GpuBody({ gpu, gpus }: { readonly gpu: Gpu; readonly gpus: readonly Gpu[] }): ReactNode {
  const slots = useSlots() ?? [];
  const instances = gpus.filter((one) => one.parent_uuid === gpu.uuid);
  return (
    <>
      <div className={css.top}>
        <GpuMemory gpu={gpu} gpus={gpus} slots={slots} height={16} />
        <GpuFigures gpu={gpu} />
      </div>
      <GpuConditions gpu={gpu} />
      {instances.length > 0 && (
        <ul>
          {instances.map((one) => (
            <GpuStrip key={one.uuid} gpu={one} gpus={gpus} slots={slots} />
          ))}
        </ul>
      )}
      <Section title={t('gpu.slots')}>
        {gpu.slot_ids.length === 0 ? (
          <p className={css.dim}>{t('gpu.noSlot')}</p>
        ) : (
          <ul className={css.slots}>
            {gpu.slot_ids.map((id) => (
              <li key={id}>
                <Link href={`/slots/${id}`}>{id}</Link>
              </li>
            ))}
          </ul>
        )}
      </Section>
      <Section title={t('gpu.processes')}>
        <GpuProcessTable gpu={gpu} />
      </Section>
      <GpuHistory gpu={gpu} />
      <div className={tabsCss.folded}>
        <Facts facts={factsOf(gpu)} />
      </div>
    </>
  );
}

function factsOf(gpu: Gpu): Fact[] {
  const known = (value: string | null): ReactNode => (
    <span title={value === null ? t('unknown.because', { reason: t('gpu.notTold') }) : undefined}>
      {value ?? UNKNOWN}
    </span>
  );
  const onOff = (value: boolean | null): string | null =>
    value === null ? null : t(value ? 'gpu.on' : 'gpu.off');
  const { ecc_errors: ecc } = gpu;
  return [
    [
      t('gpu.fact.uuid'),
      <Copy key="uuid" value={gpu.uuid} what={t('what.id')}>
        <span className="mono" title={gpu.uuid}>
          {truncateMiddle(gpu.uuid, 17)}
        </span>
      </Copy>,
    ],
    [t('gpu.fact.driver'), known(gpu.driver_version)],
    [t('gpu.fact.compute'), known(gpu.compute_capability)],
    [
      t('gpu.fact.bus'),
      <span key="bus" className="mono">
        {gpu.pci_bus_id ?? UNKNOWN}
      </span>,
    ],
    [t('gpu.fact.mig'), known(onOff(gpu.mig_mode === null ? null : gpu.mig_mode === 'enabled'))],
    [t('gpu.fact.persistence'), known(onOff(gpu.persistence_mode))],
    [t('gpu.fact.state'), known(gpu.performance_state)],
    [t('gpu.fact.memoryClock'), known(unit('gpu.megahertz', gpu.memory_clock_mhz))],
    [t('gpu.fact.memoryTemperature'), known(unit('gpu.celsius', gpu.memory_temperature_celsius))],
    [t('gpu.fact.fan'), known(unit('gpu.percent', gpu.fan_percent))],
    [
      t('gpu.fact.ecc'),
      known(
        ecc === null
          ? null
          : t('gpu.fact.eccValue', {
              corrected: ecc.corrected ?? UNKNOWN,
              uncorrected: ecc.uncorrected ?? UNKNOWN,
            }),
      ),
    ],
    [
      t('gpu.fact.reserved'),
      <Bytes key="reserved" value={gpu.memory_reserved_bytes} reason={t('gpu.notTold')} />,
    ],
    [t('gpu.fact.observed'), <Time key="observed" at={gpu.observed_at} as="ago" />],
  ];
}
