import { Select } from '@mantine/core';
import type { ReactNode } from 'react';
import type { Capability } from '../../../shared/contract/index.ts';
import { useModelList, useModels } from '../../data/models.ts';
import { t } from '../../strings/text.ts';
import { modelTitle } from '../models/words.ts';

/** The local models of one task, by name and version. */
export function ModelSelect({
  id,
  label,
  capability,
  value,
  isFirst = false,
  onChange,
}: {
  readonly id?: string;
  readonly label?: string;
  /** Of the slot; all tasks where it is not known yet. */
  readonly capability: Capability | undefined;
  readonly value: string | null;
  readonly isFirst?: boolean;
  readonly onChange: (id: string | null) => void;
}): ReactNode {
  const list = useModelList(capability === undefined ? {} : { capability });
  const models = useModels(list.data?.ids ?? []).filter(
    (model) => (model.lifecycle_state !== 'deleted' && model.hosting === 'local') || model.id === value,
  );
  return (
    <Select
      {...(id === undefined ? {} : { id })}
      {...(label === undefined ? {} : { label })}
      searchable
      {...(isFirst ? { 'data-autofocus': true } : {})}
      placeholder={t('load.modelPlaceholder')}
      nothingFoundMessage={t('load.noModel')}
      data={models.map((model) => ({
        value: model.id,
        label: t('load.modelOption', {
          model: modelTitle(model),
          state: t(`lifecycle.${model.lifecycle_state}`),
        }),
      }))}
      value={value}
      onChange={onChange}
    />
  );
}
