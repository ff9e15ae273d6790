import { Checkbox } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import {
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
  type KeyboardEvent,
  type MouseEvent,
  type ReactNode,
} from 'react';
import { t } from '../strings/text.ts';
import { cx } from './cx.ts';
import { takeTableKey, type TableKeys } from './table-keys.ts';
import css from './DataTable.module.css';

export interface Column<R> {
  readonly id: string;
  readonly head: string;
  /** A track of a CSS grid: `minmax(160px, 1fr)`, `96px`. */
  readonly track: string;
  readonly cell: (row: R) => ReactNode;
  readonly align?: 'end';
  /** The name under which the agent sorts by it. */
  readonly sort?: string;
  /** The agent gives the newest first. */
  readonly descending?: boolean;
  /** Left out while the table is narrower than this many pixels. */
  readonly from?: number;
}

/** Rows that hold others, folded or not. */
export interface Folding<R> {
  /** Null for a row that holds none. */
  readonly open: (row: R) => boolean | null;
  /** 1, and 2 for a row in another. */
  readonly level: (row: R) => number;
  readonly onFold: (row: R, open: boolean) => void;
}

export interface DataTableProps<R> {
  readonly label: string;
  readonly rows: readonly R[];
  readonly rowId: (row: R) => string;
  readonly rowName: (row: R) => string;
  readonly columns: readonly Column<R>[];
  /** Ids of the columns a person chose: shown however narrow the table is, which then scrolls sideways. */
  readonly chosen?: readonly string[] | null;
  /** What selecting a row selects, where it stands for others; its own id otherwise. */
  readonly selects?: (row: R) => readonly string[];
  readonly folding?: Folding<R> | undefined;
  /** All that match, when more exist than are here. */
  readonly total?: number | null;
  readonly sort?: string;
  readonly onSort?: (sort: string) => void;
  readonly selected?: ReadonlySet<string>;
  readonly onSelect?: (selected: ReadonlySet<string>) => void;
  readonly onOpen: (row: R) => void;
  /** The row under the cursor; its summary stands beside the list while `peek` is on. */
  readonly onActive?: (row: R) => void;
  readonly onPeek?: (row: R) => void;
  /** The row menu, at the row or the pointer. */
  readonly onMenu?: (row: R, at: { x: number; y: number }) => void;
  /** `C` copies the id, `Shift C` the command. */
  readonly onCopy?: (row: R, form: 'id' | 'cli') => void;
  /** Other single letters, such as those of a model's actions. @returns whether it was one */
  readonly onLetter?: (letter: string, row: R) => boolean;
  /** Near the end of what is here. */
  readonly onNearEnd?: () => void;
  /** The pointer or the focus is in the list: nothing may move. */
  readonly onHold?: (held: boolean) => void;
  readonly rowHeight?: number;
}

const HEAD_HEIGHT = 28;
const NEAR_END = 0.6;

/** A list of rows that stays quick with ten thousand of them. Grid roles, one tab stop, full keyboard. */
export function DataTable<R>(props: DataTableProps<R>): ReactNode {
  const { rows, rowId, columns: all, chosen = null, rowHeight = 32, selected, onSelect, folding } = props;
  const idsOf = props.selects ?? ((row: R): readonly string[] => [rowId(row)]);
  const isSelectedRow = (row: R): boolean => {
    const ids = idsOf(row);
    return ids.length > 0 && ids.every((id) => selected?.has(id) === true);
  };
  const scroller = useRef<HTMLDivElement | null>(null);
  const [width, setWidth] = useState(0);
  const [activeId, setActiveId] = useState<string | null>(null);
  const anchor = useRef<number | null>(null);
  const held = useRef({ pointer: false, focus: false });

  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return undefined;
    const measure = (): void => setWidth(element.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const columns = all.filter((column) =>
    chosen === null
      ? column.from === undefined || width === 0 || width >= column.from
      : chosen.includes(column.id),
  );
  const minWidth = chosen === null ? undefined : leastWidth(columns);
  const template = [
    ...(onSelect === undefined ? [] : ['32px']),
    ...columns.map((column) => column.track),
  ].join(' ');
  // oxlint-disable-next-line react/incompatible-library -- the virtualizer draws again by itself; nothing here is memoised by a compiler
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    paddingStart: HEAD_HEIGHT,
    scrollPaddingStart: HEAD_HEIGHT,
  });
  const items = virtual.getVirtualItems();
  const lastShown = items.at(-1)?.index ?? 0;
  const { onNearEnd } = props;
  useEffect(() => {
    if (rows.length > 0 && lastShown >= rows.length * NEAR_END) onNearEnd?.();
  }, [lastShown, rows.length, onNearEnd]);

  const activeIndex = Math.max(
    0,
    rows.findIndex((row) => rowId(row) === activeId),
  );

  const hold = (part: 'pointer' | 'focus', value: boolean): void => {
    held.current[part] = value;
    props.onHold?.(held.current.pointer || held.current.focus);
  };

  const moveTo = (index: number): void => {
    const target = Math.max(0, Math.min(rows.length - 1, index));
    const row = rows[target];
    if (row === undefined) return;
    setActiveId(rowId(row));
    props.onActive?.(row);
    virtual.scrollToIndex(target);
    // The row may have to be drawn first.
    requestAnimationFrame(() =>
      scroller.current
        ?.querySelector<HTMLElement>(`[data-index="${target}"]`)
        ?.focus({ preventScroll: true }),
    );
  };

  const toggle = (index: number, extend: boolean): void => {
    const row = rows[index];
    if (row === undefined || onSelect === undefined) return;
    const next = new Set(selected);
    if (extend && anchor.current !== null) addRange(next, anchor.current, index);
    else {
      const had = isSelectedRow(row);
      for (const id of idsOf(row)) {
        if (had) next.delete(id);
        else next.add(id);
      }
      anchor.current = index;
    }
    onSelect(next);
  };

  const addRange = (into: Set<string>, from: number, to: number): void => {
    for (const row of rows.slice(Math.min(from, to), Math.max(from, to) + 1))
      for (const id of idsOf(row)) into.add(id);
  };

  const openMenu = (element: HTMLElement, row: R): boolean => {
    const box = element.getBoundingClientRect();
    props.onMenu?.(row, { x: box.left + 48, y: box.bottom });
    return props.onMenu !== undefined;
  };

  const keysFor = (element: HTMLElement): TableKeys => {
    const on = (index: number, act: (row: R) => boolean): boolean => {
      const row = rows[index];
      return row !== undefined && act(row);
    };
    return {
      count: rows.length,
      page: Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / rowHeight) - 2),
      moveTo,
      select:
        onSelect === undefined
          ? null
          : {
              toggle: (index) => toggle(index, false),
              extend: (from, to) => {
                anchor.current ??= from;
                const next = new Set(selected);
                addRange(next, anchor.current, to);
                onSelect(next);
              },
              all: () => onSelect(new Set(rows.flatMap(idsOf))),
              clear: () => {
                if (selected === undefined || selected.size === 0) return false;
                anchor.current = null;
                onSelect(new Set());
                return true;
              },
            },
      open: (index) =>
        void on(index, (row) => {
          props.onOpen(row);
          return true;
        }),
      fold: (index, open) =>
        on(index, (row) => {
          const is = folding?.open(row) ?? null;
          if (is === null || is === open) return false;
          folding?.onFold(row, open);
          return true;
        }),
      peek: (index) =>
        on(index, (row) => {
          props.onPeek?.(row);
          return props.onPeek !== undefined;
        }),
      menu: (index) => on(index, (row) => openMenu(element, row)),
      copy: (index, form) =>
        on(index, (row) => {
          props.onCopy?.(row, form);
          return props.onCopy !== undefined;
        }),
      letter: (letter, index) => on(index, (row) => props.onLetter?.(letter, row) ?? false),
    };
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    const target = event.target as HTMLElement;
    if (target.closest('[role="row"]') !== target || target.dataset['index'] === undefined) return;
    if (!takeTableKey(event, Number(target.dataset['index']), keysFor(target))) return;
    event.preventDefault();
    event.stopPropagation();
  };

  const shownSelected = selected === undefined || selected.size === 0 ? 0 : rows.filter(isSelectedRow).length;

  return (
    // oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- the grid itself takes the keys of its rows
    <div
      ref={scroller}
      role={folding === undefined ? 'grid' : 'treegrid'}
      aria-label={props.label}
      aria-rowcount={props.total ?? rows.length + 1}
      aria-colcount={columns.length + (onSelect === undefined ? 0 : 1)}
      aria-multiselectable={onSelect !== undefined}
      tabIndex={-1}
      className={css.grid}
      onKeyDown={onKeyDown}
      onPointerEnter={() => hold('pointer', true)}
      onPointerLeave={() => hold('pointer', false)}
      onFocus={() => hold('focus', true)}
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) hold('focus', false);
      }}
    >
      <div role="rowgroup" className={css.head}>
        <div
          role="row"
          aria-rowindex={1}
          className={css.headRow}
          style={{ gridTemplateColumns: template, minWidth }}
        >
          {onSelect !== undefined && (
            <div role="columnheader" className={css.select}>
              <Checkbox
                aria-label={t('list.selectAll')}
                tabIndex={-1}
                checked={rows.length > 0 && shownSelected === rows.length}
                indeterminate={shownSelected > 0 && shownSelected < rows.length}
                onChange={(event) =>
                  onSelect(event.currentTarget.checked ? new Set(rows.flatMap(idsOf)) : new Set())
                }
              />
            </div>
          )}
          {columns.map((column) => (
            <Head key={column.id} column={column} sort={props.sort} onSort={props.onSort} />
          ))}
        </div>
      </div>
      <div
        role="rowgroup"
        className={css.body}
        style={{ height: virtual.getTotalSize() - HEAD_HEIGHT, minWidth }}
      >
        {items.map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          const id = rowId(row);
          const isSelected = isSelectedRow(row);
          const isOpen = folding?.open(row) ?? null;
          return (
            // oxlint-disable-next-line jsx-a11y/click-events-have-key-events -- the grid takes the keys of its rows
            <div
              key={id}
              role="row"
              aria-rowindex={item.index + 2}
              aria-selected={onSelect === undefined ? undefined : isSelected}
              {...(folding === undefined ? {} : { 'aria-level': folding.level(row) })}
              {...(isOpen === null ? {} : { 'aria-expanded': isOpen })}
              data-index={item.index}
              data-row={id}
              tabIndex={item.index === activeIndex ? 0 : -1}
              className={cx(css.row, isSelected && css.selected, folding?.level(row) === 2 && css.inner)}
              style={{
                gridTemplateColumns: template,
                height: rowHeight,
                transform: `translateY(${item.start - HEAD_HEIGHT}px)`,
              }}
              onFocus={(event) => {
                if (event.target !== event.currentTarget) return;
                setActiveId(id);
                props.onActive?.(row);
              }}
              onClick={(event: MouseEvent) => {
                if ((event.target as HTMLElement).closest('a, button, input, label') !== null) return;
                if (event.shiftKey || event.ctrlKey || event.metaKey) toggle(item.index, event.shiftKey);
                else props.onOpen(row);
              }}
              onContextMenu={(event) => {
                if (props.onMenu === undefined) return;
                event.preventDefault();
                props.onMenu(row, { x: event.clientX, y: event.clientY });
              }}
            >
              {onSelect !== undefined && (
                <div role="gridcell" className={css.select}>
                  <Checkbox
                    tabIndex={-1}
                    aria-label={t('list.select', { name: props.rowName(row) })}
                    checked={isSelected}
                    onChange={() => undefined}
                    onClick={(event) => toggle(item.index, event.shiftKey)}
                  />
                </div>
              )}
              {columns.map((column) => (
                <div
                  key={column.id}
                  role="gridcell"
                  className={cx(css.cell, column.align === 'end' && css.end)}
                >
                  {column.cell(row)}
                </div>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}

const GAP = 16;
const PADDING = 32;
const SELECT_TRACK = 32;

/** What the tracks of columns need at least, in pixels: `minmax(160px, 1fr)` is 160. Pure. */
function leastWidth<R>(columns: readonly Column<R>[]): number {
  const tracks = columns.map((column) => Number(/(\d+)px/.exec(column.track)?.[1] ?? 80));
  return tracks.reduce((sum, track) => sum + track + GAP, SELECT_TRACK + PADDING);
}

function Head<R>({
  column,
  sort,
  onSort,
}: {
  readonly column: Column<R>;
  readonly sort: string | undefined;
  readonly onSort: ((sort: string) => void) | undefined;
}): ReactNode {
  const { sort: by } = column;
  const isSorted = by !== undefined && by === sort;
  return (
    <div
      role="columnheader"
      className={cx(css.cell, column.align === 'end' && css.end)}
      aria-sort={
        by === undefined
          ? undefined
          : isSorted
            ? column.descending === true
              ? 'descending'
              : 'ascending'
            : 'none'
      }
    >
      {by === undefined || onSort === undefined ? (
        column.head
      ) : (
        <button type="button" className={css.sort} onClick={() => onSort(by)}>
          {column.head}
          {isSorted && <span aria-hidden>{column.descending === true ? ' ↓' : ' ↑'}</span>}
        </button>
      )}
    </div>
  );
}
