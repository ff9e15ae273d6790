import { fireEvent, screen, waitFor } from '@testing-library/react';
import type { ReactNode } from 'react';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
import { AppError } from '../../shared/contract/index.ts';
import { draw } from '../testing/draw.tsx';
import { Editable } from './Editable.tsx';

const onSave = vi.fn<(draft: string, rev: number) => Promise<void>>();

/** Something that somebody else may change, too. */
const object = createStore(() => ({ text: 'first', rev: 1 }));
const theirs = (text: string): void => object.setState(({ rev }) => ({ text, rev: rev + 1 }));

function Shared(): ReactNode {
  const now = useStore(object);
  return (
    <Editable
      title="Description"
      value={now.text}
      rev={now.rev}
      subject="model:alpha-v1"
      mayEdit
      words={(text) => text}
      problem={(draft) => (draft === '' ? 'Write something.' : null)}
      renderView={(text) => <p data-shown="">{text}</p>}
      renderEditor={(draft, change) => (
        <input aria-label="Text" value={draft} onChange={(event) => change(event.currentTarget.value)} />
      )}
      onSave={onSave}
    />
  );
}

describe('editing in place', () => {
  beforeEach(() => {
    onSave.mockReset();
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('no agent in this test')));
    object.setState({ text: 'first', rev: 1 });
    draw(<Shared />);
    fireEvent.click(screen.getByRole('button', { name: 'Edit: Description' }));
  });
  const type = (text: string): void => {
    fireEvent.change(screen.getByLabelText('Text'), { target: { value: text } });
  };
  const save = (): void => {
    fireEvent.click(screen.getByRole('button', { name: 'Save' }));
  };
  const shown = (): string | null | undefined => document.querySelector('[data-shown]')?.textContent;

  it('starts in the field and shows what was saved at once, against the revision it began with', async () => {
    expect(document.activeElement).toBe(screen.getByLabelText('Text'));
    let answer = (): void => undefined;
    onSave.mockImplementation(() => new Promise((resolve) => (answer = resolve)));
    type('second');
    save();
    await waitFor(() => expect(shown()).toBe('second'));
    expect(onSave).toHaveBeenCalledWith('second', 1);
    answer();
    // The answer of the agent stands: here nobody told the object.
    await waitFor(() => expect(shown()).toBe('first'));
  });

  it('keeps what was typed when it is refused', async () => {
    onSave.mockRejectedValue(new AppError('forbidden', 'Not yours.'));
    type('mine');
    save();
    await screen.findByText('Not yours.');
    expect(screen.getByLabelText<HTMLInputElement>('Text').value).toBe('mine');
  });

  it('tells the loser of a race, shows what changed, and makes the change on the newest revision', async () => {
    onSave.mockRejectedValueOnce(new AppError('conflict', 'It was changed.'));
    type('mine');
    save();
    const alert = await screen.findByRole('alert');
    expect(alert.textContent).toContain('Your change was not made.');
    theirs('theirs');
    fireEvent.click(await screen.findByRole('button', { name: 'Show what changed' }));
    await waitFor(() =>
      expect(screen.getByRole('alert').textContent).toMatch(/Before\s*first\s*Now\s*theirs/),
    );
    onSave.mockResolvedValueOnce();
    fireEvent.click(screen.getByRole('button', { name: 'Make my change now' }));
    await waitFor(() => expect(onSave).toHaveBeenLastCalledWith('mine', 2));
  });

  it('does not save what cannot be, and gives up on Esc', () => {
    type('');
    expect(screen.getByRole('button', { name: 'Save' }).getAttribute('aria-disabled')).toBe('true');
    save();
    expect(onSave).not.toHaveBeenCalled();
    fireEvent.keyDown(screen.getByLabelText('Text'), { key: 'Escape' });
    expect(shown()).toBe('first');
  });
});
