import { PasswordInput } from '@mantine/core';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import type { AppError } from '../../../shared/contract/index.ts';
import { identify, signIn } from '../../data/session.ts';
import { desktop } from '../../data/desktop.ts';
import { Copy } from '../../parts/Copy.tsx';
import { ErrorStrip } from '../../parts/ErrorStrip.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Sentence } from '../../parts/Sentence.tsx';
import { rich, t } from '../../strings/text.ts';
import css from './SignInPage.module.css';

const asCode = (parts: ReactNode[]): ReactNode => <code key="command">{parts}</code>;

/** One field for the one-time link or a key. What was wrong with the last one is told apart. */
export function SignInPage({ refusal }: { readonly refusal: AppError | null }): ReactNode {
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement | null>(null);
  useEffect(() => {
    document.title = `${t('signIn.title')} · ${t('app.name')}`;
    field.current?.focus();
  }, []);
  const submit = async (): Promise<void> => {
    setBusy(true);
    await signIn(text);
    setBusy(false);
  };
  return (
    <main className={css.page}>
      <form
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim() !== '') void submit();
        }}
      >
        <div className={css.node}>{t('signIn.node', { host: location.host })}</div>
        <h1 className={css.title}>{t('signIn.title')}</h1>
        {refusal !== null && (
          <ErrorStrip
            alert
            sentence={
              <>
                <strong>{refusalTitle(refusal)}</strong>
                <br />
                <Sentence text={refusal.message} />
              </>
            }
            hint={<Sentence text={refusal.hint} />}
          />
        )}
        <PasswordInput
          label={t('signIn.field')}
          ref={field}
          autoComplete="off"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          visibilityToggleButtonProps={{ 'aria-label': t('signIn.show') }}
        />
        <p className={css.help}>{rich('signIn.help', { code: asCode })}</p>
        <div>
          <ReasonButton
            type="submit"
            variant="filled"
            busy={busy}
            busyLabel={t('signIn.busy')}
            reason={text.trim() === '' ? t('signIn.empty') : null}
          >
            {t('signIn.button')}
          </ReasonButton>
        </div>
      </form>
    </main>
  );
}

/** Expired, used or from elsewhere, unknown, revoked: each has another way out, so each has its own words. Pure. */
export function refusalTitle(refusal: AppError): string {
  if (refusal.code !== 'unauthenticated') return t('signIn.failed');
  if (refusal.details?.['reason'] === 'expired') return t('signIn.expired');
  return /link/i.test(refusal.message) ? t('signIn.used') : t('signIn.wrong');
}

/** The agent did not answer when the page came. Tries again by itself. */
export function UnreachablePage(): ReactNode {
  const [starting, setStarting] = useState(false);
  const command = t('unreachable.command');
  useEffect(() => {
    document.title = `${t('unreachable.title')} · ${t('app.name')}`;
    const timer = setInterval(() => void identify(), 2000);
    return () => clearInterval(timer);
  }, []);
  const start = async (): Promise<void> => {
    setStarting(true);
    try {
      await desktop?.startAgent();
      await identify();
    } finally {
      setStarting(false);
    }
  };
  return (
    <main className={css.page}>
      <div className={css.form} role="status">
        <h1 className={css.title}>{t('unreachable.title')}</h1>
        <p>{t('unreachable.body')}</p>
        {desktop === null ? (
          <Copy value={command} what={t('what.command')}>
            <code>{command}</code>
          </Copy>
        ) : (
          <div>
            <ReasonButton
              variant="filled"
              busy={starting}
              busyLabel={t('unreachable.starting')}
              onClick={() => void start()}
            >
              {t('unreachable.start')}
            </ReasonButton>
          </div>
        )}
        <div>
          <ReasonButton onClick={() => void identify()}>{t('unreachable.try')}</ReasonButton>
        </div>
      </div>
    </main>
  );
}
