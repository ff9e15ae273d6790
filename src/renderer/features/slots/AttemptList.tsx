import type { ReactNode } from 'react';
import type { SlotAttempt } from '../../../shared/contract/index.ts';
import { useNow } from '../../data/now.ts';
import { cx } from '../../parts/cx.ts';
import { formatDuration, formatTime } from '../../parts/format.ts';
import { t } from '../../strings/text.ts';
import css from './AttemptList.module.css';

/** The starts of a slot, the newest first: how each went, and which one's log is shown. */
export function AttemptList({
  history,
  chosen,
  running,
  onChoose,
}: {
  readonly history: readonly SlotAttempt[];
  readonly chosen: number;
  /** The attempt that is under way or serves. */
  readonly running: number | null;
  readonly onChoose: (attempt: number) => void;
}): ReactNode {
  const now = useNow(60_000);
  return (
    <nav className={css.list} aria-label={t('slot.attempts')}>
      <ol>
        {history.map((one) => (
          <li key={one.attempt}>
            <button
              type="button"
              className={cx(css.attempt, one.attempt === chosen && css.chosen)}
              aria-current={one.attempt === chosen}
              disabled={!one.has_log}
              onClick={() => onChoose(one.attempt)}
            >
              <span className={css.head}>
                <span className={css.number}>{one.attempt}</span>
                <span className={css.word} data-tone={toneOf(one)}>
                  {attemptWords(one, running)}
                </span>
                <span className={css.time}>{formatTime(one.started_at, now)}</span>
              </span>
              {one.message !== null && (
                <span className={css.message} title={one.message}>
                  {one.message}
                </span>
              )}
              {!one.has_log && <span className={css.message}>{t('slot.logNotKept')}</span>}
            </button>
          </li>
        ))}
      </ol>
    </nav>
  );
}

function toneOf(one: SlotAttempt): 'bad' | 'ok' | 'plain' {
  if (one.error !== null) return 'bad';
  return one.ended_at === null && one.loaded_at !== null ? 'ok' : 'plain';
}

/** `failed, exit 1 after 38 s`. Pure. */
export function attemptWords(one: SlotAttempt, running: number | null): string {
  if (one.ended_at === null) {
    if (one.attempt !== running) return t('slot.attempt.unknown');
    return one.loaded_at === null ? t('slot.attempt.starting') : t('slot.attempt.serving');
  }
  const span = formatDuration(Date.parse(one.ended_at) - Date.parse(one.started_at));
  if (one.error === null) return t('slot.attempt.stopped', { span });
  return one.exit_code === null
    ? t('slot.attempt.failed', { span })
    : t('slot.attempt.exited', { code: one.exit_code, span });
}
