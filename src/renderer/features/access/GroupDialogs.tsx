import { Textarea, TextInput } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { navigate } from 'wouter/use-browser-location';
import type { Group } from '../../../shared/contract/index.ts';
import { toastDone } from '../../app/toasts.ts';
import { addGroup, changeGroup, deleteGroup, groupQuery } from '../../data/access.ts';
import { useQuery } from '../../data/queries.ts';
import { Confirm } from '../../parts/Confirm.tsx';
import { FormDialog } from '../../parts/FormDialog.tsx';
import { t } from '../../strings/text.ts';
import { nameTrouble } from './PrincipalDialogs.tsx';

interface About {
  readonly id: string;
  readonly onClose: () => void;
}

export function AddGroupDialog({ onClose }: { readonly onClose: () => void }): ReactNode {
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  return (
    <FormDialog
      title={t('groups.addTitle')}
      verb={t('groups.addVerb')}
      busyVerb={t('groups.adding')}
      reason={name === '' ? t('people.badName') : nameTrouble(name)}
      onClose={onClose}
      onSubmit={async () => {
        const group = await addGroup({ name, description: description.trim() });
        toastDone(t('groups.added', { name }));
        navigate(`/access/groups/${group.id}`);
      }}
    >
      <Fields {...{ name, setName, description, setDescription }} />
    </FormDialog>
  );
}

export function EditGroupDialog({ id, onClose }: About): ReactNode {
  const { data: group } = useQuery(groupQuery(id));
  return group === undefined ? null : <EditForm group={group} onClose={onClose} />;
}

function EditForm({ group, onClose }: { readonly group: Group; readonly onClose: () => void }): ReactNode {
  const [name, setName] = useState(group.name);
  const [description, setDescription] = useState(group.description);
  const changes = {
    ...(name === group.name ? {} : { name }),
    ...(description.trim() === group.description ? {} : { description: description.trim() }),
  };
  const unchanged = Object.keys(changes).length === 0 ? t('config.nothingChanged') : null;
  return (
    <FormDialog
      title={t('groups.editTitle', { name: group.name })}
      verb={t('action.save')}
      busyVerb={t('access.saving')}
      reason={name === '' ? t('people.badName') : (nameTrouble(name) ?? unchanged)}
      onClose={onClose}
      onSubmit={async () => {
        await changeGroup(group, changes);
        toastDone(t('groups.saved', { name }));
      }}
    >
      <Fields {...{ name, setName, description, setDescription }} />
    </FormDialog>
  );
}

function Fields({
  name,
  setName,
  description,
  setDescription,
}: {
  readonly name: string;
  readonly setName: (name: string) => void;
  readonly description: string;
  readonly setDescription: (description: string) => void;
}): ReactNode {
  return (
    <>
      <TextInput
        data-autofocus
        label={t('people.name')}
        placeholder={t('groups.namePlaceholder')}
        value={name}
        error={nameTrouble(name)}
        {...(name === '' ? { 'data-missing': true } : {})}
        autoComplete="off"
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Textarea
        label={t('groups.description')}
        autosize
        minRows={2}
        maxLength={2000}
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
      />
    </>
  );
}

export function DeleteGroupDialog({ id, onClose }: About): ReactNode {
  const { data: group } = useQuery(groupQuery(id));
  if (group === undefined) return null;
  const { name } = group;
  return (
    <Confirm
      title={t('groups.deleteTitle', { name })}
      keep={t('groups.deleteKeep')}
      verb={t('groups.deleteVerb')}
      busyVerb={t('groups.deleting')}
      onClose={onClose}
      onConfirm={async () => {
        await deleteGroup(id);
        toastDone(t('groups.deleted', { name }));
        navigate('/access/groups');
      }}
    >
      <p>{t('groups.deleteBody', { models: group.model_count, members: group.members.length })}</p>
      <p>{t('groups.deleteStays')}</p>
    </Confirm>
  );
}
