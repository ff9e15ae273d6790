import { act, fireEvent, screen, waitFor } from '@testing-library/react';
import { navigate } from 'wouter/use-browser-location';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ReactNode } from 'react';
import type { Key } from '../../../shared/contract/index.ts';
import { sessionStore } from '../../data/session.ts';
import { draw } from '../../testing/draw.tsx';
import SecretPage from './SecretPage.tsx';
import { showSecret, useSecret } from './secret.ts';

const KEY = {
  id: 'k1',
  name: 'ci-nightly',
  role: 'user',
  scopes: ['invoke'],
  principal_name: 'ci-nightly',
  last4: '4f2a',
  expires_at: null,
  revoked_at: null,
} as unknown as Key;

function Place(): ReactNode {
  const secret = useSecret();
  return secret === null ? <p>another page</p> : <SecretPage secret={secret} />;
}

describe('a key that is shown once', () => {
  beforeEach(() => {
    navigate('/access/keys');
    showSecret({ token: 'mok_secret', key: KEY, replaced: null });
  });

  it('stays where one goes until the question is answered', async () => {
    draw(<Place />);
    expect(screen.getByText('mok_secret')).toBeTruthy();
    act(() => navigate('/models'));
    const dialog = await screen.findByRole('dialog', { name: 'Leave without copying the key?' });
    expect(dialog.textContent).toContain('ci-nightly');
    fireEvent.click(screen.getByRole('button', { name: 'Stay' }));
    await waitFor(() => expect(location.pathname).toBe('/access/keys'));
    expect(screen.getByText('mok_secret')).toBeTruthy();
  });

  it('is gone when somebody leaves it', async () => {
    draw(<Place />);
    act(() => navigate('/models'));
    await screen.findByRole('dialog');
    fireEvent.click(screen.getByRole('button', { name: 'Leave' }));
    await screen.findByText('another page');
    expect(location.pathname).toBe('/models');
  });

  it('leads to the page of the key when it is copied', async () => {
    draw(<Place />);
    fireEvent.click(screen.getByRole('button', { name: 'I have copied it' }));
    await screen.findByText('another page');
    expect(location.pathname).toBe('/access/keys/k1');
  });

  it('says until when the old one works', () => {
    const replaced = { ...KEY, last4: '9x3K', expires_at: '2999-01-01T00:00:00.000Z' } as Key;
    showSecret({ token: 'mok_next', key: KEY, replaced });
    draw(<Place />);
    expect(screen.getByText(/…9x3K works until/).textContent).toContain('2999');
  });

  it('is not there for whoever signs in next', () => {
    draw(<Place />);
    act(() => sessionStore.setState({ state: 'signed-out', refusal: null }, true));
    expect(screen.queryByText('mok_secret')).toBeNull();
  });
});
