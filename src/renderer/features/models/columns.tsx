import type { ReactNode } from 'react';
import { IconChevronRight } from '@tabler/icons-react';
import { cx } from '../../parts/cx.ts';
import type { Column } from '../../parts/DataTable.tsx';
import { Bytes, Time } from '../../parts/figures.tsx';
import { UNKNOWN } from '../../parts/format.ts';
import { StateMark } from '../../parts/StateMark.tsx';
import { LIFECYCLE_STATES } from '../../../shared/lifecycle/states.ts';
import { t } from '../../strings/text.ts';
import { modelsOf, valuesOf, type ListRow } from './list-rows.ts';
import { formatOrProvider, validationState } from './words.ts';
import css from './columns.module.css';

/** The name under which a browser keeps which columns somebody chose. */
export const MODEL_LIST = 'models';

/**
 * What a row of the list of models tells. A column comes where the table is wide enough for it and those before, unless
 * a person chose which are shown. A name with several models tells what holds for all of them.
 */
export const MODEL_COLUMNS: readonly Column<ListRow>[] = [
  { id: 'state', head: t('models.col.state'), track: '104px', cell: stateCell },
  { id: 'name', head: t('models.col.name'), track: 'minmax(160px, 2fr)', sort: 'name', cell: nameCell },
  { id: 'version', head: t('models.col.version'), track: '72px', cell: versionCell },
  {
    id: 'task',
    head: t('models.col.task'),
    track: '84px',
    from: 960,
    cell: (row) => valuesOf(row, (model) => t(`task.${model.task_key}`)).join(', '),
  },
  { id: 'format', head: t('models.col.format'), track: 'minmax(124px, 0.5fr)', from: 860, cell: formatCell },
  {
    id: 'size',
    head: t('models.col.size'),
    track: '72px',
    align: 'end',
    from: 640,
    cell: (row) => {
      const sizes = modelsOf(row).flatMap((model) => model.artifact?.size_bytes ?? []);
      return (
        <Bytes
          value={sizes.length === 0 ? null : sizes.reduce((sum, size) => sum + size, 0)}
          reason={t(row.model.hosting === 'cloud' ? 'artifacts.cloud' : 'artifacts.none')}
        />
      );
    },
  },
  { id: 'validation', head: t('models.col.validation'), track: '84px', cell: validationCell },
  { id: 'loaded', head: t('models.col.loaded'), track: 'minmax(88px, 0.6fr)', from: 740, cell: loadedCell },
  {
    id: 'visible',
    head: t('models.col.visibility'),
    track: '104px',
    from: 1160,
    cell: (row) => valuesOf(row, (model) => t(`visibility.${model.visibility_scope}`)).join(', '),
  },
  { id: 'tags', head: t('models.col.tags'), track: 'minmax(80px, 0.6fr)', from: 1440, cell: tagsCell },
  { id: 'used', head: t('models.col.used'), track: '80px', align: 'end', from: 1000, cell: usedCell },
  {
    id: 'created',
    head: t('models.col.created'),
    track: '132px',
    align: 'end',
    sort: 'created',
    descending: true,
    from: 1440,
    cell: (row) => <Time at={row.model.created_at} as="ago" />,
  },
  {
    id: 'updated',
    head: t('models.col.updated'),
    track: '132px',
    align: 'end',
    sort: 'updated',
    descending: true,
    from: 1620,
    cell: (row) => <Time at={latest(row, (model) => model.updated_at)} as="ago" />,
  },
];

function Dash(): ReactNode {
  return <span className={css.dim}>{UNKNOWN}</span>;
}

function latest(row: ListRow, at: (model: ListRow['model']) => string | null): string | null {
  return modelsOf(row)
    .map(at)
    .reduce((newest, one) => (newest === null || (one !== null && one > newest) ? one : newest), null);
}

/** Of several, the state that serves most, and of how many. */
function stateCell(row: ListRow): ReactNode {
  if (row.family === null) return <StateMark axis="lifecycle" state={row.model.lifecycle_state} size={12} />;
  const order = ['active', 'validated', 'inactive', 'registered'] as const;
  const states = row.family.map((model) => model.lifecycle_state);
  const state =
    order.find((one) => states.includes(one)) ?? LIFECYCLE_STATES.find((one) => states.includes(one));
  if (state === undefined) return <Dash />;
  const count = states.filter((one) => one === state).length;
  return (
    <StateMark axis="lifecycle" state={state} size={12}>
      {t('models.family.state', { count, state: t(`lifecycle.${state}`) })}
    </StateMark>
  );
}

function nameCell(row: ListRow): ReactNode {
  const { name } = row.model;
  if (row.family === null)
    return (
      <span className={cx(css.name, row.inner && css.innerName)} title={name}>
        {name}
      </span>
    );
  return (
    <span className={cx(css.name, css.folded)} title={name}>
      <IconChevronRight size={16} stroke={1.5} aria-hidden className={css.fold} />
      {name}
    </span>
  );
}

function versionCell(row: ListRow): ReactNode {
  const { model, family } = row;
  if (family !== null)
    return <span className={css.strong}>{t('models.family.versions', { count: family.length })}</span>;
  return (
    <>
      <span className={css.strong}>v{model.seq}</span>
      {model.label !== null && <span className={css.dim}>, {model.label}</span>}
      {model.is_sample && <span className={css.dim}> {t('models.sample')}</span>}
    </>
  );
}

function formatCell(row: ListRow): ReactNode {
  const text = valuesOf(row, formatOrProvider).join(' · ');
  return <span title={text}>{text}</span>;
}

function validationCell(row: ListRow): ReactNode {
  if (row.family !== null) {
    const current = row.family.filter((model) => model.is_validation_current).length;
    return (
      <span className={css.dim}>{t('models.family.current', { current, count: row.family.length })}</span>
    );
  }
  return (
    <span title={row.model.validation_error?.message}>
      <StateMark axis="validation" state={validationState(row.model)} size={12} />
    </span>
  );
}

function loadedCell(row: ListRow): ReactNode {
  const slots = [...new Set(modelsOf(row).flatMap((model) => model.loaded_in))].join(', ');
  if (slots === '')
    return row.model.hosting === 'cloud' ? (
      <span className={css.dim}>{t('models.atProvider')}</span>
    ) : (
      <Dash />
    );
  return (
    <span className={css.strong} title={slots}>
      {slots}
    </span>
  );
}

function tagsCell(row: ListRow): ReactNode {
  const tags = [...new Set(modelsOf(row).flatMap((model) => model.tags))].join(', ');
  return tags === '' ? <Dash /> : <span title={tags}>{tags}</span>;
}

function usedCell(row: ListRow): ReactNode {
  const at = latest(row, (model) => model.usage_summary.last_used_at);
  return at === null ? <span className={css.dim}>{t('models.never')}</span> : <Time at={at} as="ago" />;
}
