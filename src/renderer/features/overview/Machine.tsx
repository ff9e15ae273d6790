import type { ReactNode } from 'react';
import { useSystem } from '../../data/node.ts';
import { Count } from '../../parts/figures.tsx';
import { formatBytes, formatBytesOf } from '../../parts/format.ts';
import { Meter } from '../../parts/Meter.tsx';
import { Section } from '../../parts/Section.tsx';
import { t } from '../../strings/text.ts';
import { SectionRefusal } from './SectionRefusal.tsx';
import css from './OverviewPage.module.css';

/** Whether there is room: processor, memory, disk. */
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
