import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Gpu, Slot } from '../../../shared/contract/index.ts';
import { Copy } from '../../parts/Copy.tsx';
import { cx } from '../../parts/cx.ts';
import { truncateMiddle } from '../../parts/format.ts';
import { memoryWords } from '../../parts/memory.ts';
import { MemoryBar } from '../../parts/MemoryBar.tsx';
import { t } from '../../strings/text.ts';
import { GpuConditions, GpuFigures } from './GpuFigures.tsx';
import { GpuProcessLines } from './GpuProcesses.tsx';
import { memoryOfGpu } from './memory.ts';
import { gpuTitle } from './words.ts';
import css from './Hardware.module.css';

/** One card, or an instance of it: what it is, what lies in it, what it does, who uses it. */
export function GpuStrip({
  gpu,
  gpus,
  slots,
}: {
  readonly gpu: Gpu;
  readonly gpus: readonly Gpu[];
  readonly slots: readonly Slot[];
}): ReactNode {
  const isInstance = gpu.parent_uuid !== null;
  const facts = [
    isInstance ? null : t('gpu.name', { index: gpu.index }),
    isInstance || gpu.compute_capability === null
      ? null
      : t('gpu.compute', { version: gpu.compute_capability }),
  ].filter((fact) => fact !== null);
  return (
    <li className={cx(css.strip, isInstance && css.instance)} data-gpu={gpu.uuid}>
      <div className={css.main}>
        <div className={css.who}>
          <div>
            <Link href={`/hardware/${encodeURIComponent(gpu.uuid)}`} className={css.name}>
              {isInstance ? t('gpu.instance', { profile: gpu.mig_profile ?? '' }) : gpu.name}
            </Link>{' '}
            <span className={css.dim}>{facts.join(', ')}</span>
          </div>
          <Copy value={gpu.uuid} what={t('what.id')} className={css.uuid}>
            <span className="mono" title={gpu.uuid}>
              {truncateMiddle(gpu.uuid, 22)}
            </span>
          </Copy>
        </div>
        <GpuMemory gpu={gpu} gpus={gpus} slots={slots} />
        {isInstance ? <span /> : <GpuFigures gpu={gpu} />}
      </div>
      <GpuConditions gpu={gpu} />
      <GpuProcessLines gpu={gpu} />
    </li>
  );
}

/** The bar of a GPU with its words. */
export function GpuMemory({
  gpu,
  gpus,
  slots,
  height = 10,
}: {
  readonly gpu: Gpu;
  readonly gpus: readonly Gpu[];
  readonly slots: readonly Slot[];
  readonly height?: 10 | 16;
}): ReactNode {
  const memory = memoryOfGpu(gpu, slots, gpus);
  const words = gpu.unified_memory && memory.total === null ? t('gpu.unified') : memoryWords(memory);
  return (
    <div className={css.memory}>
      <MemoryBar
        {...memory}
        height={height}
        text={t('gpu.memoryText', { name: gpuTitle(gpu), memory: words })}
      />
      <div className={css.words}>{words}</div>
    </div>
  );
}
