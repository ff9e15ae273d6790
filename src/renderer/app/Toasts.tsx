import { CloseButton, Portal } from '@mantine/core';
import { useEffect, type ReactNode } from 'react';
import { Link } from 'wouter';
import { t } from '../strings/text.ts';
import { Sentence } from '../parts/Sentence.tsx';
import { StateMark } from '../parts/StateMark.tsx';
import { ReasonButton } from '../parts/ReasonButton.tsx';
import { dismissToast, undoNewest, useToasts } from './toasts.ts';
import css from './Toasts.module.css';

/** Two live regions that are always there, because a region that appears with its text is not announced. */
export function Toasts(): ReactNode {
  const toasts = useToasts();
  useUndoKey();
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
          {toast.undo !== null && (
            <div>
              <ReasonButton
                size="xs"
                changes
                onClick={() => {
                  dismissToast(toast.id);
                  toast.undo?.();
                }}
              >
                {t('action.undo')}
              </ReasonButton>
            </div>
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

/** `Ctrl Z` outside of fields takes the newest change back while its toast is there. */
function useUndoKey(): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.key !== 'z' || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
      if ((event.target as HTMLElement).closest('input, textarea, [contenteditable]') !== null) return;
      if (undoNewest()) event.preventDefault();
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, []);
}
