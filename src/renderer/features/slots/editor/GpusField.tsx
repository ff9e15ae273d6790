import { MultiSelect, Pill as MantinePill } from '@mantine/core';
import type { ReactNode } from 'react';
import type { Gpu } from '../../../../shared/contract/index.ts';
import { useGpuList } from '../../../data/hardware.ts';
import { formatBytes } from '../../../parts/format.ts';
import { t } from '../../../strings/text.ts';
import { gpuTitle, shortName } from '../../hardware/words.ts';
import css from './GpusField.module.css';

/** Which GPUs a slot may use. Those that no slot can use are listed with their reason. */
export function GpusField({
  id,
  label,
  value,
  onChange,
}: {
  readonly id?: string;
  readonly label?: string;
  readonly value: readonly string[];
  readonly onChange: (ids: string[]) => void;
}): ReactNode {
  const gpus = useGpuList();
  const known = gpus.map((gpu) => ({
    value: gpu.uuid,
    label: optionWords(gpu),
    disabled: !gpu.usable,
  }));
  // One that is gone stays named, or it could not be taken away.
  const gone = value.filter((uuid) => !gpus.some((gpu) => gpu.uuid === uuid));
  return (
    <MultiSelect
      {...(id === undefined ? {} : { id })}
      {...(label === undefined ? {} : { label })}
      data={[...known, ...gone.map((uuid) => ({ value: uuid, label: t('config.gpuGone', { uuid }) }))]}
      value={[...value]}
      placeholder={value.length > 0 ? '' : gpus.length === 0 ? t('config.noGpu') : t('config.anyGpu')}
      nothingFoundMessage={t('config.noGpu')}
      renderPill={({ option, onRemove }) => (
        <Pill
          gpu={gpus.find((gpu) => gpu.uuid === option?.value)}
          fallback={String(option?.value ?? '')}
          onRemove={onRemove}
        />
      )}
      onChange={onChange}
    />
  );
}

function Pill({
  gpu,
  fallback,
  onRemove,
}: {
  readonly gpu: Gpu | undefined;
  readonly fallback: string;
  readonly onRemove: (() => void) | undefined;
}): ReactNode {
  return (
    <MantinePill className={css.pill} size="sm" withRemoveButton onRemove={() => onRemove?.()}>
      {gpu === undefined ? fallback : gpuTitle(gpu)}
    </MantinePill>
  );
}

function optionWords(gpu: Gpu): string {
  const name = gpu.parent_uuid === null ? `${gpuTitle(gpu)}, ${shortName(gpu)}` : gpuTitle(gpu);
  return gpu.usable
    ? t('config.gpuOption', { name, free: formatBytes(gpu.memory_free_bytes) })
    : t('config.gpuUnusable', { name, reason: gpu.unusable_reason ?? t('gpu.unusable') });
}
