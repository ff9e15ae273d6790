import { SegmentedControl, TextInput } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { navigate } from 'wouter/use-browser-location';
import { NAME_PATTERN, type Key, type Principal } from '../../../shared/contract/index.ts';
import type { Role } from '../../../shared/lifecycle/states.ts';
import { toastDone } from '../../app/toasts.ts';
import {
  addPrincipal,
  changePrincipal,
  keysQuery,
  principalQuery,
  removePrincipal,
} from '../../data/access.ts';
import { useNow } from '../../data/now.ts';
import { useQuery } from '../../data/queries.ts';
import { Confirm } from '../../parts/Confirm.tsx';
import { FormDialog } from '../../parts/FormDialog.tsx';
import { t } from '../../strings/text.ts';
import { RoleSelect } from './RoleSelect.tsx';
import { isLive } from './words.ts';
import css from './access.module.css';

interface About {
  readonly id: string;
  readonly onClose: () => void;
}

/** The name of a new object, and why it cannot be that. */
export function nameTrouble(name: string): string | null {
  return name !== '' && !NAME_PATTERN.test(name) ? t('people.badName') : null;
}

export function AddPrincipalDialog({ onClose }: { readonly onClose: () => void }): ReactNode {
  const [name, setName] = useState('');
  const [shown, setShown] = useState('');
  const [kind, setKind] = useState<'person' | 'service'>('person');
  const [role, setRole] = useState<Role>('user');
  const badName = nameTrouble(name);
  return (
    <FormDialog
      title={t('people.addTitle')}
      verb={t('people.addVerb')}
      busyVerb={t('people.adding')}
      reason={name === '' ? t('people.badName') : badName}
      onClose={onClose}
      onSubmit={async () => {
        const display = shown.trim() === '' ? {} : { display_name: shown.trim() };
        const principal = await addPrincipal({ name, kind, role, ...display });
        toastDone(t('people.added', { name }));
        navigate(`/access/people/${principal.id}`);
      }}
    >
      <div>
        <div id="principal-kind" className={css.legend}>
          {t('people.kind')}
        </div>
        <SegmentedControl
          className={css.segments ?? ''}
          aria-labelledby="principal-kind"
          value={kind}
          onChange={setKind}
          data={(['person', 'service'] as const).map((value) => ({
            value,
            label: t(`people.kindLabel.${value}`),
          }))}
        />
      </div>
      <TextInput
        data-autofocus
        label={t('people.name')}
        description={t('people.nameHelp')}
        placeholder={t('people.namePlaceholder')}
        value={name}
        error={badName}
        {...(name === '' ? { 'data-missing': true } : {})}
        autoComplete="off"
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <TextInput
        label={t('people.shown')}
        description={t('people.shownHelp')}
        maxLength={200}
        value={shown}
        autoComplete="off"
        onChange={(event) => setShown(event.currentTarget.value)}
      />
      <RoleSelect value={role} onChange={setRole} />
    </FormDialog>
  );
}

export function EditPrincipalDialog({ id, onClose }: About): ReactNode {
  const { data: principal } = useQuery(principalQuery(id));
  return principal === undefined ? null : <EditForm principal={principal} onClose={onClose} />;
}

function EditForm({
  principal,
  onClose,
}: {
  readonly principal: Principal;
  readonly onClose: () => void;
}): ReactNode {
  const [shown, setShown] = useState(principal.display_name);
  const [role, setRole] = useState(principal.role);
  const changes = {
    ...(shown.trim() === principal.display_name ? {} : { display_name: shown.trim() }),
    ...(role === principal.role ? {} : { role }),
  };
  return (
    <FormDialog
      title={t('people.editTitle', { name: principal.name })}
      verb={t('action.save')}
      busyVerb={t('access.saving')}
      reason={Object.keys(changes).length === 0 ? t('config.nothingChanged') : null}
      onClose={onClose}
      onSubmit={async () => {
        await changePrincipal(principal, changes);
        toastDone(t('people.saved', { name: principal.name }));
      }}
    >
      <TextInput
        data-autofocus
        label={t('people.shown')}
        maxLength={200}
        value={shown}
        autoComplete="off"
        onChange={(event) => setShown(event.currentTarget.value)}
      />
      <RoleSelect value={role} onChange={setRole} />
    </FormDialog>
  );
}

/** The keys of somebody that are in force; undefined until they were read. */
function useLiveKeys(id: string): readonly Key[] | undefined {
  const now = useNow(60_000);
  const { data } = useQuery(keysQuery(id));
  return data?.rows.filter((key) => isLive(key, now));
}

function namesOf(keys: readonly Key[]): string {
  return keys.map((key) => `${key.name} (…${key.last4})`).join(', ');
}

export function DisablePrincipalDialog({ id, onClose }: About): ReactNode {
  const { data: principal } = useQuery(principalQuery(id));
  const keys = useLiveKeys(id);
  if (principal === undefined) return null;
  const { name } = principal;
  return (
    <Confirm
      title={t('people.disableTitle', { name })}
      keep={t('people.disableKeep')}
      verb={t('people.disableVerb')}
      busyVerb={t('people.disabling')}
      reason={keys === undefined ? t('modelDialog.effectsPending') : null}
      onClose={onClose}
      onConfirm={async () => {
        await changePrincipal(principal, { disabled: true });
        toastDone(t('people.disabledDone', { name }));
      }}
    >
      {keys !== undefined && <p>{t('people.disableBody', { count: keys.length, names: namesOf(keys) })}</p>}
    </Confirm>
  );
}

export function RemovePrincipalDialog({ id, onClose }: About): ReactNode {
  const { data: principal } = useQuery(principalQuery(id));
  const keys = useLiveKeys(id);
  if (principal === undefined) return null;
  const { name, groups } = principal;
  return (
    <Confirm
      title={t('people.removeTitle', { name })}
      keep={t('people.removeKeep')}
      verb={t('people.removeVerb')}
      busyVerb={t('people.removing')}
      destroys
      reason={keys === undefined ? t('modelDialog.effectsPending') : null}
      onClose={onClose}
      onConfirm={async () => {
        const count = await removePrincipal(id);
        toastDone(t('people.removed', { name, count }));
        navigate('/access/people');
      }}
    >
      {keys !== undefined && <p>{t('people.removeKeys', { count: keys.length, names: namesOf(keys) })}</p>}
      {groups.length > 0 && (
        <p>
          {t('people.removeGroups', {
            count: groups.length,
            names: groups.map((group) => group.name).join(', '),
          })}
        </p>
      )}
      <p>{t('people.removeName')}</p>
    </Confirm>
  );
}
