import { act, fireEvent, screen, waitFor } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { AppError } from '../../shared/contract/index.ts';
import { draw } from '../testing/draw.tsx';
import { Confirm, type ConfirmProps } from './Confirm.tsx';

function ask(props: Partial<ConfirmProps> = {}): { onConfirm: () => Promise<void>; onClose: () => void } {
  const onConfirm = props.onConfirm ?? vi.fn<() => Promise<void>>(async () => undefined);
  const onClose = props.onClose ?? vi.fn<() => void>();
  draw(
    <Confirm
      title="Delete alpha v1?"
      keep="Keep"
      verb="Delete, free 4.31 GiB"
      busyVerb="Deleting…"
      {...props}
      onConfirm={onConfirm}
      onClose={onClose}
    >
      <p>Frees 4.31 GiB.</p>
    </Confirm>,
  );
  return { onConfirm, onClose };
}
const verb = (): HTMLElement => screen.getByRole('button', { name: 'Delete, free 4.31 GiB' });

describe('a question before something goes', () => {
  it('names verb and object, quotes the effects, and stands on the safe button', async () => {
    ask({ destroys: true });
    const dialog = screen.getByRole('dialog', { name: 'Delete alpha v1?' });
    expect(dialog.textContent).toContain('Frees 4.31 GiB.');
    await waitFor(() => expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Keep' })));
  });

  it('does it and closes', async () => {
    const { onConfirm, onClose } = ask();
    await act(async () => fireEvent.click(verb()));
    expect(onConfirm).toHaveBeenCalledOnce();
    expect(onClose).toHaveBeenCalledOnce();
  });

  it('stays open with the refusal of the agent', async () => {
    const { onClose } = ask({
      onConfirm: async () => {
        throw new AppError('dependencies_unsatisfied', 'Slot chat still holds it.', { hint: 'Unload it.' });
      },
    });
    await act(async () => fireEvent.click(verb()));
    const alert = screen.getByRole('alert');
    expect(alert.textContent).toContain('Slot chat still holds it.');
    expect(alert.textContent).toContain('Unload it.');
    expect(onClose).not.toHaveBeenCalled();
  });

  it('of the last copy asks for its name', async () => {
    const { onConfirm } = ask({ typed: 'alpha', destroys: true });
    expect(verb().getAttribute('aria-disabled')).toBe('true');
    await act(async () => fireEvent.click(verb()));
    expect(onConfirm).not.toHaveBeenCalled();
    fireEvent.change(screen.getByLabelText('Type alpha to go on'), { target: { value: 'alpha ' } });
    expect(verb().getAttribute('aria-disabled')).toBeNull();
    await act(async () => fireEvent.click(verb()));
    expect(onConfirm).toHaveBeenCalledOnce();
  });

  it('that cannot be answered yes says why', () => {
    ask({ reason: 'The agent is working out what this would do.' });
    expect(verb().getAttribute('aria-disabled')).toBe('true');
    expect(screen.getByText('The agent is working out what this would do.')).toBeDefined();
  });
});
