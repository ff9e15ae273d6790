import { useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import { ENDPOINTS, SlotConfigSchema, type LoadError, type Slot } from '../../../shared/contract/index.ts';
import { toastError } from '../../app/toasts.ts';
import { asAppError, call } from '../../data/api.ts';
import { liveFeed } from '../../data/live.ts';
import { useNow } from '../../data/now.ts';
import { useMay } from '../../data/session.ts';
import { copyText } from '../../parts/Copy.tsx';
import { ErrorStrip } from '../../parts/ErrorStrip.tsx';
import { formatCount, formatDuration, formatTime } from '../../parts/format.ts';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Sentence } from '../../parts/Sentence.tsx';
import { t } from '../../strings/text.ts';
import css from './SlotError.module.css';
import { settingName } from './words.ts';

type Fix = LoadError['fixes'][number];

/**
 * Why a slot does not serve: cause, what helps, the line that tells it, whether it is tried again, and the fixes.
 * `full`: all fixes as what they would change, and what a report of it needs; else the first as a button.
 */
export function SlotError({
  slot,
  error,
  full = false,
}: {
  readonly slot: Slot;
  readonly error: LoadError;
  readonly full?: boolean;
}): ReactNode {
  const line = error.evidence?.text ?? evidenceOf(error);
  return (
    <ErrorStrip
      sentence={<Sentence text={error.message} />}
      hint={
        <>
          <Sentence text={error.hint} /> <Retry error={error} />
        </>
      }
      actions={<Actions slot={slot} error={error} full={full} />}
    >
      {line !== null && <pre className={css.line}>{line}</pre>}
      {full && error.fixes.length > 0 && <Fixes slot={slot} fixes={error.fixes} />}
    </ErrorStrip>
  );
}

function Actions({
  slot,
  error,
  full,
}: {
  readonly slot: Slot;
  readonly error: LoadError;
  readonly full: boolean;
}): ReactNode {
  const mayFix = useMay('superadmin');
  const { evidence } = error;
  const [first] = error.fixes;
  const logs = `/slots/${slot.id}/logs?attempt=${evidence?.attempt ?? slot.attempt}`;
  return (
    <>
      {mayFix && !full && first !== undefined && <FixButton slot={slot} fix={first} filled />}
      {mayFix && (full || error.will_retry) && <TryNow slot={slot} error={error} />}
      {full && error.cause === null && (
        <ReasonButton onClick={() => void copyText(reportOf(slot, error))}>
          {t('action.copyReport')}
        </ReasonButton>
      )}
      {(!full || evidence !== undefined) && (
        <Link href={evidence === undefined ? logs : `${logs}&line=${evidence.line}`} className={css.link}>
          {evidence === undefined ? t('slotAction.logs') : t('slots.seeLine')}
        </Link>
      )}
    </>
  );
}

/** Every fix with what it would change. */
function Fixes({ slot, fixes }: { readonly slot: Slot; readonly fixes: readonly Fix[] }): ReactNode {
  const mayFix = useMay('superadmin');
  return (
    <ul className={css.fixes} aria-label={t('slots.fixes')}>
      {fixes.map((fix, index) => (
        <li key={fix.label} className={css.fix}>
          <span className={css.label}>{fix.label}</span>
          <code className={css.diff}>{changeDiff(slot, fix.patch)}</code>
          {mayFix && <FixButton slot={slot} fix={fix} filled={index === 0} brief />}
        </li>
      ))}
    </ul>
  );
}

/** The one line that tells it, of errors that were stored before lines had numbers. Pure. */
function evidenceOf(error: LoadError): string | null {
  return error.cause !== null && error.log_excerpt.length === 1 ? (error.log_excerpt[0] ?? null) : null;
}

function Retry({ error }: { readonly error: LoadError }): ReactNode {
  const now = useNow(error.retry_at === null ? 60_000 : 1000);
  if (!error.will_retry) {
    const time = formatTime(error.at, now);
    return (
      <span className={css.retry}>
        {error.error === 'runtime_crash_loop' ? t('slots.gaveUp', { time }) : t('slots.noRetry', { time })}
      </span>
    );
  }
  if (error.retry_at === null) return null;
  const rest = Math.max(0, Date.parse(error.retry_at) - now);
  return (
    <span className={css.retry}>
      {t('slots.retryIn', { span: formatDuration(Math.ceil(rest / 1000) * 1000).replace('0 ms', '0 s') })}
    </span>
  );
}

/** Does not wait for the next try, or asks for one that would not come. */
function TryNow({ slot, error }: { readonly slot: Slot; readonly error: LoadError }): ReactNode {
  const { busy, run } = useChange(() => call(ENDPOINTS.restartSlot, { params: { id: slot.id } }));
  if (slot.assigned_model_id === null) return null;
  return (
    <ReasonButton changes busy={busy} busyLabel={t('slots.trying')} onClick={run}>
      {error.will_retry ? t('slots.tryNow') : t('slots.tryAgain')}
    </ReasonButton>
  );
}

/** A fix is a change of settings, shown as what it changes; the slot then loads again. */
function FixButton({
  slot,
  fix,
  filled,
  brief = false,
}: {
  readonly slot: Slot;
  readonly fix: Fix;
  readonly filled: boolean;
  /** What it changes stands beside it. */
  readonly brief?: boolean;
}): ReactNode {
  const { busy, run } = useChange(() =>
    call(
      ENDPOINTS.patchSlot,
      { params: { id: slot.id }, body: { config: patched(slot.config, fix.patch) } },
      { ifMatch: slot.rev },
    ),
  );
  return (
    <ReasonButton
      variant={filled ? 'filled' : 'default'}
      changes
      busy={busy}
      busyLabel={t('slots.applying')}
      title={fix.label}
      {...(brief ? { 'aria-label': t('slots.applyNamed', { label: fix.label }) } : {})}
      onClick={run}
    >
      {brief ? t('slots.apply') : t('slots.applyFix', { change: changeWords(fix.patch) })}
    </ReasonButton>
  );
}

function useChange(change: () => Promise<{ slot: Slot }>): { busy: boolean; run: () => void } {
  const [busy, setBusy] = useState(false);
  const run = async (): Promise<void> => {
    setBusy(true);
    try {
      liveFeed.putSlot((await change()).slot);
    } catch (error) {
      toastError(asAppError(error));
    } finally {
      setBusy(false);
    }
  };
  return { busy, run: () => void run() };
}

/** The settings of a slot with a fix in them; null takes a setting away. Pure. */
export function patched(config: Slot['config'], patch: Fix['patch']): Slot['config'] {
  const merged = Object.entries({ ...config, ...patch }).filter(([, value]) => value !== null);
  return SlotConfigSchema.parse(Object.fromEntries(merged));
}

/** `Context per request to 65,536`. Pure. */
export function changeWords(patch: Readonly<Record<string, unknown>>): string {
  return Object.entries(patch)
    .map(([key, value]) =>
      value === null
        ? t('slots.changeUnset', { key: settingName(key) })
        : t('slots.change', { key: settingName(key), value: words(value) }),
    )
    .join(', ');
}

/** `context_length 131,072 → 65,536`. Pure. */
export function changeDiff(
  slot: Pick<Slot, 'config' | 'effective_config'>,
  patch: Readonly<Record<string, unknown>>,
): string {
  const before: Readonly<Record<string, unknown>> = { ...slot.config, ...slot.effective_config?.values };
  return Object.entries(patch)
    .map(([key, value]) => `${key} ${words(before[key])} → ${words(value)}`)
    .join(', ');
}

function words(value: unknown): string {
  if (value === undefined || value === null) return t('slots.notSet');
  if (typeof value === 'number') return Number.isInteger(value) ? formatCount(value) : String(value);
  if (Array.isArray(value)) return value.length === 0 ? t('slots.notSet') : value.map(String).join(' ');
  return typeof value === 'string' || typeof value === 'boolean' ? String(value) : JSON.stringify(value);
}

/** Everything that helps somebody else to help. The log holds no keys. Pure. */
function reportOf(slot: Slot, error: LoadError): string {
  const { id, runtime_spec, image_id, engine_version, config, attempt } = slot;
  return JSON.stringify(
    { slot: id, runtime_spec, image_id, engine_version, config, attempt, load_error: error },
    null,
    2,
  );
}
