import { Kbd, Menu, TextInput } from '@mantine/core';
import { useCallback, useState, type ComponentType, type ReactNode } from 'react';
import { navigate } from 'wouter/use-browser-location';
import { toastDone } from '../app/toasts.ts';
import type { List } from '../data/lists.ts';
import { useNow } from '../data/now.ts';
import type { QueryState } from '../data/queries.ts';
import { t } from '../strings/text.ts';
import { copyText } from './Copy.tsx';
import { DataTable, type Column } from './DataTable.tsx';
import { ErrorStrip, Refusal } from './ErrorStrip.tsx';
import { formatTime } from './format.ts';
import { ListFrame, Peek } from './ListFrame.tsx';
import { Pending } from './Pending.tsx';
import { ReasonButton } from './ReasonButton.tsx';
import { useHeld } from './use-held.ts';
import css from './ObjectList.module.css';

export interface ObjectListProps<R extends { readonly id: string }> {
  readonly label: string;
  readonly list: QueryState<List<R>> & { readonly refresh: () => void };
  /** The rows to show; those of the list unless the page filters. */
  readonly rows: readonly R[];
  readonly columns: readonly Column<R>[];
  readonly nameOf: (row: R) => string;
  /** The page of a row. */
  readonly pathOf: (row: R) => string;
  /** The command that shows a row; `Shift C` copies it. */
  readonly cliOf: (row: R) => string;
  /** What is said instead of a table without rows. */
  readonly nothing: ReactNode;
  /** What the rows answer; another question is shown at once. */
  readonly question: string;
  readonly onMore?: () => void;
  /** The summary of the row under the cursor. */
  readonly peek: ComponentType<{ readonly of: R }>;
  /** Items of the row menu, after "open". */
  readonly items: ComponentType<{ readonly of: R }>;
}

/** A list of objects with a page each: rows, peek, row menu, and what to say when there is none. */
export function ObjectList<R extends { readonly id: string }>(props: ObjectListProps<R>): ReactNode {
  const { list, rows, nameOf, pathOf, cliOf } = props;
  const [activeId, setActiveId] = useState<string | null>(null);
  const [peek, setPeek] = useState(false);
  const [menu, setMenu] = useState<{ readonly id: string; readonly x: number; readonly y: number } | null>(
    null,
  );
  const shown = useHeldRows(rows, props.question);
  const active = rows.find((row) => row.id === activeId);
  const menuRow = rows.find((row) => row.id === menu?.id);
  return (
    <>
      <ReadAgainFailed list={list} />
      <ListFrame
        arrived={shown.arrived}
        onArrived={shown.apply}
        peeks={peek}
        peek={
          active !== undefined && (
            <Peek
              label={t('access.peek', { name: nameOf(active) })}
              title={nameOf(active)}
              path={pathOf(active)}
              openLabel={t('access.openPage')}
              onClose={() => setPeek(false)}
            >
              <div className={css.body}>
                <props.peek of={active} />
              </div>
            </Peek>
          )
        }
        onClosePeek={() => setPeek(false)}
      >
        {list.data === undefined ? (
          <NotReadYet list={list} />
        ) : rows.length === 0 ? (
          props.nothing
        ) : (
          <DataTable
            label={props.label}
            rows={shown.rows}
            rowId={(row) => row.id}
            rowName={nameOf}
            columns={props.columns}
            onOpen={(row) => navigate(pathOf(row))}
            onActive={(row) => setActiveId(row.id)}
            onPeek={(row) => {
              setActiveId(row.id);
              setPeek((before) => !before);
            }}
            onMenu={(row, at) => setMenu({ id: row.id, ...at })}
            onCopy={(row, form) => copied(form === 'id' ? row.id : cliOf(row))}
            {...(props.onMore === undefined ? {} : { onNearEnd: props.onMore })}
            onHold={shown.hold}
          />
        )}
      </ListFrame>
      {menu !== null && menuRow !== undefined && (
        <Menu opened onClose={() => setMenu(null)} position="bottom-start" width={240}>
          <Menu.Target>
            <span className={css.target} style={{ left: menu.x, top: menu.y }} />
          </Menu.Target>
          <Menu.Dropdown aria-label={t('models.menu', { model: nameOf(menuRow) })}>
            <Menu.Label>{nameOf(menuRow)}</Menu.Label>
            <Menu.Item onClick={() => navigate(pathOf(menuRow))}>{t('access.openPage')}</Menu.Item>
            <props.items of={menuRow} />
            <Menu.Divider />
            <Menu.Item onClick={() => copied(menuRow.id)}>
              {t('action.copyOf', { what: t('what.id') })}
            </Menu.Item>
            <Menu.Item onClick={() => copied(cliOf(menuRow))}>
              {t('action.copyOf', { what: t('what.command') })}
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      )}
    </>
  );
}

function copied(value: string): void {
  void copyText(value).then(() => toastDone(t('palette.copied', { command: value })));
}

/** Rows that do not move under the cursor: their contents are of now, their order and number of before. */
function useHeldRows<R extends { readonly id: string }>(
  rows: readonly R[],
  question: string,
): {
  readonly rows: readonly R[];
  readonly arrived: number;
  readonly hold: (held: boolean) => void;
  readonly apply: () => void;
} {
  const [ids, setIds] = useState<readonly string[]>([]);
  if (ids.length !== rows.length || rows.some((row, index) => row.id !== ids[index]))
    setIds(rows.map((row) => row.id));
  const { shown, arrived, hold, apply } = useHeld(ids, question);
  const byId = new Map(rows.map((row) => [row.id, row]));
  return { rows: shown.flatMap((id) => byId.get(id) ?? []), arrived, hold, apply };
}

/** The field that filters a list; `/` goes there. */
export function FilterInput({
  label,
  placeholder = label,
  text,
  onText,
}: {
  readonly label: string;
  readonly placeholder?: string;
  readonly text: string;
  readonly onText: (text: string) => void;
}): ReactNode {
  return (
    <TextInput
      className={css.filter ?? ''}
      data-filter=""
      type="search"
      aria-label={label}
      title={label}
      placeholder={placeholder}
      rightSection={<Kbd>/</Kbd>}
      value={text}
      onChange={(event) => onText(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && text !== '') {
          event.stopPropagation();
          onText('');
        }
        if (event.key === 'ArrowDown' || event.key === 'Enter')
          document.querySelector<HTMLElement>('[role="row"][tabindex="0"]')?.focus();
      }}
    />
  );
}

interface Refreshable {
  readonly data: unknown;
  readonly error: QueryState<unknown>['error'];
  readonly at: number | null;
  readonly refresh: () => void;
}

function RetryButton({ list }: { readonly list: Refreshable }): ReactNode {
  return (
    <ReasonButton size="xs" onClick={list.refresh}>
      {t('action.retry')}
    </ReasonButton>
  );
}

/** The last good answer stays; this says how old it is. */
export function ReadAgainFailed({ list }: { readonly list: Refreshable }): ReactNode {
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

/** Placeholder lines, or why it could not be read. */
export function NotReadYet({
  list,
  rows = 12,
  alert = false,
}: {
  readonly list: Refreshable;
  readonly rows?: number;
  /** Announced at once. */
  readonly alert?: boolean;
}): ReactNode {
  if (list.error === null) return <Pending rows={rows} />;
  return (
    <div className={css.refusal}>
      <Refusal error={list.error} alert={alert} actions={<RetryButton list={list} />} />
    </div>
  );
}

/** A filter text, and whether a row matches it: every word somewhere. */
export function useTextFilter(): {
  readonly text: string;
  readonly setText: (text: string) => void;
  readonly matches: (...parts: readonly (string | null)[]) => boolean;
} {
  const [text, setText] = useState(() => new URLSearchParams(location.search).get('q') ?? '');
  const show = useCallback((next: string) => {
    setText(next);
    const search = new URLSearchParams(location.search);
    if (next === '') search.delete('q');
    else search.set('q', next);
    const query = search.toString();
    navigate(`${location.pathname}${query === '' ? '' : `?${query}`}`, { replace: true });
  }, []);
  const words = text.trim().toLowerCase().split(/\s+/);
  const matches = (...parts: readonly (string | null)[]): boolean => {
    const all = parts.join(' ').toLowerCase();
    return words.every((word) => all.includes(word));
  };
  return { text, setText: show, matches };
}
