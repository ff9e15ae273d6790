import { useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import { ENDPOINTS, type LoadError, type Slot } from '../../../shared/contract/index.ts';
import { toastError } from '../../app/toasts.ts';
import { asAppError, call } from '../../data/api.ts';
import { liveFeed } from '../../data/live.ts';
import { useNow } from '../../data/now.ts';
import { useMay } from '../../data/session.ts';
import { ErrorStrip } from '../../parts/ErrorStrip.tsx';
import { formatCount, formatDuration, formatTime } from '../../parts/format.ts';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Sentence } from '../../parts/Sentence.tsx';
import { t } from '../../strings/text.ts';
import css from './SlotError.module.css';

type Fix = LoadError['fixes'][number];

/** Why a slot does not serve: cause, what helps, the line that tells it, whether it is tried again, and the fixes. */
export function SlotError({ slot, error }: { readonly slot: Slot; readonly error: LoadError }): ReactNode {
  const mayFix = useMay('superadmin');
  const line = evidenceOf(error);
  return (
    <ErrorStrip
      sentence={<Sentence text={error.message} />}
      hint={
        <>
          <Sentence text={error.hint} /> <Retry error={error} />
        </>
      }
      actions={
        <>
          {mayFix && error.fixes.map((fix) => <FixButton key={fix.label} slot={slot} fix={fix} />)}
          <Link
            href={`/slots/${slot.id}/logs?attempt=${slot.attempt}${line === null ? '' : `&line=${encodeURIComponent(line)}`}`}
            className={css.link}
          >
            {line === null ? t('slotAction.logs') : t('slots.seeLine')}
          </Link>
        </>
      }
    >
      {line !== null && <pre className={css.line}>{line}</pre>}
    </ErrorStrip>
  );
}

/** The one line that tells it; several lines mean that no rule knew one. Pure. */
function evidenceOf(error: LoadError): string | null {
  return error.cause !== null && error.log_excerpt.length === 1 ? (error.log_excerpt[0] ?? null) : null;
}

function Retry({ error }: { readonly error: LoadError }): ReactNode {
  const now = useNow(error.retry_at === null ? 60_000 : 1000);
  if (!error.will_retry)
    return <span className={css.retry}>{t('slots.noRetry', { time: formatTime(error.at, now) })}</span>;
  if (error.retry_at === null) return null;
  const rest = Math.max(0, Date.parse(error.retry_at) - now);
  return (
    <span className={css.retry}>
      {t('slots.retryIn', { span: formatDuration(Math.ceil(rest / 1000) * 1000).replace('0 ms', '0 s') })}
    </span>
  );
}

/** A fix is a change of settings, shown as what it changes; the slot then loads again. */
function FixButton({ slot, fix }: { readonly slot: Slot; readonly fix: Fix }): ReactNode {
  const [busy, setBusy] = useState(false);
  const apply = async (): Promise<void> => {
    setBusy(true);
    try {
      const answer = await call(
        ENDPOINTS.patchSlot,
        { params: { id: slot.id }, body: { config: { ...slot.config, ...fix.patch } } },
        { ifMatch: slot.rev },
      );
      liveFeed.putSlot(answer.slot);
    } catch (error) {
      toastError(asAppError(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <ReasonButton
      variant="filled"
      changes
      busy={busy}
      busyLabel={t('slots.applying')}
      title={fix.label}
      onClick={() => void apply()}
    >
      {t('slots.applyFix', { change: changeWords(fix.patch) })}
    </ReasonButton>
  );
}

/** `context_length to 65,536`. Pure. */
export function changeWords(patch: Readonly<Record<string, unknown>>): string {
  return Object.entries(patch)
    .map(([key, value]) =>
      t('slots.change', { key, value: typeof value === 'number' ? formatCount(value) : String(value) }),
    )
    .join(', ');
}
