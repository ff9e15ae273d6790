import type { ReactNode } from 'react';
import { t, type TextKey } from '../strings/text.ts';
import { cx } from './cx.ts';
import { glyphOf, type Axis, type StateOf } from './glyphs.tsx';
import css from './StateMark.module.css';

export interface StateMarkProps<A extends Axis> {
  readonly axis: A;
  readonly state: StateOf<A>;
  /** Instead of the state's own word: `loading: weights`. */
  readonly children?: ReactNode;
  /** Only where the head of the column says the axis; a screen reader still hears both. */
  readonly wordless?: boolean;
  /** 12 in dense rows. @default 14 */
  readonly size?: 12 | 14 | 16;
  /** The word in the colour of the text around it, where the glyph alone carries the tone. */
  readonly plain?: boolean;
  /** Events still arrive: what turns may turn. */
  readonly moving?: boolean;
}

/** The one way a state is drawn: glyph and word. */
export function StateMark<A extends Axis>({
  axis,
  state,
  children,
  wordless = false,
  size = 14,
  plain = false,
  moving = false,
}: StateMarkProps<A>): ReactNode {
  const { tone, shape } = glyphOf(axis, state);
  const word = stateWord(axis, state);
  return (
    <span className={cx(css.mark, plain && css.plain)} data-tone={tone} data-state={`${axis}.${state}`}>
      <svg
        className={cx(css.glyph, moving && css.moving)}
        width={size}
        height={size}
        viewBox="0 0 16 16"
        {...(wordless
          ? { role: 'img', 'aria-label': t('state.named', { axis: t(`axis.${axis}`), state: word }) }
          : { 'aria-hidden': true })}
      >
        {shape}
      </svg>
      {!wordless && <span className={css.word}>{children ?? word}</span>}
    </span>
  );
}

/** The word of a state, as the API says it. */
export function stateWord<A extends Axis>(axis: A, state: StateOf<A>): string {
  return t(`${axis}.${state}` as TextKey);
}
