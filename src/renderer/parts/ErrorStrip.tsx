import { Button } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import type { AppError } from '../../shared/contract/index.ts';
import { t } from '../strings/text.ts';
import { copyText } from './Copy.tsx';
import { cx } from './cx.ts';
import { Sentence } from './Sentence.tsx';
import { StateMark } from './StateMark.tsx';
import css from './ErrorStrip.module.css';

export interface ErrorStripProps {
  readonly sentence: ReactNode;
  /** A mark before the sentence; what follows stands under the sentence. */
  readonly mark?: ReactNode;
  /** What helps. */
  readonly hint?: ReactNode;
  readonly tone?: 'ok' | 'bad' | 'warn' | 'blue';
  /** Buttons that cure it, the filled one first. */
  readonly actions?: ReactNode;
  /** Evidence under the sentences, such as a line of a log. */
  readonly children?: ReactNode;
  /** Announced at once; for refusals of something a person just did. */
  readonly alert?: boolean;
  readonly flush?: boolean;
}

/** An error where its cause is: sentence, what helps, buttons, evidence. */
export function ErrorStrip({
  sentence,
  mark,
  hint,
  tone = 'bad',
  actions,
  children,
  alert = false,
  flush = false,
}: ErrorStripProps): ReactNode {
  return (
    <div className={cx(css.strip, flush && css.flush)} data-tone={tone} {...(alert ? { role: 'alert' } : {})}>
      {mark !== undefined && <div className={css.mark}>{mark}</div>}
      <div className={css.body}>
        <div className={css.sentence}>{sentence}</div>
        {hint !== undefined && hint !== '' && <div className={css.hint}>{hint}</div>}
        {children}
      </div>
      {actions !== undefined && <div className={css.actions}>{actions}</div>}
    </div>
  );
}

/** A refusal of the agent with its hint, and its code and request under Details. */
export function Refusal({
  error,
  actions,
  alert = true,
}: {
  readonly error: AppError;
  readonly actions?: ReactNode;
  readonly alert?: boolean;
}): ReactNode {
  const [open, setOpen] = useState(false);
  const requestId = typeof error.details?.['request_id'] === 'string' ? error.details['request_id'] : null;
  return (
    <ErrorStrip
      alert={alert}
      mark={<StateMark axis="check" state="failed" wordless />}
      sentence={<Sentence text={error.message} />}
      hint={error.hint === '' ? undefined : <Sentence text={error.hint} />}
      actions={
        <>
          {actions}
          <Button size="xs" variant="subtle" aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? t('action.hideDetails') : t('action.details')}
          </Button>
        </>
      }
    >
      {open && (
        <div className={css.details}>
          <dl>
            <dt>{t('report.code')}</dt>
            <dd className="mono">{error.code}</dd>
            {requestId !== null && (
              <>
                <dt>{t('report.requestId')}</dt>
                <dd className="mono">{requestId}</dd>
              </>
            )}
          </dl>
          <Button size="xs" onClick={() => void copyText(reportOf(error))}>
            {t('action.copyReport')}
          </Button>
        </div>
      )}
    </ErrorStrip>
  );
}

/** Everything that helps somebody else to help. Pure. */
export function reportOf(error: AppError): string {
  return JSON.stringify(
    { error: error.code, message: error.message, hint: error.hint, details: error.details ?? {} },
    null,
    2,
  );
}
