import { TextInput, Kbd, SegmentedControl } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { useSearchParams } from 'wouter';
import { navigate } from 'wouter/use-browser-location';
import type { Model } from '../../../shared/contract/index.ts';
import { openDialog } from '../../app/dialogs.ts';
import { toastDone } from '../../app/toasts.ts';
import { modelQuery, moreModels, useModelList, useModels } from '../../data/models.ts';
import { useNow } from '../../data/now.ts';
import { queries } from '../../data/queries.ts';
import { useMay } from '../../data/session.ts';
import { copyText } from '../../parts/Copy.tsx';
import { DataTable } from '../../parts/DataTable.tsx';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { ErrorStrip, Refusal } from '../../parts/ErrorStrip.tsx';
import { formatCount, formatTime } from '../../parts/format.ts';
import { PageHeader } from '../../parts/PageHeader.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import { runModelAction, verdictOf, type ModelAction } from './actions.ts';
import { BulkBar } from './BulkBar.tsx';
import { MODEL_COLUMNS } from './columns.tsx';
import { fromSearch, parseFilter, toModelFilter, toSearch, VIEWS, type View } from './filter.ts';
import { ModelPeek } from './ModelPeek.tsx';
import { RowMenu } from './RowMenu.tsx';
import { SampleButton } from '../add-model/SampleButton.tsx';
import { useHeld } from '../../parts/use-held.ts';
import { modelTitle } from './words.ts';
import css from './ModelsPage.module.css';

const LETTERS: Record<string, readonly ModelAction[]> = {
  t: ['test'],
  v: ['validate'],
  a: ['activate', 'deactivate'],
  l: ['load'],
};

const NO_IDS: readonly string[] = [];

/** The filter as it stands in the address; typing changes both. */
function useFilter(): {
  text: string;
  view: View;
  sort: 'name' | 'created';
  show: (text: string, view?: View, sort?: 'name' | 'created') => void;
} {
  const [search, setSearch] = useSearchParams();
  const address = fromSearch(search);
  const [typed, setTyped] = useState(address.text);
  // What is typed may not be the canonical form of the same filter; the address decides only when it is another one.
  const same = fromSearch(toSearch(typed, address.view, address.sort)).text === address.text;
  const { view, sort } = address;
  const show = (next: string, nextView: View = view, nextSort: 'name' | 'created' = sort): void => {
    setTyped(next);
    setSearch(toSearch(next, nextView, nextSort), { replace: true });
  };
  return { text: same ? typed : address.text, view, sort, show };
}

/** Every managed model, one row each. */
export default function ModelsPage(): ReactNode {
  const { text, view, sort, show } = useFilter();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [active, setActive] = useState<Model | null>(null);
  const [peek, setPeek] = useState(false);
  const [menu, setMenu] = useState<{ model: Model; at: { x: number; y: number } } | null>(null);
  const canAdd = useMay('superadmin');
  const canChange = useMay('admin');

  const filter = toModelFilter(parseFilter(text), view, sort);
  const list = useModelList(filter);
  const { shown, arrived, hold, apply } = useHeld(list.data?.ids ?? NO_IDS, JSON.stringify({ filter, view }));
  const rows = useModels(shown).filter((model) => view !== 'attention' || needsAttention(model));
  const total = Object.values(list.data?.counts ?? {}).reduce((sum, count) => sum + count, 0);

  const isFiltered = text.trim() !== '' || view !== 'all';
  return (
    <>
      <PageHeader
        title={t('models.title')}
        facts={list.data === undefined ? null : countWords(list.data.counts, rows.length, isFiltered)}
      >
        {(total > 0 || isFiltered) && (
          <>
            <FilterInput text={text} onShow={show} />
            <SegmentedControl
              aria-label={t('models.views')}
              value={view}
              onChange={(value) => show(text, value)}
              data={VIEWS.map((value) => ({ value, label: t(`models.view.${value}`) }))}
            />
          </>
        )}
        {canAdd && (
          <ReasonButton variant="filled" changes onClick={() => openDialog({ kind: 'add-model' })}>
            {t('add.title')}
          </ReasonButton>
        )}
      </PageHeader>
      <ReadAgainFailed list={list} />
      {/* oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- Esc closes the topmost layer wherever the focus is: the peek before the selection */}
      <div
        className={css.content}
        onKeyDownCapture={(event) => {
          if (event.key !== 'Escape' || !peek) return;
          event.stopPropagation();
          setPeek(false);
        }}
      >
        <div className={css.list}>
          {list.data === undefined ? (
            <NotReadYet list={list} />
          ) : rows.length === 0 ? (
            <Nothing filter={text.trim()} view={view} onShow={show} />
          ) : (
            <DataTable
              label={t('models.title')}
              rows={rows}
              rowId={(model) => model.id}
              rowName={modelTitle}
              columns={MODEL_COLUMNS}
              total={isFiltered ? null : total + 1}
              sort={sort}
              onSort={(value) => show(text, view, value === 'created' ? 'created' : 'name')}
              {...(canChange ? { selected, onSelect: setSelected } : {})}
              onOpen={(model) => navigate(`/models/${model.id}`)}
              onActive={setActive}
              onPeek={(model) => {
                setActive(model);
                setPeek((before) => !before);
              }}
              onMenu={(model, at) => {
                queries.refresh(modelQuery(model.id).key);
                setMenu({ model, at });
              }}
              onCopy={(model, form) => {
                const value = form === 'id' ? model.id : `modelops models show ${model.id}`;
                void copyText(value).then(() => toastDone(t('palette.copied', { command: value })));
              }}
              onLetter={(letter, model) => actByLetter(letter, model)}
              onNearEnd={() => moreModels(filter)}
              onHold={hold}
            />
          )}
          {arrived > 0 && (
            <button type="button" className={css.arrived} onClick={apply}>
              {t('list.arrived', { count: arrived })}
            </button>
          )}
        </div>
        {peek && active !== null && <ModelPeek modelId={active.id} onClose={() => setPeek(false)} />}
      </div>
      {selected.size > 0 && (
        <BulkBar selected={selected} shown={new Set(rows.map((model) => model.id))} onSelect={setSelected} />
      )}
      {menu !== null && <RowMenu modelId={menu.model.id} at={menu.at} onClose={() => setMenu(null)} />}
    </>
  );
}

type List = ReturnType<typeof useModelList>;

function FilterInput({
  text,
  onShow,
}: {
  readonly text: string;
  readonly onShow: (text: string) => void;
}): ReactNode {
  return (
    <TextInput
      className={css.filter}
      data-filter=""
      type="search"
      aria-label={t('models.filterLabel')}
      title={t('models.filterLabel')}
      placeholder={t('models.filter')}
      rightSection={<Kbd>/</Kbd>}
      value={text}
      onChange={(event) => onShow(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && text !== '') {
          event.stopPropagation();
          onShow('');
        }
        if (event.key === 'ArrowDown' || event.key === 'Enter')
          document.querySelector<HTMLElement>('[role="row"][tabindex="0"]')?.focus();
      }}
    />
  );
}

function RetryButton({ list }: { readonly list: List }): ReactNode {
  return (
    <ReasonButton size="xs" onClick={list.refresh}>
      {t('action.retry')}
    </ReasonButton>
  );
}

/** The last good list stays; this says how old it is. */
function ReadAgainFailed({ list }: { readonly list: List }): ReactNode {
  const now = useNow(60_000);
  if (list.error === null || list.data === undefined) return null;
  return (
    <ErrorStrip
      flush
      tone="warn"
      sentence={t('list.failedAgain', { time: formatTime(new Date(list.at ?? 0).toISOString(), now) })}
      hint={list.error.message}
      actions={<RetryButton list={list} />}
    />
  );
}

function NotReadYet({ list }: { readonly list: List }): ReactNode {
  if (list.error === null) return <Pending rows={12} />;
  return (
    <div className={css.refusal}>
      <Refusal error={list.error} actions={<RetryButton list={list} />} />
    </div>
  );
}

/** What stands against serving it, now or soon. Pure. */
function needsAttention(model: Model): boolean {
  return (
    model.validation_error !== null ||
    (model.artifact !== null && model.artifact.artifact_status !== 'ready') ||
    (model.lifecycle_state === 'active' && model.hosting === 'local' && model.loaded_in.length === 0)
  );
}

function countWords(counts: Partial<Record<string, number>>, shown: number, filtered: boolean): string {
  const total = Object.values(counts).reduce<number>((sum, count) => sum + (count ?? 0), 0);
  if (filtered) return t('models.count', { count: shown });
  const active = counts['active'] ?? 0;
  return active === 0
    ? t('models.count', { count: total })
    : t('models.countActive', { count: total, active: formatCount(active) });
}

/** A letter opens what the button would; refused, it opens the page where the reason stands. */
function actByLetter(letter: string, model: Model): boolean {
  const actions = LETTERS[letter];
  if (actions === undefined) return false;
  void queries.fetch(modelQuery(model.id)).then((detail) => {
    const action = actions.find((one) => verdictOf(detail, one).ok);
    if (action === undefined) navigate(`/models/${model.id}`);
    else runModelAction(detail, action);
  });
  return true;
}

function Nothing({
  filter,
  view,
  onShow,
}: {
  readonly filter: string;
  readonly view: View;
  readonly onShow: (text: string, view?: View) => void;
}): ReactNode {
  const canAdd = useMay('superadmin');
  const { tokens } = parseFilter(filter);
  if (filter === '' && view === 'all')
    return (
      <EmptyState
        actions={
          canAdd && (
            <>
              <ReasonButton variant="filled" changes onClick={() => openDialog({ kind: 'add-model' })}>
                {t('add.title')}
              </ReasonButton>
              <SampleButton />
            </>
          )
        }
      >
        {t('models.empty')}
        <br />
        {canAdd && t('models.emptySample')}
      </EmptyState>
    );
  const words = [...(view === 'all' ? [] : [t(`models.view.${view}`)]), ...tokens].join(', ');
  return (
    <EmptyState
      actions={
        <>
          {tokens.length > 1 &&
            tokens.map((token) => (
              <ReasonButton
                key={token}
                onClick={() => onShow(tokens.filter((one) => one !== token).join(' '))}
              >
                {t('models.without', { token })}
              </ReasonButton>
            ))}
          <ReasonButton onClick={() => onShow('', 'all')}>{t('models.clear')}</ReasonButton>
        </>
      }
    >
      {t('models.noMatch', { filter: words })}
    </EmptyState>
  );
}
