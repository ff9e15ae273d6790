import type { ReactNode } from 'react';
import type { Model } from '../../../shared/contract/index.ts';
import { cx } from '../../parts/cx.ts';
import type { Column } from '../../parts/DataTable.tsx';
import { Bytes, Time } from '../../parts/figures.tsx';
import { UNKNOWN } from '../../parts/format.ts';
import { StateMark } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import { formatWords, validationState } from './words.ts';
import css from './columns.module.css';

/** What a row of the list of models tells. A column comes where the table is wide enough for it and those before. */
export const MODEL_COLUMNS: readonly Column<Model>[] = [
  {
    id: 'state',
    head: t('models.col.state'),
    track: '104px',
    cell: (model) => <StateMark axis="lifecycle" state={model.lifecycle_state} size={12} />,
  },
  {
    id: 'name',
    head: t('models.col.name'),
    track: 'minmax(160px, 2fr)',
    sort: 'name',
    cell: (model) => (
      <span className={css.name} title={model.name}>
        {model.name}
      </span>
    ),
  },
  {
    id: 'version',
    head: t('models.col.version'),
    track: '72px',
    cell: (model) => (
      <>
        <span className={css.strong}>v{model.seq}</span>
        {model.label !== null && <span className={css.dim}>, {model.label}</span>}
        {model.is_sample && <span className={css.dim}> {t('models.sample')}</span>}
      </>
    ),
  },
  {
    id: 'task',
    head: t('models.col.task'),
    track: '84px',
    from: 960,
    cell: (model) => t(`task.${model.task_key}`),
  },
  { id: 'format', head: t('models.col.format'), track: '96px', from: 860, cell: formatWords },
  {
    id: 'size',
    head: t('models.col.size'),
    track: '72px',
    align: 'end',
    from: 640,
    cell: (model) => <Bytes value={model.artifact?.size_bytes} reason={t('artifacts.none')} />,
  },
  {
    id: 'validation',
    head: t('models.col.validation'),
    track: '84px',
    cell: (model) => (
      <span title={model.validation_error?.message}>
        <StateMark axis="validation" state={validationState(model)} size={12} />
      </span>
    ),
  },
  { id: 'loaded', head: t('models.col.loaded'), track: 'minmax(88px, 0.6fr)', from: 740, cell: loadedCell },
  {
    id: 'visible',
    head: t('models.col.visibility'),
    track: '104px',
    from: 1440,
    cell: (model) => t(`visibility.${model.visibility_scope}`),
  },
  {
    id: 'tags',
    head: t('models.col.tags'),
    track: 'minmax(80px, 0.6fr)',
    from: 1440,
    cell: (model) => (model.tags.length === 0 ? <Dash /> : model.tags.join(', ')),
  },
  {
    id: 'used',
    head: t('models.col.used'),
    track: '80px',
    align: 'end',
    from: 1060,
    cell: (model) =>
      model.usage_summary.last_used_at === null ? (
        <span className={css.dim}>{t('models.never')}</span>
      ) : (
        <Time at={model.usage_summary.last_used_at} as="ago" />
      ),
  },
  {
    id: 'created',
    head: t('models.col.created'),
    track: '132px',
    align: 'end',
    sort: 'created',
    from: 1220,
    cell: (model) => <Time at={model.created_at} as="ago" />,
  },
];

function Dash(): ReactNode {
  return <span className={css.dim}>{UNKNOWN}</span>;
}

function loadedCell(model: Model): ReactNode {
  if (model.loaded_in.length === 0) return <Dash />;
  return (
    <span className={cx(css.strong)} title={model.loaded_in.join(', ')}>
      {model.loaded_in.join(', ')}
    </span>
  );
}
