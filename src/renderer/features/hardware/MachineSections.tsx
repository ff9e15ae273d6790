import type { ReactNode } from 'react';
import type { Hardware } from '../../../shared/contract/index.ts';
import { useHardware } from '../../data/hardware.ts';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { formatBytes, formatBytesOf, UNKNOWN } from '../../parts/format.ts';
import { Meter } from '../../parts/Meter.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { Section } from '../../parts/Section.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import css from './Hardware.module.css';

const BAR = 260;

/** Graphics that no slot can use, processor, memory and disks. */
export function MachineSections(): ReactNode {
  const { data, error } = useHardware();
  if (data === undefined)
    return error === null ? <Pending rows={3} /> : <Refusal error={error} alert={false} />;
  return (
    <>
      {data.unsupported_gpus.length > 0 && <Unsupported gpus={data.unsupported_gpus} />}
      <Section title={t('hardware.machine')}>
        <ul>
          <li className={css.row}>
            <span>{t('hardware.cpu')}</span>
            <Load percent={data.cpu.load_percent} />
            <span className={css.grow}>
              {data.cpu.model}{' '}
              <span className={css.dim}>
                {t('hardware.cores', { cores: data.cpu.cores, physical: data.cpu.physical_cores ?? 0 })}
              </span>
            </span>
          </li>
          <Memory memory={data.memory} />
        </ul>
      </Section>
      <Section title={t('hardware.disks')}>
        <ul>
          {data.disks.map((disk) => (
            <Disk key={disk.mount} disk={disk} />
          ))}
        </ul>
      </Section>
    </>
  );
}

function Unsupported({ gpus }: { readonly gpus: Hardware['unsupported_gpus'] }): ReactNode {
  return (
    <Section title={t('hardware.unsupported')}>
      <ul>
        {gpus.map((gpu) => (
          <li key={`${gpu.vendor} ${gpu.name}`} className={css.unsupported}>
            <StateMark axis="check" state="skipped" wordless size={12} />
            <span>
              {gpu.memory_total_bytes === null
                ? gpu.name
                : t('hardware.unsupportedFact', {
                    name: gpu.name,
                    memory: formatBytes(gpu.memory_total_bytes),
                  })}
            </span>
            <span className={css.dim}>{gpu.reason}</span>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Load({ percent }: { readonly percent: number | null }): ReactNode {
  const words = percent === null ? UNKNOWN : t('overview.load', { percent: Math.round(percent) });
  return (
    <div className={css.bars} title={percent === null ? t('hardware.noLoad') : undefined}>
      <Meter
        parts={[{ kind: 'other', value: percent ?? 0 }]}
        total={100}
        text={`${t('hardware.cpu')}: ${words}`}
        width={BAR}
      />
      <span>{words}</span>
    </div>
  );
}

function Memory({ memory }: { readonly memory: Hardware['memory'] }): ReactNode {
  const used = memory.total_bytes - memory.available_bytes;
  return (
    <>
      <UsedRow name={t('hardware.memory')} used={used} total={memory.total_bytes} />
      {memory.swap_total_bytes !== null && memory.swap_total_bytes > 0 && memory.swap_used_bytes !== null && (
        <UsedRow name={t('hardware.swap')} used={memory.swap_used_bytes} total={memory.swap_total_bytes} />
      )}
    </>
  );
}

function UsedRow({
  name,
  used,
  total,
}: {
  readonly name: string;
  readonly used: number;
  readonly total: number;
}): ReactNode {
  const words = t('hardware.memoryUsed', { used: formatBytesOf(used, total) });
  return (
    <li className={css.row}>
      <span>{name}</span>
      <div className={css.bars}>
        <Meter
          parts={[{ kind: 'other', value: used }]}
          total={total}
          text={`${name}: ${words}`}
          width={BAR}
        />
        <span>{words}</span>
      </div>
      <span className={css.grow} />
    </li>
  );
}

function Disk({ disk }: { readonly disk: Hardware['disks'][number] }): ReactNode {
  const words = t('hardware.free', {
    free: formatBytes(disk.free_bytes),
    total: formatBytes(disk.total_bytes),
  });
  return (
    <li className={css.row}>
      <span className="mono" title={disk.mount}>
        {disk.mount}
      </span>
      <div className={css.bars}>
        <Meter
          parts={[{ kind: disk.holds_models ? 'ours' : 'other', value: disk.total_bytes - disk.free_bytes }]}
          total={disk.total_bytes}
          text={`${disk.mount}: ${words}`}
          width={BAR}
        />
        <span>{words}</span>
      </div>
      <span className={css.grow}>
        <span className={css.dim}>
          <span className="mono">{disk.device}</span> {disk.file_system}
        </span>
        {disk.holds_models && <span> {t('hardware.holdsModels')}</span>}
      </span>
    </li>
  );
}
