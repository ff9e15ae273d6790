import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Gpu } from '../../../shared/contract/index.ts';
import { Bytes } from '../../parts/figures.tsx';
import { SimpleTable } from '../../parts/SimpleTable.tsx';
import { t } from '../../strings/text.ts';
import css from './Hardware.module.css';

const MOST = 4;

/** Who uses a GPU, in one line each, the largest first. */
export function GpuProcessLines({ gpu }: { readonly gpu: Gpu }): ReactNode {
  const processes = bySize(gpu);
  if (processes.length === 0) return null;
  return (
    <ul className={css.processes} aria-label={t('gpu.processes')}>
      {processes.slice(0, MOST).map((process) => (
        <li key={process.pid}>
          <span className={css.process} title={process.name}>
            {baseName(process.name)}
          </span>{' '}
          <span className="mono">{process.pid}</span>{' '}
          <Bytes value={process.memory_used_bytes} reason={t('gpu.notTold')} />,{' '}
          <Owner slotId={process.slot_id} />
        </li>
      ))}
      {processes.length > MOST && (
        <li className={css.dim}>{t('gpu.moreProcesses', { count: processes.length - MOST })}</li>
      )}
    </ul>
  );
}

/** All of them, as a table. */
export function GpuProcessTable({ gpu }: { readonly gpu: Gpu }): ReactNode {
  const processes = bySize(gpu);
  if (processes.length === 0) return <p className={css.dim}>{t('gpu.noProcessTold')}</p>;
  return (
    <SimpleTable
      label={t('gpu.processes')}
      head={[t('gpu.process'), t('gpu.pid'), t('gpu.processMemory'), t('gpu.whose')]}
      align={[undefined, 'end', 'end', undefined]}
      rows={processes.map((process) => ({
        id: String(process.pid),
        cells: [
          <span key="name" title={process.name}>
            {baseName(process.name)}
          </span>,
          <span key="pid" className="mono">
            {process.pid}
          </span>,
          <Bytes key="bytes" value={process.memory_used_bytes} reason={t('gpu.notTold')} />,
          <Owner key="owner" slotId={process.slot_id} />,
        ],
      }))}
    />
  );
}

function Owner({ slotId }: { readonly slotId: string | null }): ReactNode {
  return slotId === null ? (
    <span>{t('gpu.notOurs')}</span>
  ) : (
    <Link href={`/slots/${slotId}`}>{t('gpu.slot', { slot: slotId })}</Link>
  );
}

function bySize(gpu: Gpu): Gpu['processes'] {
  return gpu.processes.toSorted((a, b) => (b.memory_used_bytes ?? 0) - (a.memory_used_bytes ?? 0));
}

/** `python3` of `/usr/bin/python3`. */
function baseName(path: string): string {
  return path.split(/[\\/]/).at(-1) ?? path;
}
