import { screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../shared/contract/index.ts';
import { draw } from '../../testing/draw.tsx';
import { refusalTitle, SignInPage } from './SignInPage.tsx';

const refused = (message: string, reason?: string): AppError =>
  new AppError('unauthenticated', message, {
    hint: 'Make a new one with `modelops open`.',
    ...(reason === undefined ? {} : { details: { reason } }),
  });

describe('the sign-in page', () => {
  it.each([
    [refused('This sign-in link is older than 60 seconds.', 'expired'), 'This link or key has run out'],
    [
      refused('This sign-in link is not known here, or was used already.'),
      'This link was used already, or is not from this agent',
    ],
    [refused('This key is not known here, or was revoked.'), 'This key is not known here'],
    [new AppError('rate_limited', 'Too many.', {}), 'That did not work'],
  ])('tells refusals apart: %#', (error, title) => {
    expect(refusalTitle(error)).toBe(title);
  });

  it('asks for one thing, says where it comes from, and has the focus', () => {
    draw(<SignInPage refusal={null} />);
    expect(document.activeElement).toBe(screen.getByLabelText('Sign-in link or key'));
    expect(screen.getByText('modelops open').tagName).toBe('CODE');
    expect(screen.getByRole('button', { name: 'Sign in' }).getAttribute('aria-disabled')).toBe('true');
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('says at once why the last one was not taken', () => {
    draw(<SignInPage refusal={refused('This key is not known here, or was revoked.')} />);
    expect(screen.getByRole('alert').textContent).toContain('modelops open');
  });
});
