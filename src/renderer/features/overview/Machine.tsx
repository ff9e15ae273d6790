import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useLiveGpus } from '../../data/hardware.ts';
import { useSlots } from '../../data/live.ts';
import { useSystem } from '../../data/node.ts';
import { cx } from '../../parts/cx.ts';
import { Count } from '../../parts/figures.tsx';
import { formatBytes, formatBytesOf, UNKNOWN } from '../../parts/format.ts';
import { memoryWords } from '../../parts/memory.ts';
import { MemoryBar } from '../../parts/MemoryBar.tsx';
import { Meter } from '../../parts/Meter.tsx';
import { Section } from '../../parts/Section.tsx';
import { t } from '../../strings/text.ts';
import { unit } from '../hardware/GpuFigures.tsx';
import { memoryOfGpu } from '../hardware/memory.ts';
import { gpuTitle, shortName } from '../hardware/words.ts';
import { SectionRefusal } from './SectionRefusal.tsx';
import css from './OverviewPage.module.css';

/** Whether there is room: GPUs, processor, memory, disk. */
export function Machine(): ReactNode {
  const { data: system, error } = useSystem();
  if (system === undefined) return <SectionRefusal error={error} />;
  const { cpu, memory, disk } = system;
  const used = memory.total_bytes - memory.available_bytes;
  const diskUsed = disk.total_bytes - disk.free_bytes;
  const memoryText = formatBytesOf(used, memory.total_bytes);
  return (
    <Section title={t('overview.machine')}>
      <ul>
        <Gpus />
        <li className={css.machine}>
          <span className={css.dim} title={cpu.model}>
            {t('overview.cpu', { cores: cpu.cores })}
          </span>
          <span />
          <span className={css.end}>
            {cpu.load_percent === null ? (
              <Count value={null} reason={t('overview.noLoad')} />
            ) : (
              t('overview.load', { percent: Math.round(cpu.load_percent) })
            )}
          </span>
        </li>
        <li className={css.machine}>
          <span className={css.dim}>{t('overview.memory')}</span>
          <Meter
            parts={[
              { kind: 'ours', value: memory.agent_rss_bytes },
              { kind: 'other', value: Math.max(0, used - memory.agent_rss_bytes) },
            ]}
            total={memory.total_bytes}
            text={t('overview.memoryText', { used: memoryText, own: formatBytes(memory.agent_rss_bytes) })}
          />
          <span className={css.end}>{memoryText}</span>
        </li>
        <li className={css.machine}>
          <span className={css.dim} title={system.data_dir}>
            {t('overview.disk')}
          </span>
          <Meter
            parts={[
              { kind: 'ours', value: disk.models_bytes },
              { kind: 'other', value: Math.max(0, diskUsed - disk.models_bytes) },
            ]}
            total={disk.total_bytes}
            text={t('overview.diskText', {
              free: formatBytes(disk.free_bytes),
              total: formatBytes(disk.total_bytes),
              models: formatBytes(disk.models_bytes),
            })}
          />
          <span className={css.end}>{t('overview.free', { free: formatBytes(disk.free_bytes) })}</span>
        </li>
      </ul>
    </Section>
  );
}

/** From here on rows are lower: a machine full of cards still fits beside the rest. */
const MANY = 4;

/** What slots reserve of each GPU over what is used, and how warm it is. */
function Gpus(): ReactNode {
  const { data } = useLiveGpus();
  const slots = useSlots() ?? [];
  const gpus = data?.gpus ?? [];
  return gpus.map((gpu) => {
    const memory = memoryOfGpu(gpu, slots, gpus);
    const words = memoryWords(memory);
    const name =
      gpu.parent_uuid === null
        ? t('gpu.shortNamed', { index: gpu.index, name: shortName(gpu) })
        : gpuTitle(gpu);
    return (
      <li
        key={gpu.uuid}
        className={cx(css.machine, css.gpu, gpus.length > MANY && css.low)}
        data-gpu={gpu.uuid}
      >
        <Link
          href={`/hardware/${encodeURIComponent(gpu.uuid)}`}
          className={css.gpuName}
          title={`${gpu.name}, ${gpu.uuid}`}
        >
          {name}
        </Link>
        <MemoryBar
          {...memory}
          width={96}
          text={t('gpu.memoryText', { name: gpuTitle(gpu), memory: words })}
        />
        <span className={css.end} title={words}>
          {memory.total === null
            ? formatBytes(memory.reserved)
            : formatBytesOf(memory.reserved, memory.total)}
        </span>
        <span className={css.warm}>{unit('gpu.celsius', gpu.temperature_celsius) ?? UNKNOWN}</span>
      </li>
    );
  });
}
