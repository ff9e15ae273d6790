import { TextInput } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import type { Credential } from '../../../shared/contract/index.ts';
import { toastDone } from '../../app/toasts.ts';
import { changeCredential } from '../../data/credentials.ts';
import { FormDialog } from '../../parts/FormDialog.tsx';
import { t } from '../../strings/text.ts';
import { RangesField, rangesTrouble } from './RangesField.tsx';
import { baseOf, rangesOf } from './words.ts';
import css from './credentials.module.css';

/** Name, base address and private ranges of a credential. */
export function EditCredentialDialog({
  credential,
  onClose,
}: {
  readonly credential: Credential;
  readonly onClose: () => void;
}): ReactNode {
  const [name, setName] = useState(credential.display_name);
  const [base, setBase] = useState(credential.api_base_url);
  const before = credential.allowed_ranges.join(', ');
  const [ranges, setRanges] = useState<string | null>(before === '' ? null : before);
  const url = baseOf('openai_compatible', base);
  const given = ranges === null ? [] : rangesOf(ranges).ranges;
  const changes = {
    ...(name.trim() === credential.display_name ? {} : { display_name: name.trim() }),
    ...(url === credential.api_base_url || typeof url !== 'string' ? {} : { api_base_url: url }),
    ...(given.join(', ') === before ? {} : { allowed_ranges: [...given] }),
  };
  const unchanged = Object.keys(changes).length === 0 ? t('config.nothingChanged') : null;
  const badBase = url === null ? t('credentials.badBase') : null;
  const unnamed = name.trim() === '' ? t('credentials.nameMissing') : null;
  return (
    <FormDialog
      title={t('credentials.editTitle', { name: credential.display_name })}
      verb={t('action.save')}
      busyVerb={t('credentials.saving')}
      reason={unnamed ?? badBase ?? rangesTrouble(ranges) ?? unchanged}
      onClose={onClose}
      onSubmit={async () => {
        await changeCredential(credential, changes);
        toastDone(t('credentials.saved', { name: name.trim() }));
      }}
    >
      <TextInput
        data-autofocus
        label={t('credentials.name')}
        maxLength={200}
        value={name}
        error={unnamed}
        autoComplete="off"
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <TextInput
        label={t('credentials.base')}
        value={base}
        error={badBase}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setBase(event.currentTarget.value)}
      />
      {'api_base_url' in changes && (
        <p className={css.note}>{t('credentials.replaceBody', { count: credential.model_count })}</p>
      )}
      <RangesField value={ranges} onChange={setRanges} />
    </FormDialog>
  );
}
