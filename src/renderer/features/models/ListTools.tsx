import { Menu } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { MODEL_SORTS, type Model } from '../../../shared/contract/index.ts';
import { LIFECYCLE_STATES } from '../../../shared/lifecycle/states.ts';
import { toastDone, toastError } from '../../app/toasts.ts';
import { asAppError } from '../../data/api.ts';
import { chooseColumns, useChosenColumns } from '../../data/columns.ts';
import { allModels, type ModelFilter, type ModelPage, type ModelSort } from '../../data/models.ts';
import { saveBlob, toCsv } from '../../data/save-file.ts';
import { cx } from '../../parts/cx.ts';
import { formatCount } from '../../parts/format.ts';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import { MODEL_COLUMNS, MODEL_LIST } from './columns.tsx';
import { parseFilter, toggleToken, type ListState } from './filter.ts';
import { validationState } from './words.ts';
import css from './ListTools.module.css';

export interface ListToolsProps {
  readonly state: ListState;
  /** Of all that match but for the state. */
  readonly counts: ModelPage['counts'];
  readonly matching: number;
  readonly filter: ModelFilter;
  readonly onShow: (change: Partial<ListState>) => void;
}

/** Under the header: how many there are of each state, how the list is shown, and what is listed as a file. */
export function ListTools(props: ListToolsProps): ReactNode {
  return (
    <div className={css.tools}>
      <Counts {...props} />
      <div className={css.right}>
        <Display {...props} />
        <ExportCsv {...props} />
      </div>
    </div>
  );
}

/** Each state with its number; pressed, it is the filter. */
function Counts({ state, counts, onShow }: ListToolsProps): ReactNode {
  const wanted = parseFilter(state.text).values.state ?? [];
  const shown = LIFECYCLE_STATES.filter((one) => (counts[one] ?? 0) > 0 || wanted.includes(one));
  return (
    <ul className={css.counts} aria-label={t('models.counts')}>
      {shown.map((one) => (
        <li key={one}>
          <button
            type="button"
            className={cx(css.count, wanted.includes(one) && css.pressed)}
            aria-pressed={wanted.includes(one)}
            onClick={() => onShow({ text: toggleToken(state.text, 'state', one) })}
          >
            <StateMark axis="lifecycle" state={one} size={12} plain>
              {t(`lifecycle.${one}`)}
            </StateMark>
            <span className={css.number}>{formatCount(counts[one] ?? 0)}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

/** Order, grouping and columns. */
function Display({ state, onShow }: ListToolsProps): ReactNode {
  const chosen = useChosenColumns(MODEL_LIST);
  const all = MODEL_COLUMNS.map((column) => column.id);
  return (
    <Menu width={220} closeOnItemClick={false}>
      <Menu.Target>
        <ReasonButton size="xs" variant="subtle">
          {t('models.display')}
        </ReasonButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t('models.sortBy')}</Menu.Label>
        <Menu.RadioGroup
          value={state.grouped ? 'name' : state.sort}
          onChange={(value) =>
            onShow({ sort: value as ModelSort, ...(value === 'name' ? {} : { grouped: false }) })
          }
        >
          {MODEL_SORTS.map((sort) => (
            <Menu.RadioItem key={sort} value={sort}>
              {t(`models.sort.${sort}`)}
            </Menu.RadioItem>
          ))}
        </Menu.RadioGroup>
        <Menu.Divider />
        <Menu.CheckboxItem
          checked={state.grouped}
          onChange={(grouped) => onShow({ grouped, ...(grouped ? { sort: 'name' as const } : {}) })}
        >
          {t('models.group')}
        </Menu.CheckboxItem>
        <Menu.Divider />
        <Menu.Label>{t('models.columns')}</Menu.Label>
        <Menu.CheckboxItem
          checked={chosen === null}
          onChange={(fit) => chooseColumns(MODEL_LIST, fit ? null : all)}
        >
          {t('models.columnsFit')}
        </Menu.CheckboxItem>
        {MODEL_COLUMNS.filter((column) => column.id !== 'name').map((column) => (
          <Menu.CheckboxItem
            key={column.id}
            checked={chosen === null ? true : chosen.includes(column.id)}
            onChange={(shown) =>
              chooseColumns(
                MODEL_LIST,
                all.filter((id) => (id === column.id ? shown : (chosen ?? all).includes(id))),
              )
            }
          >
            {column.head}
          </Menu.CheckboxItem>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

/** Everything that matches, not only what was scrolled to. */
function ExportCsv({ filter, matching }: ListToolsProps): ReactNode {
  const [read, setRead] = useState<number | null>(null);
  const save = async (): Promise<void> => {
    setRead(0);
    try {
      const models = await allModels(filter, { onProgress: setRead });
      const name = `models-${new Date().toISOString().slice(0, 10)}.csv`;
      saveBlob(name, new Blob([modelsCsv(models)], { type: 'text/csv;charset=utf-8' }));
      toastDone(t('models.exported', { count: models.length, file: name }));
    } catch (thrown) {
      toastError(asAppError(thrown));
    } finally {
      setRead(null);
    }
  };
  return (
    <ReasonButton
      size="xs"
      variant="subtle"
      reason={matching === 0 ? t('models.exportNothing') : null}
      busy={read !== null}
      busyLabel={t('models.exporting', { count: formatCount(read ?? 0) })}
      onClick={() => void save()}
    >
      {t('models.export')}
    </ReasonButton>
  );
}

const CSV: readonly (readonly [head: string, value: (model: Model) => string | number | null])[] = [
  ['id', (model) => model.id],
  ['name', (model) => model.name],
  ['version', (model) => model.seq],
  ['label', (model) => model.label],
  ['lifecycle_state', (model) => model.lifecycle_state],
  ['task_key', (model) => model.task_key],
  ['hosting', (model) => model.hosting],
  ['provider', (model) => model.provider],
  ['provider_model_id', (model) => model.provider_model_id],
  ['format', (model) => model.format],
  ['quantization', (model) => model.quantization],
  ['size_bytes', (model) => model.artifact?.size_bytes ?? null],
  ['validation', validationState],
  ['loaded_in', (model) => model.loaded_in.join(' ')],
  ['visibility_scope', (model) => model.visibility_scope],
  ['tags', (model) => model.tags.join(', ')],
  ['calls', (model) => model.usage_summary.total.calls],
  ['last_used_at', (model) => model.usage_summary.last_used_at],
  ['created_at', (model) => model.created_at],
  ['updated_at', (model) => model.updated_at],
  ['global_model_id', (model) => model.global_model_id],
];

/** The fields as the API names them. Pure. */
function modelsCsv(models: readonly Model[]): string {
  return toCsv(
    CSV.map(([head]) => head),
    models.map((model) => CSV.map(([, value]) => value(model))),
  );
}
