import { fireEvent, screen, waitFor } from '@testing-library/react';
import { useState, type ReactNode } from 'react';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { preferencesStore } from '../data/preferences.ts';
import { draw } from '../testing/draw.tsx';
import { DataTable, type Column, type DataTableProps } from './DataTable.tsx';

interface Row {
  readonly id: string;
  readonly size: number;
}
const ROWS: readonly Row[] = Array.from({ length: 1000 }, (_, i) => ({ id: `row-${i}`, size: i }));
const COLUMNS: readonly Column<Row>[] = [
  { id: 'id', head: 'Name', track: '1fr', sort: 'name', cell: (row) => row.id },
  { id: 'size', head: 'Size', track: '80px', align: 'end', cell: (row) => row.size },
];

const HEIGHT = 400;
const original = {
  height: Object.getOwnPropertyDescriptor(HTMLElement.prototype, 'offsetHeight'),
  client: Object.getOwnPropertyDescriptor(Element.prototype, 'clientHeight'),
};
beforeAll(() => {
  // jsdom lays nothing out; a window of rows needs a height.
  Object.defineProperty(HTMLElement.prototype, 'offsetHeight', { configurable: true, value: HEIGHT });
  Object.defineProperty(Element.prototype, 'clientHeight', { configurable: true, value: HEIGHT });
});
afterAll(() => {
  if (original.height !== undefined)
    Object.defineProperty(HTMLElement.prototype, 'offsetHeight', original.height);
  if (original.client !== undefined)
    Object.defineProperty(Element.prototype, 'clientHeight', original.client);
});

const heard = {
  onOpen: vi.fn<(row: Row) => void>(),
  onPeek: vi.fn<(row: Row) => void>(),
  onMenu: vi.fn<(row: Row) => void>(),
  onCopy: vi.fn<(row: Row, form: 'id' | 'cli') => void>(),
  onLetter: vi.fn<(letter: string, row: Row) => boolean>((letter) => letter === 't'),
  onSort: vi.fn<(sort: string) => void>(),
};
const onSelect = vi.fn<(selected: ReadonlySet<string>) => void>();
const selected = (): string[] => [...(onSelect.mock.lastCall?.[0] ?? [])].toSorted();

function Table(props: Partial<DataTableProps<Row>>): ReactNode {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  return (
    <DataTable
      label="Rows"
      rows={ROWS}
      rowId={(row) => row.id}
      rowName={(row) => row.id}
      columns={COLUMNS}
      sort="name"
      selected={chosen}
      onSelect={(next) => {
        onSelect(next);
        setChosen(next);
      }}
      {...heard}
      {...props}
    />
  );
}

const row = (id: string): HTMLElement => {
  const found = document.querySelector<HTMLElement>(`[data-row="${id}"]`);
  if (found === null) throw new Error(`no ${id}`);
  return found;
};
const press = (key: string, more: { shiftKey?: boolean; ctrlKey?: boolean } = {}): void => {
  fireEvent.keyDown(document.activeElement ?? document.body, { key, ...more });
};
const focused = async (id: string): Promise<void> =>
  waitFor(() => expect((document.activeElement as HTMLElement).dataset['row']).toBe(id));

describe('a table', () => {
  beforeEach(() => {
    vi.clearAllMocks();
    preferencesStore.setState({ letters: true });
    draw(<Table />);
  });

  it('draws the rows in sight and tells how many there are', () => {
    const grid = screen.getByRole('grid', { name: 'Rows' });
    expect(grid.getAttribute('aria-rowcount')).toBe('1001');
    const rows = document.querySelectorAll('[data-row]');
    expect(rows.length).toBeGreaterThan(10);
    expect(rows.length).toBeLessThan(60);
    expect(row('row-0').getAttribute('aria-rowindex')).toBe('2');
  });

  it('is one stop of the tab key', () => {
    expect(
      [...document.querySelectorAll('[data-row]')].filter((one) => (one as HTMLElement).tabIndex === 0),
    ).toEqual([row('row-0')]);
  });

  it('is walked by arrows and J K, to its ends by Home and End', async () => {
    row('row-0').focus();
    press('ArrowDown');
    await focused('row-1');
    press('j');
    await focused('row-2');
    press('k');
    await focused('row-1');
    press('Home');
    await focused('row-0');
    press('ArrowUp');
    await focused('row-0');
    press('End');
    await waitFor(() => expect(row('row-0').tabIndex).toBe(-1));
  });

  it('opens, peeks, copies and shows the menu of the row in focus', () => {
    row('row-2').focus();
    press('Enter');
    expect(heard.onOpen).toHaveBeenCalledWith(ROWS[2]);
    press(' ');
    expect(heard.onPeek).toHaveBeenCalledWith(ROWS[2]);
    press('c');
    press('C', { shiftKey: true });
    expect(heard.onCopy.mock.calls.map(([, form]) => form)).toEqual(['id', 'cli']);
    press('.');
    expect(heard.onMenu).toHaveBeenCalledOnce();
    press('t');
    expect(heard.onLetter).toHaveBeenCalledWith('t', ROWS[2]);
  });

  it('selects one, a stretch, all, and lets go', async () => {
    row('row-1').focus();
    press('x');
    expect(selected()).toEqual(['row-1']);
    press('ArrowDown', { shiftKey: true });
    await focused('row-2');
    press('ArrowDown', { shiftKey: true });
    await focused('row-3');
    expect(selected()).toEqual(['row-1', 'row-2', 'row-3']);
    expect(row('row-2').getAttribute('aria-selected')).toBe('true');
    press('a', { ctrlKey: true });
    expect(selected()).toHaveLength(ROWS.length);
    press('Escape');
    expect(selected()).toEqual([]);
  });

  it('leaves letters alone where they are turned off; arrows still work', async () => {
    preferencesStore.setState({ letters: false });
    row('row-1').focus();
    press('x');
    press('c');
    expect(selected()).toEqual([]);
    expect(heard.onCopy).not.toHaveBeenCalled();
    press('ArrowDown');
    await focused('row-2');
  });

  it('sorts by its heads, which say how', () => {
    expect(screen.getByRole('columnheader', { name: /Name/ }).getAttribute('aria-sort')).toBe('ascending');
    fireEvent.click(screen.getByRole('button', { name: /Name/ }));
    expect(heard.onSort).toHaveBeenCalledWith('name');
  });

  it('opens on a click, and selects with Ctrl', () => {
    fireEvent.click(row('row-4'));
    expect(heard.onOpen).toHaveBeenCalledWith(ROWS[4]);
    fireEvent.click(row('row-5'), { ctrlKey: true });
    expect(selected()).toEqual(['row-5']);
  });
});
