import { act, fireEvent, screen } from '@testing-library/react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { connectionStore } from '../data/connection.ts';
import { draw } from '../testing/draw.tsx';
import { ReasonButton } from './ReasonButton.tsx';

describe('a button', () => {
  afterEach(() => {
    connectionStore.setState({ lostAt: null });
    vi.useRealTimers();
  });

  it('that is blocked can be reached, says why and does nothing', () => {
    const onClick = vi.fn<() => void>();
    const onBlocked = vi.fn<() => void>();
    draw(
      <ReasonButton reason="It has to be validated first." onClick={onClick} onBlocked={onBlocked}>
        Activate
      </ReasonButton>,
    );
    const button = screen.getByRole('button', { name: 'Activate' });
    expect(button).toMatchObject({ disabled: false, tabIndex: 0 });
    expect(button.getAttribute('aria-disabled')).toBe('true');
    const described = document.getElementById(button.getAttribute('aria-describedby') ?? '');
    expect(described?.textContent).toBe('It has to be validated first.');
    button.focus();
    expect(document.activeElement).toBe(button);
    fireEvent.click(button);
    expect(onClick).not.toHaveBeenCalled();
    expect(onBlocked).toHaveBeenCalledOnce();
  });

  it('that changes something waits while the agent does not answer; one that only shows does not', () => {
    connectionStore.setState({ lostAt: Date.now() - 6000 });
    draw(
      <>
        <ReasonButton changes>Load</ReasonButton>
        <ReasonButton>Open</ReasonButton>
      </>,
    );
    expect(screen.getByRole('button', { name: 'Load' }).getAttribute('aria-disabled')).toBe('true');
    expect(screen.getByText('The agent does not answer, so nothing can be changed now.')).toBeDefined();
    expect(screen.getByRole('button', { name: 'Open' }).getAttribute('aria-disabled')).toBeNull();
  });

  it('says what it is doing only when that takes a moment, and is pressed once', () => {
    vi.useFakeTimers();
    const onClick = vi.fn<() => void>();
    draw(
      <ReasonButton busy busyLabel="Activating…" onClick={onClick}>
        Activate
      </ReasonButton>,
    );
    const button = screen.getByRole('button', { name: 'Activate' });
    expect(button.getAttribute('aria-busy')).toBe('true');
    act(() => {
      vi.advanceTimersByTime(299);
    });
    expect(button.textContent).toBe('Activate');
    act(() => {
      vi.advanceTimersByTime(1);
    });
    expect(button.textContent).toBe('Activating…');
    fireEvent.click(button);
    expect(onClick).not.toHaveBeenCalled();
  });
});
