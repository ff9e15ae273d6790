import { SegmentedControl } from '@mantine/core';
import { useEffect, useMemo, useState, type ReactNode } from 'react';
import { useSearchParams } from 'wouter';
import { navigate } from 'wouter/use-browser-location';
import type { Model } from '../../../shared/contract/index.ts';
import { openDialog } from '../../app/dialogs.ts';
import { toastDone } from '../../app/toasts.ts';
import { useChosenColumns } from '../../data/columns.ts';
import {
  allModels,
  modelQuery,
  moreModels,
  useModelList,
  useModels,
  type ModelPage,
  type ModelSort,
} from '../../data/models.ts';
import { queries } from '../../data/queries.ts';
import { useMay } from '../../data/session.ts';
import { copyText } from '../../parts/Copy.tsx';
import { DataTable, type Folding } from '../../parts/DataTable.tsx';
import { formatCount } from '../../parts/format.ts';
import { ListFrame } from '../../parts/ListFrame.tsx';
import { FilterInput, NotReadYet, ReadAgainFailed } from '../../parts/ObjectList.tsx';
import { PageHeader } from '../../parts/PageHeader.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { useHeld } from '../../parts/use-held.ts';
import { t } from '../../strings/text.ts';
import { runModelAction, verdictOf, type ModelAction } from './actions.ts';
import { BulkBar } from './BulkBar.tsx';
import { MODEL_COLUMNS, MODEL_LIST } from './columns.tsx';
import { fromSearch, parseFilter, toModelFilter, toSearch, VIEWS, type ListState } from './filter.ts';
import { groupedRows, modelsOf, plainRows, type ListRow } from './list-rows.ts';
import { ListTools } from './ListTools.tsx';
import { ModelPeek } from './ModelPeek.tsx';
import { matchCount, NothingListed } from './NothingListed.tsx';
import { RowMenu } from './RowMenu.tsx';
import { SavedViews } from './SavedViews.tsx';
import { modelTitle } from './words.ts';

const LETTERS: Record<string, readonly ModelAction[]> = {
  t: ['test'],
  v: ['validate'],
  a: ['activate', 'deactivate'],
  l: ['load'],
};

const NO_IDS: readonly string[] = [];
/** The agent is asked when typing pauses. */
const TYPING_MS = 120;

/** The list as it stands in the address; typing changes both. */
function useListState(): readonly [ListState, (change: Partial<ListState>) => void] {
  const [search, setSearch] = useSearchParams();
  const address = fromSearch(search);
  const [typed, setTyped] = useState(address.text);
  // What is typed may not be the canonical form of the same filter; the address decides only when it is another one.
  const same = fromSearch(toSearch({ ...address, text: typed })).text === address.text;
  const state = { ...address, text: same ? typed : address.text };
  const show = (change: Partial<ListState>): void => {
    const next = { ...state, ...change };
    setTyped(next.text);
    setSearch(toSearch(next), { replace: true });
  };
  return [state, show];
}

/** Every managed model, one row each; or one row a name. */
export default function ModelsPage(): ReactNode {
  const [state, show] = useListState();
  const { text, view, sort, grouped } = state;
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [active, setActive] = useState<Model | null>(null);
  const [peek, setPeek] = useState(false);
  const [menu, setMenu] = useState<{ model: Model; at: { x: number; y: number } } | null>(null);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const canChange = useMay('admin');

  const settled = useSettled(text);
  const filter = toModelFilter(parseFilter(settled), { view, sort, grouped });
  const list = useModelList(filter);
  const question = JSON.stringify(filter);
  const { shown, arrived, hold, apply } = useHeld(list.data?.ids ?? NO_IDS, question);
  const models = useModels(shown);
  const rows = useMemo(
    () => (grouped ? groupedRows(models, open) : plainRows(models)),
    [grouped, models, open],
  );
  const matching = list.data === undefined ? 0 : matchCount(list.data.counts, filter);
  const isFiltered = text.trim() !== '' || view !== 'all';
  const isEmpty = list.data !== undefined && rows.length === 0 && !isFiltered;

  const selectAll = async (): Promise<void> => {
    const all = await allModels(filter);
    setSelected(new Set(all.map((model) => model.id)));
  };
  const folding: Folding<ListRow> = {
    open: (row) => (row.family === null ? null : open.has(row.model.name)),
    level: (row) => (row.inner ? 2 : 1),
    onFold: (row, unfold) => {
      const next = new Set(open);
      if (unfold) next.add(row.model.name);
      else next.delete(row.model.name);
      setOpen(next);
    },
  };
  return (
    <>
      <PageHeader
        title={t('models.title')}
        facts={list.data === undefined ? null : countWords(list.data.counts, matching, isFiltered)}
      >
        {!isEmpty && <FilterTools state={state} onShow={show} />}
        <ReasonButton variant="filled" changes onClick={() => openDialog({ kind: 'add-model' })}>
          {t('add.title')}
        </ReasonButton>
      </PageHeader>
      {!isEmpty && list.data !== undefined && (
        <ListTools
          state={state}
          counts={list.data.counts}
          matching={matching}
          filter={filter}
          onShow={show}
        />
      )}
      <ReadAgainFailed list={list} />
      <ListFrame
        arrived={arrived}
        onArrived={apply}
        peeks={peek}
        peek={active !== null && <ModelPeek modelId={active.id} onClose={() => setPeek(false)} />}
        onClosePeek={() => setPeek(false)}
      >
        {list.data === undefined ? (
          <NotReadYet list={list} alert />
        ) : rows.length === 0 ? (
          <NothingListed state={state} onShow={show} />
        ) : (
          <ModelTable
            state={state}
            rows={rows}
            matching={matching}
            folding={folding}
            {...(canChange ? { selected, onSelect: setSelected } : {})}
            onShow={show}
            onActive={setActive}
            onPeek={(model) => {
              setActive(model);
              setPeek((before) => !before);
            }}
            onMenu={(model, at) => setMenu({ model, at })}
            onNearEnd={() => void moreModels(filter)}
            onHold={hold}
          />
        )}
      </ListFrame>
      <BulkBar
        selected={selected}
        shown={new Set(shown)}
        filter={filter}
        more={hasMore(list.data) ? matching : null}
        onSelect={setSelected}
        onSelectAll={selectAll}
      />
      {menu !== null && <RowMenu modelId={menu.model.id} at={menu.at} onClose={() => setMenu(null)} />}
    </>
  );
}

/** Whether more match than were read. Pure. */
function hasMore(page: ModelPage | undefined): boolean {
  return page !== undefined && page.next !== null;
}

function FilterTools({
  state,
  onShow,
}: {
  readonly state: ListState;
  readonly onShow: (change: Partial<ListState>) => void;
}): ReactNode {
  return (
    <>
      <FilterInput
        label={t('models.filterLabel')}
        placeholder={t('models.filter')}
        text={state.text}
        onText={(text) => onShow({ text })}
      />
      <SegmentedControl
        aria-label={t('models.views')}
        value={state.view}
        onChange={(view) => onShow({ view })}
        data={VIEWS.map((value) => ({ value, label: t(`models.view.${value}`) }))}
      />
      <SavedViews state={state} onShow={onShow} />
    </>
  );
}

interface ModelTableProps {
  readonly state: ListState;
  readonly rows: readonly ListRow[];
  readonly matching: number;
  readonly folding: Folding<ListRow>;
  readonly selected?: ReadonlySet<string>;
  readonly onSelect?: (selected: ReadonlySet<string>) => void;
  readonly onShow: (change: Partial<ListState>) => void;
  readonly onActive: (model: Model) => void;
  readonly onPeek: (model: Model) => void;
  readonly onMenu: (model: Model, at: { x: number; y: number }) => void;
  readonly onNearEnd: () => void;
  readonly onHold: (held: boolean) => void;
}

function ModelTable({
  state: { grouped, sort },
  matching,
  folding,
  onShow,
  onActive,
  onPeek,
  onMenu,
  ...rest
}: ModelTableProps): ReactNode {
  const chosen = useChosenColumns(MODEL_LIST);
  return (
    <DataTable
      {...rest}
      label={t('models.title')}
      rowId={(row) => row.id}
      rowName={(row) => (row.family === null ? modelTitle(row.model) : row.model.name)}
      columns={MODEL_COLUMNS}
      chosen={chosen}
      folding={grouped ? folding : undefined}
      selects={(row) => modelsOf(row).map((model) => model.id)}
      total={grouped ? null : matching + 1}
      sort={grouped ? 'name' : sort}
      onSort={(value) =>
        onShow({ sort: value as ModelSort, ...(value === 'name' ? {} : { grouped: false }) })
      }
      onOpen={(row) => {
        if (row.family === null) navigate(`/models/${row.model.id}`);
        else folding.onFold(row, folding.open(row) !== true);
      }}
      onActive={(row) => onActive(row.model)}
      onPeek={(row) => onPeek(row.model)}
      onMenu={({ model }, at) => {
        queries.refresh(modelQuery(model.id).key);
        onMenu(model, at);
      }}
      onCopy={({ model }, form) => {
        const value = form === 'id' ? model.id : `modelops models show ${model.id}`;
        void copyText(value).then(() => toastDone(t('palette.copied', { command: value })));
      }}
      onLetter={(letter, row) => row.family === null && actByLetter(letter, row.model)}
    />
  );
}

/** What is typed, once it stands still. An empty text and the first one are taken at once. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), text === '' ? 0 : TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

function countWords(counts: ModelPage['counts'], matching: number, filtered: boolean): string {
  if (filtered) return t('models.count', { count: matching });
  const active = counts.active ?? 0;
  return active === 0
    ? t('models.count', { count: matching })
    : t('models.countActive', { count: matching, active: formatCount(active) });
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
