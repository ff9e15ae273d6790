import type { ReactNode } from 'react';
import type { Model } from '../../shared/contract/index.ts';
import { known, t } from '../strings/text.ts';
import { cx } from './cx.ts';
import { Time } from './figures.tsx';
import type { StateOf } from './glyphs.tsx';
import { StateMark } from './StateMark.tsx';
import css from './Ladder.module.css';

export type Rung = NonNullable<Model['requirements']>[number];

const HELD_ONCE: ReadonlySet<string> = new Set(['validated', 'loaded']);

/** How a rung stands: held, the one to do next, broken again, for later, or cured by no button here. Pure. */
export function rungState(rung: Rung): StateOf<'step'> {
  if (rung.met) return 'met';
  if (rung.blocked_by.length > 0) return 'later';
  if (rung.action === null) return 'blocked';
  // It held once, and what it held for has changed.
  return HELD_ONCE.has(rung.code) && rung.since !== null ? 'broken' : 'next';
}

/** The steps in a row that need nobody else, by their numbers; null when there are fewer than two. Pure. */
export function stepsInARow(rungs: readonly Rung[]): { from: number; to: number } | null {
  const first = rungs.findIndex((rung) => !rung.met && rung.action !== null);
  if (first === -1 || rungs.slice(0, first).some((rung) => !rung.met)) return null;
  let last = first;
  for (let index = first + 1; index < rungs.length; index += 1) {
    const rung = rungs[index];
    if (rung === undefined || (!rung.met && rung.action === null)) break;
    if (!rung.met) last = index;
  }
  return last === first ? null : { from: first + 1, to: last + 1 };
}

/** What is missing until a model can be invoked: one numbered line a condition, with its fact and its way out. */
export function Ladder({
  rungs,
  buttons,
  caller,
  cloud = false,
}: {
  readonly rungs: readonly Rung[];
  /** Whose ladder it is, when it is not that of whoever looks. */
  readonly caller?: string;
  /** Of a model that runs at a provider. */
  readonly cloud?: boolean;
  /** What climbs the first rung that is open. */
  readonly buttons?: ReactNode;
}): ReactNode {
  const numbers = new Map(rungs.map((rung, index) => [rung.code, index + 1]));
  const next = rungs.find((rung) => !rung.met);
  return (
    <ol className={css.ladder}>
      {rungs.map((rung, index) => {
        const state = rungState(rung);
        return (
          <li key={rung.code} className={css.rung} data-rung={rung.code} data-step={state}>
            <span className={css.glyph}>
              <StateMark axis="step" state={state} wordless />
            </span>
            <span className={cx(css.name, rung === next && css.next, state === 'later' && css.later)}>
              {index + 1}. {rungTitle(rung, state, caller, cloud)}
            </span>
            <span className={cx(css.fact, state === 'later' && css.later)}>
              {state === 'later' ? after(rung.blocked_by.map((code) => numbers.get(code) ?? 0)) : rung.fact}
              {rung === next && rung.hint !== null && <span className={css.hint}> {rung.hint}</span>}
              {rung.met && rung.since !== null && (
                <>
                  {' '}
                  <span className={css.since}>
                    <Time at={rung.since} as="ago" />
                  </span>
                </>
              )}
            </span>
            <span className={css.action}>{rung === next ? buttons : null}</span>
          </li>
        );
      })}
    </ol>
  );
}

function rungTitle(
  { code }: Rung,
  state: StateOf<'step'>,
  caller: string | undefined,
  cloud: boolean,
): string {
  if (code === 'visible' && caller !== undefined) return t('explain.visibleTo', { name: caller });
  const held = state === 'met' ? 'met' : state === 'broken' ? 'broken' : 'open';
  const elsewhere = cloud ? known(`rung.${code}.cloud`) : null;
  return elsewhere ?? known(`rung.${code}.${held}`) ?? known(`rung.${code}`) ?? code;
}

function after(numbers: readonly number[]): string {
  const sorted = numbers.toSorted((a, b) => a - b);
  const [first = 0] = sorted;
  const last = sorted.at(-1) ?? first;
  if (sorted.length === 1) return t('ladder.afterOne', { step: first });
  if (sorted.length > 2 && last - first === sorted.length - 1)
    return t('ladder.afterRange', { from: first, to: last });
  return t('ladder.afterSome', { steps: sorted.slice(0, -1).join(', '), last });
}
