import { Select, TextInput } from '@mantine/core';
import { useEffect, useId, useState, type KeyboardEvent, type ReactNode } from 'react';
import { navigate } from 'wouter/use-browser-location';
import {
  ADD_CLOUD_MODEL,
  ENDPOINTS,
  NAME_PATTERN,
  TASKS,
  type CloudModel,
  type Credential,
  type TaskKey,
} from '../../../shared/contract/index.ts';
import { openDialog } from '../../app/dialogs.ts';
import { toastDone } from '../../app/toasts.ts';
import { call } from '../../data/api.ts';
import { credentialsQuery } from '../../data/credentials.ts';
import { useKept } from '../../data/lists.ts';
import { putModelDetail } from '../../data/models.ts';
import { useMutation } from '../../data/mutate.ts';
import { profileQuery } from '../../data/node.ts';
import { useQuery, type Query } from '../../data/queries.ts';
import { useMay } from '../../data/session.ts';
import confirmCss from '../../parts/Confirm.module.css';
import { cx } from '../../parts/cx.ts';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { ErrorStrip, Refusal } from '../../parts/ErrorStrip.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import { credentialWords, modelTitle, providerWords } from '../models/words.ts';
import css from './FromProvider.module.css';

/** What a provider can be asked to do today. */
const CLOUD_TASKS = ['llm', 'embeddings', 'rerank'] as const satisfies readonly TaskKey[];
/** Rows on the dialog; typing narrows the rest. */
const SHOWN = 100;
/** The provider is asked when typing pauses. */
const TYPING_MS = 250;

/** A model that a provider runs: through which credential, which one, under what name here. */
export function FromProvider({ onClose }: { readonly onClose: () => void }): ReactNode {
  const { data, error } = useQuery(credentialsQuery());
  const [chosen, setChosen] = useState<string | null>(null);
  if (data === undefined)
    return error === null ? <Pending rows={3} /> : <Refusal error={error} alert={false} />;
  const usable = data.rows.filter((one) => one.is_active);
  // One dialog at a time: this one is opened again from the list.
  const addCredential = (): void => openDialog({ kind: 'credential', ask: 'add', id: null });
  if (usable.length === 0)
    return (
      <EmptyState
        actions={
          <ReasonButton variant="filled" onClick={addCredential}>
            {t('addProvider.addCredential')}
          </ReasonButton>
        }
      >
        {t('addProvider.none')}
      </EmptyState>
    );
  const credential = usable.find((one) => one.id === chosen) ?? (usable.length === 1 ? usable[0] : undefined);
  return (
    <div className={css.form}>
      <div className={css.credential}>
        <Select
          label={t('addProvider.credential')}
          placeholder={t('addProvider.choose')}
          data={usable.map((one) => ({
            value: one.id,
            label: `${providerWords(one.provider)}: ${credentialWords(one)}`,
          }))}
          value={credential?.id ?? null}
          onChange={setChosen}
          allowDeselect={false}
        />
        <ReasonButton variant="subtle" onClick={addCredential}>
          {t('addProvider.addCredential')}
        </ReasonButton>
      </div>
      {credential !== undefined && (
        <ModelForm key={credential.id} credential={credential} onClose={onClose} />
      )}
    </div>
  );
}

function offeredQuery(credential: Credential, q: string): Query<readonly CloudModel[]> {
  return {
    key: `offered ${credential.id} ${q}`,
    about: [`credential:${credential.id}`, 'profile:runtime', 'model:*'],
    read: async (signal) =>
      (
        await call(
          ENDPOINTS.discoverCloud,
          { query: { credential_id: credential.id, ...(q === '' ? {} : { q }) } },
          { signal },
        )
      ).models,
  };
}

function ModelForm({
  credential,
  onClose,
}: {
  readonly credential: Credential;
  readonly onClose: () => void;
}): ReactNode {
  const superadmin = useMay('superadmin');
  const { data: profile } = useQuery(profileQuery);
  const [typed, setTyped] = useState('');
  const [name, setName] = useState<string | null>(null);
  const [task, setTask] = useState<TaskKey | null>(null);
  const asked = useSettled(typed.trim());
  const isOffline = profile?.profile === 'offline';
  const offered = useKept(isOffline || profile === undefined ? null : offeredQuery(credential, asked));
  const id = typed.trim();
  const picked = offered.data?.find((one) => one.provider_model_id === id);
  const wantedName = name ?? nameFrom(id);
  const wantedTask = task ?? picked?.task_key ?? 'llm';
  const reason =
    id === '' ? t('addProvider.noModel') : NAME_PATTERN.test(wantedName) ? null : t('newSlot.badName');
  const { busy, error, run } = useMutation(async () => {
    const { model } = await call(ADD_CLOUD_MODEL, {
      body: {
        backend: 'external_api',
        name: wantedName,
        provider: credential.provider,
        provider_model_id: id,
        credential_id: credential.id,
        task_key: wantedTask,
        ...(superadmin && credential.credential_scope === 'platform' ? { owner_type: 'platform' } : {}),
      },
    });
    putModelDetail(model);
    toastDone(t('add.done', { model: modelTitle(model) }));
    onClose();
    navigate(`/models/${model.id}`);
  });
  return (
    <form
      className={css.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (reason === null) void run();
      }}
    >
      {isOffline && <Offline />}
      <Offered
        typed={typed}
        offered={isOffline ? [] : offered.data}
        isOffline={isOffline}
        onType={(text) => {
          setTyped(text);
          setName(null);
          setTask(null);
        }}
      />
      {offered.error !== null && <Refusal error={offered.error} alert={false} />}
      <div className={css.named}>
        <TextInput
          label={t('addProvider.name')}
          description={t('add.nameHelp')}
          value={wantedName}
          error={id === '' || NAME_PATTERN.test(wantedName) ? null : t('newSlot.badName')}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Select
          label={t('addProvider.task')}
          data={CLOUD_TASKS.filter((one) => Object.hasOwn(TASKS, one)).map((value) => ({
            value,
            label: t(`task.${value}`),
          }))}
          value={wantedTask}
          onChange={(value) => setTask(value)}
          allowDeselect={false}
        />
      </div>
      {error !== null && <Refusal error={error} />}
      <div className={confirmCss.buttons}>
        <ReasonButton onClick={onClose}>{t('action.cancel')}</ReasonButton>
        <ReasonButton
          type="submit"
          variant="filled"
          changes
          reason={reason}
          busy={busy}
          busyLabel={t('addProvider.adding')}
        >
          {t('addProvider.add', { name: wantedName === '' ? '…' : wantedName })}
        </ReasonButton>
      </div>
    </form>
  );
}

function Offline(): ReactNode {
  const superadmin = useMay('superadmin');
  return (
    <ErrorStrip
      tone="warn"
      sentence={t('addProvider.offline')}
      actions={
        superadmin && (
          <ReasonButton
            size="xs"
            changes
            onClick={() => openDialog({ kind: 'switch-profile', to: 'online' })}
          >
            {t('model.goOnline')}
          </ReasonButton>
        )
      }
    />
  );
}

/** What the provider offers, narrowed by what is typed; what is typed can be taken as it is. */
function Offered({
  typed,
  offered,
  isOffline,
  onType,
}: {
  readonly typed: string;
  readonly offered: readonly CloudModel[] | undefined;
  readonly isOffline: boolean;
  readonly onType: (text: string) => void;
}): ReactNode {
  const listId = useId();
  const [active, setActive] = useState<number | null>(null);
  const words = typed.trim().toLowerCase();
  const hits = (offered ?? []).filter((one) =>
    `${one.provider_model_id} ${one.name}`.toLowerCase().includes(words),
  );
  const shown = hits.slice(0, SHOWN);
  const isOpen = !isOffline && shown.length > 0;
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && isOpen) {
      event.preventDefault();
      const next = Math.max(0, Math.min(shown.length - 1, active === null ? 0 : active + step));
      setActive(next);
      document.getElementById(`${listId}-${next}`)?.scrollIntoView({ block: 'nearest' });
    } else if (event.key === 'Enter' && active !== null) {
      event.preventDefault();
      const hit = shown[active];
      if (hit !== undefined) onType(hit.provider_model_id);
      setActive(null);
    }
  };
  return (
    <div>
      <TextInput
        data-autofocus
        label={t('addProvider.search')}
        description={isOffline ? undefined : t('addProvider.searchHelp')}
        role="combobox"
        aria-expanded={isOpen}
        aria-controls={listId}
        aria-autocomplete="list"
        aria-activedescendant={active === null ? undefined : `${listId}-${active}`}
        value={typed}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => {
          onType(event.currentTarget.value);
          setActive(null);
        }}
        onKeyDown={onKeyDown}
      />
      {!isOffline && offered === undefined && <p className={css.note}>{t('addProvider.asking')}</p>}
      {!isOffline && offered !== undefined && shown.length === 0 && (
        <p className={css.note}>{t('addProvider.nothing')}</p>
      )}
      {isOpen && (
        <div id={listId} role="listbox" aria-label={t('addProvider.offered')} className={css.list}>
          {shown.map((one, index) => (
            // oxlint-disable-next-line jsx-a11y/click-events-have-key-events -- the field above takes the keys of the list
            <div
              key={one.provider_model_id}
              id={`${listId}-${index}`}
              role="option"
              aria-selected={one.provider_model_id === typed.trim()}
              tabIndex={-1}
              className={cx(css.option, index === active && css.active)}
              onClick={() => onType(one.provider_model_id)}
            >
              <span className={css.id}>{one.provider_model_id}</span>
              <span className={css.note}>{t(`task.${one.task_key}`)}</span>
              {one.model_ids.length > 0 && (
                <span className={css.note}>
                  {t('addProvider.here', { models: one.model_ids.join(', ') })}
                </span>
              )}
            </div>
          ))}
        </div>
      )}
      {hits.length > SHOWN && (
        <p className={css.note}>{t('addProvider.more', { count: hits.length - SHOWN })}</p>
      )}
    </div>
  );
}

/** A name made of a provider's id: lower-case, other characters to dashes. Pure. */
function nameFrom(id: string): string {
  const last = id.split('/').at(-1) ?? '';
  return last
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 128);
}

function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}
