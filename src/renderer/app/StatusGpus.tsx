import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Gpu } from '../../shared/contract/index.ts';
import { useGpuList } from '../data/hardware.ts';
import { useSlots } from '../data/live.ts';
import { memoryOfGpu } from '../features/hardware/memory.ts';
import { formatBytes, inUnitOf, UNKNOWN } from '../parts/format.ts';
import { memoryWords } from '../parts/memory.ts';
import { MemoryBar } from '../parts/MemoryBar.tsx';
import { t } from '../strings/text.ts';
import css from './StatusBar.module.css';

/** With more, a bar each would push the rest out of sight; they are told together. */
const MOST = 2;

/** Whether there is room on the GPUs; nothing where there is none. */
export function StatusGpus(): ReactNode {
  const gpus = useGpuList();
  const cards = gpus.filter((gpu) => gpu.parent_uuid === null);
  if (cards.length === 0) return null;
  return cards.length <= MOST ? (
    cards.map((gpu) => <One key={gpu.uuid} gpu={gpu} gpus={gpus} />)
  ) : (
    <Together cards={cards} />
  );
}

function One({ gpu, gpus }: { readonly gpu: Gpu; readonly gpus: readonly Gpu[] }): ReactNode {
  const slots = useSlots() ?? [];
  const memory = memoryOfGpu(withInstances(gpu, gpus), slots, gpus);
  const name = t('gpu.name', { index: gpu.index });
  return (
    <Link href={`/hardware/${encodeURIComponent(gpu.uuid)}`} className={css.item}>
      <span>{name}</span>
      <MemoryBar
        {...memory}
        height={6}
        width={64}
        withoutUsed
        text={t('gpu.memoryText', { name, memory: memoryWords(memory) })}
      />
      <Used used={memory.used} total={memory.total} />
    </Link>
  );
}

/** Slots on an instance lie on its card. */
function withInstances(gpu: Gpu, gpus: readonly Gpu[]): Gpu {
  const own = gpus.filter((one) => one.parent_uuid === gpu.uuid).flatMap((one) => one.slot_ids);
  return own.length === 0 ? gpu : { ...gpu, slot_ids: [...new Set([...gpu.slot_ids, ...own])] };
}

function Together({ cards }: { readonly cards: readonly Gpu[] }): ReactNode {
  const sum = (of: (gpu: Gpu) => number | null): number | null =>
    cards.reduce<number | null>((all, gpu) => {
      const value = of(gpu);
      return all === null || value === null ? null : all + value;
    }, 0);
  const used = sum((gpu) => gpu.memory_used_bytes);
  const total = sum((gpu) => gpu.memory_total_bytes);
  return (
    <Link href="/hardware" className={css.item}>
      <span>{t('hardware.count', { count: cards.length })}</span>
      <span className={css.columns} aria-hidden>
        {cards.map((gpu) => {
          const part =
            gpu.memory_total_bytes === null ? 0 : (gpu.memory_used_bytes ?? 0) / gpu.memory_total_bytes;
          return (
            <span key={gpu.uuid} className={css.column}>
              <span style={{ height: `${Math.round(part * 100)}%` }} />
            </span>
          );
        })}
      </span>
      <Used used={used} total={total} />
    </Link>
  );
}

function Used({ used, total }: { readonly used: number | null; readonly total: number | null }): ReactNode {
  return (
    <span>
      {t('status.usedOf', {
        used: used === null ? UNKNOWN : total === null ? formatBytes(used) : inUnitOf(used, total),
        total: formatBytes(total),
      })}
    </span>
  );
}
