import { screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { draw } from '../testing/draw.tsx';
import { allGlyphs, glyphOf, type Axis } from './glyphs.tsx';
import { StateMark, stateWord } from './StateMark.tsx';

const STATES = allGlyphs().flatMap(({ axis, states }) => states.map((state) => ({ axis, state })));

describe('a state', () => {
  it.each(STATES)('$axis $state has a glyph, a word and a name', ({ axis, state }) => {
    const { container } = draw(<StateMark axis={axis} state={state as never} />);
    expect(container.querySelector('svg')?.childElementCount).toBeGreaterThan(0);
    expect(container.querySelector('svg')?.getAttribute('aria-hidden')).toBe('true');
    expect(container.textContent).toBe(stateWord(axis, state as never));
    expect(container.querySelector('[data-state]')?.getAttribute('data-state')).toBe(`${axis}.${state}`);
  });

  it('without its word still says axis and state to a screen reader', () => {
    draw(<StateMark axis="load" state="error" wordless />);
    expect(screen.getByRole('img', { name: 'Load state: error' })).toBeDefined();
  });

  it('says more than its word where more is known', () => {
    const { container } = draw(
      <StateMark axis="load" state="loading">
        loading: weights
      </StateMark>,
    );
    expect(container.textContent).toBe('loading: weights');
  });

  it.each([
    ['lifecycle', 'active', 'ok'],
    ['lifecycle', 'validated', 'blue'],
    ['load', 'loaded', 'ok'],
    ['load', 'error', 'bad'],
    ['load', 'reconciling', 'warn'],
    ['validation', 'stale', 'warn'],
    ['validation', 'current', 'ok'],
    ['approval', 'pending', 'wait'],
    ['job', 'stalled', 'warn'],
    ['artifact', 'corrupt', 'bad'],
  ] as const)('%s %s is told in %s', (axis, state, tone) => {
    expect(glyphOf(axis as Axis, state as never).tone).toBe(tone);
  });

  it('no two states of an axis look alike', () => {
    for (const { axis, states } of allGlyphs()) {
      const drawn = states.map((state) => {
        const { container, unmount } = draw(<StateMark axis={axis} state={state as never} />);
        const { tone } = glyphOf(axis, state as never);
        const shape = `${container.querySelector('svg')?.innerHTML ?? ''} ${tone}`;
        unmount();
        return shape;
      });
      expect(new Set(drawn).size, axis).toBe(drawn.length);
    }
  });
});
