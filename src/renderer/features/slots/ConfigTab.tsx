import { Select, Textarea, TextInput } from '@mantine/core';
import { useMemo, useState, type ReactNode } from 'react';
import { ENDPOINTS, KV_CACHE_TYPES, type Slot, type SlotConfig } from '../../../shared/contract/index.ts';
import type { AppError } from '../../../shared/contract/errors.ts';
import { toastDone } from '../../app/toasts.ts';
import { asAppError, call } from '../../data/api.ts';
import { liveFeed } from '../../data/live.ts';
import { runtimesQuery } from '../../data/node.ts';
import { useQuery } from '../../data/queries.ts';
import { useMay } from '../../data/session.ts';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { formatCount, parseCount } from '../../parts/format.ts';
import { OriginNote } from '../../parts/OriginNote.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t, type TextKey } from '../../strings/text.ts';
import css from './ConfigTab.module.css';

type Kind = 'count' | 'number' | 'text' | 'layers' | 'switch' | 'kv' | 'lines';

interface Setting {
  readonly key: keyof SlotConfig;
  readonly kind: Kind;
}

const SETTINGS: readonly Setting[] = [
  { key: 'context_length', kind: 'count' },
  { key: 'parallel', kind: 'count' },
  { key: 'threads', kind: 'count' },
  { key: 'gpu_layers', kind: 'layers' },
  { key: 'kv_cache_type', kind: 'kv' },
  { key: 'gpu_memory_utilization', kind: 'number' },
  { key: 'tensor_parallel_size', kind: 'count' },
  { key: 'dtype', kind: 'text' },
  { key: 'enforce_eager', kind: 'switch' },
  { key: 'trust_remote_code', kind: 'switch' },
  { key: 'image', kind: 'text' },
  { key: 'extra_args', kind: 'lines' },
];

type Draft = Readonly<Record<string, string>>;

/** The settings of a slot: what is set here, what comes from elsewhere, and from where. */
export default function ConfigTab({ slot }: { readonly slot: Slot }): ReactNode {
  const { data: runtimes, error } = useQuery(runtimesQuery);
  if (error !== null) return <Refusal error={error} alert={false} />;
  if (runtimes === undefined) return <Pending />;
  const spec = runtimes.find((runtime) => runtime.id === slot.runtime_spec);
  const settings = SETTINGS.filter(({ key }) => spec === undefined || spec.settings.includes(key));
  return <ConfigForm key={slot.rev} slot={slot} settings={settings} />;
}

function ConfigForm({
  slot,
  settings,
}: {
  readonly slot: Slot;
  readonly settings: readonly Setting[];
}): ReactNode {
  const maySave = useMay('superadmin');
  const stored = useMemo(() => draftOf(slot.config, settings), [slot.config, settings]);
  const [draft, setDraft] = useState<Draft>(stored);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<AppError | null>(null);
  const changed = settings.filter(({ key }) => (draft[key] ?? '') !== (stored[key] ?? ''));
  const problems = new Map(settings.flatMap((setting) => problemOf(setting, draft[setting.key] ?? '')));

  const save = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      const config = configOf(slot.config, draft, settings);
      const answer = await call(
        ENDPOINTS.patchSlot,
        { params: { id: slot.id }, body: { config } },
        { ifMatch: slot.rev },
      );
      liveFeed.putSlot(answer.slot);
      toastDone(
        t(slot.assigned_model_id === null ? 'config.saved' : 'config.savedRestart', { slot: slot.id }),
      );
    } catch (thrown) {
      setError(asAppError(thrown));
    } finally {
      setBusy(false);
    }
  };

  const reason =
    (maySave ? null : t('slots.needsSuperadmin')) ??
    (changed.length === 0 ? t('config.nothingChanged') : null) ??
    problems.values().next().value ??
    null;
  return (
    <form
      className={css.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (reason === null) void save();
        else document.querySelector<HTMLElement>('[data-invalid] input, input[data-error]')?.focus();
      }}
    >
      <div className={css.head}>
        <span>{t('config.setting')}</span>
        <span>{t('config.value')}</span>
        <span>{t('config.origin')}</span>
      </div>
      {settings.map((setting) => (
        <div key={setting.key} className={css.row}>
          <label className={css.label} htmlFor={`setting-${setting.key}`}>
            {t(`setting.${setting.key}` as TextKey)}
          </label>
          <Control
            setting={setting}
            value={draft[setting.key] ?? ''}
            placeholder={effectiveWords(slot, setting.key)}
            problem={problems.get(setting.key)}
            onChange={(value) => setDraft((before) => ({ ...before, [setting.key]: value }))}
          />
          <span className={css.origin}>
            {(draft[setting.key] ?? '') !== (stored[setting.key] ?? '') ? (
              <span>{t('config.changed')}</span>
            ) : (
              <OriginNote
                origin={slot.effective_config?.origins[setting.key] ?? ownOrigin(slot, setting.key)}
              />
            )}
          </span>
        </div>
      ))}
      {error !== null && <Refusal error={error} />}
      <div className={css.foot}>
        <ReasonButton
          type="submit"
          variant="filled"
          changes
          reason={reason}
          busy={busy}
          busyLabel={t('config.saving')}
        >
          {t('action.save')}
        </ReasonButton>
        <ReasonButton
          onClick={() => setDraft(stored)}
          reason={changed.length === 0 ? t('config.nothingChanged') : null}
        >
          {t('action.discard')}
        </ReasonButton>
        <span className={css.note}>
          {changed.length === 0
            ? t('config.note')
            : t(slot.assigned_model_id === null ? 'config.effect' : 'config.effectRestart', {
                count: changed.length,
                requests: slot.requests_in_flight,
              })}
        </span>
      </div>
    </form>
  );
}

function Control({
  setting,
  value,
  placeholder,
  problem,
  onChange,
}: {
  readonly setting: Setting;
  readonly value: string;
  readonly placeholder: string;
  readonly problem: string | undefined;
  readonly onChange: (value: string) => void;
}): ReactNode {
  const id = `setting-${setting.key}`;
  if (setting.kind === 'kv' || setting.kind === 'switch')
    return (
      <Select
        id={id}
        data={
          setting.kind === 'kv'
            ? [...KV_CACHE_TYPES]
            : [
                { value: 'true', label: t('config.on') },
                { value: 'false', label: t('config.off') },
              ]
        }
        value={value === '' ? null : value}
        placeholder={placeholder}
        clearable
        clearButtonProps={{ 'aria-label': t('config.clear') }}
        onChange={(next) => onChange(next ?? '')}
      />
    );
  if (setting.kind === 'lines')
    return (
      <Textarea
        id={id}
        autosize
        minRows={2}
        value={value}
        placeholder={t('config.argsPlaceholder')}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    );
  return (
    <TextInput
      id={id}
      value={value}
      placeholder={placeholder}
      error={problem}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

function ownOrigin(slot: Slot, key: keyof SlotConfig): { from: 'slot' } | undefined {
  return slot.config[key] === undefined ? undefined : { from: 'slot' };
}

function effectiveWords(slot: Slot, key: keyof SlotConfig): string {
  const value = slot.effective_config?.values[key];
  if (typeof value === 'number') return formatCount(value);
  if (typeof value === 'string' || typeof value === 'boolean') return String(value);
  return t('config.unset');
}

/** What is set in this slot, as text. Pure. */
export function draftOf(config: SlotConfig, settings: readonly Setting[]): Draft {
  return Object.fromEntries(
    settings.flatMap(({ key }) => {
      const value = config[key];
      if (value === undefined) return [];
      return [[key, Array.isArray(value) ? value.join('\n') : String(value)]];
    }),
  );
}

/** The settings again; what is empty comes from elsewhere. Pure. */
export function configOf(config: SlotConfig, draft: Draft, settings: readonly Setting[]): SlotConfig {
  const next: Record<string, unknown> = { ...config };
  for (const { key, kind } of settings) {
    const text = (draft[key] ?? '').trim();
    if (text === '') delete next[key];
    else next[key] = valueOf(kind, text);
  }
  return next;
}

function valueOf(kind: Kind, text: string): unknown {
  switch (kind) {
    case 'count':
      return parseCount(text);
    case 'number':
      return Number(text);
    case 'layers':
      return text === 'all' || text === 'auto' ? text : parseCount(text);
    case 'switch':
      return text === 'true';
    case 'lines':
      return text.split('\n').filter((line) => line !== '');
    case 'text':
    case 'kv':
      return text;
  }
}

function problemOf({ key, kind }: Setting, text: string): [string, string][] {
  if (text.trim() === '') return [];
  if (kind === 'count' && parseCount(text) === null) return [[key, t('config.notCount')]];
  if (kind === 'layers' && text !== 'all' && text !== 'auto' && parseCount(text) === null)
    return [[key, t('config.notLayers')]];
  if (kind === 'number' && !(Number(text) > 0 && Number(text) <= 1)) return [[key, t('config.notShare')]];
  return [];
}
