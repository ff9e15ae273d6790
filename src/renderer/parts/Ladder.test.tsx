import { screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { draw } from '../testing/draw.tsx';
import { Ladder, rungState, stepsInARow, type Rung } from './Ladder.tsx';

function rung(code: string, more: Partial<Rung> = {}): Rung {
  return {
    code,
    met: true,
    fact: `${code} fact`,
    since: null,
    action: null,
    hint: null,
    blocked_by: [],
    ...more,
  };
}

/** A model that was tested before its configuration changed. */
const STALE: readonly Rung[] = [
  rung('artifact_ready'),
  rung('registered', { since: '2026-11-20T16:02:00.000Z' }),
  rung('tested'),
  rung('validated', {
    met: false,
    action: 'validate',
    since: '2026-11-20T16:05:00.000Z',
    fact: 'The configuration changed.',
  }),
  rung('active', { met: false, action: 'activate', blocked_by: ['validated'] }),
  rung('loaded', { met: false, action: 'load', blocked_by: ['validated', 'active'] }),
  rung('visible'),
];

describe('how a rung stands', () => {
  it.each<[string, Partial<Rung>, string]>([
    ['held', { met: true }, 'met'],
    ['the one to do next', { met: false, action: 'register' }, 'next'],
    ['after another', { met: false, action: 'activate', blocked_by: ['validated'] }, 'later'],
    ['cured by no button here', { met: false, action: null }, 'blocked'],
  ])('%s', (_name, facts, state) => {
    expect(rungState(rung('registered', facts))).toBe(state);
  });

  it('broken again is not the same as never done', () => {
    const open = { met: false, action: 'validate' } as const;
    expect(rungState(rung('validated', open))).toBe('next');
    expect(rungState(rung('validated', { ...open, since: '2026-11-20T16:05:00.000Z' }))).toBe('broken');
  });
});

describe('steps that one job can do', () => {
  it('run from the first open one to the last before a person is needed', () => {
    expect(stepsInARow(STALE)).toEqual({ from: 4, to: 6 });
    expect(stepsInARow(STALE.map((one) => ({ ...one, met: true })))).toBeNull();
  });

  it('are none behind a step that no button cures, and a single one needs no job', () => {
    expect(stepsInARow([rung('artifact_ready', { met: false }), ...STALE.slice(1)])).toBeNull();
    expect(stepsInARow([rung('registered', { met: false, action: 'register' }), rung('visible')])).toBeNull();
  });
});

describe('the ladder', () => {
  it('numbers the rungs, tells facts, and gives the first open one its button', () => {
    const { container } = draw(
      <Ladder rungs={STALE} buttons={<button type="button">Test and validate…</button>} />,
    );
    const rows = screen.getAllByRole('listitem');
    expect(rows).toHaveLength(7);
    expect(rows[3]?.textContent).toContain('4. Validated, but no longer current');
    expect(rows[3]?.textContent).toContain('The configuration changed.');
    expect(rows[3]?.querySelector('button')?.textContent).toBe('Test and validate…');
    expect(container.querySelectorAll('button')).toHaveLength(1);
    expect(rows[4]?.textContent).toContain('after step 4');
    expect(rows[5]?.textContent).toContain('after steps 4 and 5');
    expect(rows[5]?.textContent).not.toContain('loaded fact');
    expect(rows.map((row) => row.dataset['step'])).toEqual([
      'met',
      'met',
      'met',
      'broken',
      'later',
      'later',
      'met',
    ]);
  });
});
