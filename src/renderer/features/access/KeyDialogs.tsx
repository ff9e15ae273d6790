import { SegmentedControl, Select, TextInput } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import type { Key } from '../../../shared/contract/index.ts';
import { roleCovers, type Role } from '../../../shared/lifecycle/states.ts';
import { closeDialog, openDialog } from '../../app/dialogs.ts';
import { toastDone } from '../../app/toasts.ts';
import {
  addKey,
  changeKey,
  keyEffectsQuery,
  keyQuery,
  principalQuery,
  principalsQuery,
  revokeKey,
  rotateKey,
} from '../../data/access.ts';
import { useKept } from '../../data/lists.ts';
import { useNow } from '../../data/now.ts';
import { useQuery } from '../../data/queries.ts';
import { endSession, useSession } from '../../data/session.ts';
import { Confirm } from '../../parts/Confirm.tsx';
import { Effects } from '../../parts/Effects.tsx';
import { FormDialog } from '../../parts/FormDialog.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import { asNewKey, changesOf, formOf, NEW_KEY_FORM, troubleOf } from './key-form.ts';
import { KeyFields } from './KeyFields.tsx';
import { nameTrouble } from './PrincipalDialogs.tsx';
import { RoleSelect } from './RoleSelect.tsx';
import { showSecret } from './secret.ts';
import css from './access.module.css';

interface About {
  readonly id: string;
  readonly onClose: () => void;
}

/** A new key: for somebody who is here, or for a service that is made with it. */
export function NewKeyDialog({
  ownerId,
  onClose,
}: {
  readonly ownerId: string | null;
  readonly onClose: () => void;
}): ReactNode {
  const [name, setName] = useState('');
  const [owner, setOwner] = useState(ownerId);
  const [role, setRole] = useState<Role>('user');
  const [form, setForm] = useState(NEW_KEY_FORM);
  const { data: principal } = useQuery(owner === null ? null : principalQuery(owner));
  const now = useNow(60_000);
  const atMost = principal?.role ?? 'superadmin';
  const given = roleCovers(atMost, role) ? role : atMost;
  return (
    <FormDialog
      title={t('keys.newPlain')}
      verb={t('keys.make')}
      busyVerb={t('keys.making')}
      size={560}
      reason={name === '' ? t('people.badName') : (nameTrouble(name) ?? troubleOf(form, now))}
      onClose={onClose}
      onSubmit={async () => {
        const whose = owner === null ? {} : { principal_id: owner };
        const made = await addKey({ name, role: given, ...whose, ...asNewKey(form, Date.now()) });
        showSecret({ ...made, replaced: null });
      }}
    >
      <TextInput
        data-autofocus
        label={t('keys.name')}
        description={t('keys.nameHelp')}
        placeholder={t('keys.namePlaceholder')}
        value={name}
        error={nameTrouble(name)}
        {...(name === '' ? { 'data-missing': true } : {})}
        autoComplete="off"
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <div className={css.fields}>
        <OwnerSelect value={owner} onChange={setOwner} />
        <RoleSelect value={given} onChange={setRole} atMost={atMost} />
      </div>
      <KeyFields form={form} onChange={setForm} />
    </FormDialog>
  );
}

const NEW_SERVICE = '';

function OwnerSelect({
  value,
  onChange,
}: {
  readonly value: string | null;
  readonly onChange: (id: string | null) => void;
}): ReactNode {
  const [search, setSearch] = useState('');
  const { data: chosen } = useQuery(value === null ? null : principalQuery(value));
  const label = chosen?.name ?? t('keys.ownerNew');
  const { data } = useKept(principalsQuery(search === label ? '' : search));
  const found = (data?.rows ?? []).filter(({ kind }) => kind !== 'system');
  const people =
    chosen === undefined || found.some(({ id }) => id === chosen.id) ? found : [chosen, ...found];
  return (
    <Select
      label={t('keys.owner')}
      description={
        chosen === undefined
          ? t('keys.ownerNewHelp')
          : t('keys.ownerNamed', {
              kind: t(`people.kind.${chosen.kind}`),
              role: t(`role.${chosen.role}`),
            })
      }
      inputWrapperOrder={['label', 'input', 'description', 'error']}
      searchable
      allowDeselect={false}
      searchValue={search}
      onSearchChange={setSearch}
      data={[
        { value: NEW_SERVICE, label: t('keys.ownerNew') },
        ...people.map((principal) => ({ value: principal.id, label: principal.name })),
      ]}
      filter={({ options }) => options}
      value={value ?? NEW_SERVICE}
      onChange={(id) => onChange(id === NEW_SERVICE ? null : id)}
    />
  );
}

export function EditKeyDialog({ id, onClose }: About): ReactNode {
  const { data: key } = useQuery(keyQuery(id));
  return key === undefined ? null : <EditForm of={key} onClose={onClose} />;
}

function EditForm({ of: key, onClose }: { readonly of: Key; readonly onClose: () => void }): ReactNode {
  const [form, setForm] = useState(() => formOf(key));
  const now = useNow(60_000);
  const unchanged = Object.keys(changesOf(key, form, now)).length === 0;
  return (
    <FormDialog
      title={t('keys.editTitle', { name: key.name })}
      verb={t('action.save')}
      busyVerb={t('access.saving')}
      size={560}
      reason={troubleOf(form, now) ?? (unchanged ? t('config.nothingChanged') : null)}
      onClose={onClose}
      onSubmit={async () => {
        await changeKey(key.id, changesOf(key, form, Date.now()));
        toastDone(t('keys.saved', { name: key.name }));
      }}
    >
      <KeyFields form={form} onChange={setForm} endsNow={key.expires_at} />
    </FormDialog>
  );
}

const OVERLAPS = ['0', '3600', '86400', '604800', '2592000'] as const;

export function RotateKeyDialog({ id, onClose }: About): ReactNode {
  const { data: key } = useQuery(keyQuery(id));
  const effects = useQuery(keyEffectsQuery(id, 'rotate'));
  const [overlap, setOverlap] = useState<(typeof OVERLAPS)[number]>('86400');
  if (key === undefined) return null;
  return (
    <Confirm
      title={t('keys.rotateTitle', { name: key.name, last4: key.last4 })}
      keep={t('keys.rotateKeep')}
      verb={t('keys.rotateVerb')}
      busyVerb={t('keys.rotating')}
      onClose={onClose}
      onConfirm={async () => showSecret(await rotateKey(id, Number(overlap)))}
    >
      <p>{t(overlap === '0' ? 'keys.rotateNow' : 'keys.rotateBody')}</p>
      <Effects of={effects} />
      <div>
        <div id="rotate-overlap" className={css.legend}>
          {t('keys.overlap')}
        </div>
        <SegmentedControl
          className={css.segments ?? ''}
          aria-labelledby="rotate-overlap"
          value={overlap}
          onChange={setOverlap}
          data={OVERLAPS.map((value) => ({ value, label: t(`keys.overlap.${value}`) }))}
        />
      </div>
    </Confirm>
  );
}

export function RevokeKeyDialog({ id, onClose }: About): ReactNode {
  const { data: key } = useQuery(keyQuery(id));
  const effects = useQuery(keyEffectsQuery(id, 'revoke'));
  const session = useSession();
  if (key === undefined) return null;
  const own = session.state === 'signed-in' && session.key.id === id;
  return (
    <Confirm
      title={t('keys.revokeTitle', { name: key.name, last4: key.last4 })}
      keep={t('keys.revokeKeep')}
      verb={t('keys.revokeVerb')}
      busyVerb={t('keys.revoking')}
      destroys
      reason={effects.data === undefined ? t('modelDialog.effectsPending') : null}
      instead={
        key.kind !== 'session' && (
          <ReasonButton
            changes
            onClick={() => {
              closeDialog();
              openDialog({ kind: 'access', ask: 'rotate-key', id });
            }}
          >
            {t('keys.rotateInstead')}
          </ReasonButton>
        )
      }
      onClose={onClose}
      onConfirm={async () => {
        await revokeKey(id);
        if (own) endSession(null);
        else toastDone(t('keys.revoked', { name: key.name }));
      }}
    >
      {own && <p>{t('keys.revokeOwn')}</p>}
      <Effects of={effects} />
    </Confirm>
  );
}
