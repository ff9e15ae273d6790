import { CloseButton, Portal } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { t } from '../strings/text.ts';
import { Sentence } from '../parts/Sentence.tsx';
import { StateMark } from '../parts/StateMark.tsx';
import { dismissToast, useToasts } from './toasts.ts';
import css from './Toasts.module.css';

/** Two live regions that are always there, because a region that appears with its text is not announced. */
export function Toasts(): ReactNode {
  const toasts = useToasts();
  const errors = toasts.filter((toast) => toast.tone === 'error');
  const done = toasts.filter((toast) => toast.tone === 'done');
  const draw = (shown: typeof toasts): ReactNode =>
    shown.map((toast) => (
      <div key={toast.id} className={css.toast} data-tone={toast.tone}>
        <StateMark axis="check" state={toast.tone === 'error' ? 'failed' : 'ok'} wordless />
        <div className={css.body}>
          <div>
            <Sentence text={toast.sentence} />
          </div>
          {toast.hint !== null && (
            <div className={css.hint}>
              <Sentence text={toast.hint} />
            </div>
          )}
          {toast.link !== null && (
            <Link href={toast.link.to} onClick={() => dismissToast(toast.id)}>
              {toast.link.label}
            </Link>
          )}
        </div>
        <CloseButton aria-label={t('action.dismiss')} onClick={() => dismissToast(toast.id)} />
      </div>
    ));
  return (
    <Portal>
      <section className={css.stack} aria-label={t('shell.receipts')}>
        <div role="alert">{draw(errors)}</div>
        <div role="status">{draw(done)}</div>
      </section>
    </Portal>
  );
}
