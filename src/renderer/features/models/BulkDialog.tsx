import { Checkbox, Select, TagsInput, Textarea } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import {
  VISIBILITY_SCOPES,
  type BulkAction,
  type Model,
  type VisibilityScope,
} from '../../../shared/contract/index.ts';
import { Confirm } from '../../parts/Confirm.tsx';
import { formatBytes, formatCount } from '../../parts/format.ts';
import { t } from '../../strings/text.ts';
import type { BulkRequest } from './bulk.ts';
import { modelTitle } from './words.ts';
import css from './BulkBar.module.css';

export type AskedAction = Exclude<BulkAction, 'register' | 'activate' | 'check'>;

/** Names that fit on the dialog; more are counted. */
const NAMED = 50;

/** What a bulk action needs to be told, or what it would do, before it is asked of many. */
export function BulkDialog({
  action,
  models,
  onConfirm,
  onClose,
}: {
  readonly action: AskedAction;
  readonly models: readonly Model[];
  readonly onConfirm: (request: BulkRequest) => void;
  readonly onClose: () => void;
}): ReactNode {
  const [note, setNote] = useState('');
  const [tags, setTags] = useState<string[]>([]);
  const [scope, setScope] = useState<VisibilityScope>('platform');
  const [keepFiles, setKeepFiles] = useState(false);
  const count = models.length;
  const request = (): BulkRequest => {
    switch (action) {
      case 'tag':
      case 'untag':
        return { action, tags };
      case 'set_visibility':
        return { action, visibility_scope: scope };
      case 'deactivate':
        return note.trim() === '' ? { action } : { action, note: note.trim() };
      case 'delete':
        return { action, keep_files: keepFiles };
      case 'unregister':
        return { action };
    }
  };
  const isTagging = action === 'tag' || action === 'untag';
  return (
    <Confirm
      title={t(`models.bulk.title.${action}`, { count })}
      keep={t(isTagging ? 'action.cancel' : 'models.bulk.keep')}
      verb={t('models.bulk.doAll', { action: t(`bulkAction.${action}`), all: formatCount(count), dots: '' })}
      busyVerb={t('models.bulk.running')}
      destroys={action === 'delete'}
      reason={isTagging && tags.length === 0 ? t('models.bulk.noTags') : null}
      onClose={onClose}
      onConfirm={() => {
        onConfirm(request());
        return Promise.resolve();
      }}
    >
      {isTagging && (
        <TagsInput
          data-autofocus
          label={t('edit.tags')}
          description={t('edit.tagsHelp')}
          value={tags}
          onChange={setTags}
          splitChars={[',']}
          {...(action === 'untag' ? { data: [...new Set(models.flatMap((model) => model.tags))] } : {})}
        />
      )}
      {action === 'set_visibility' && (
        <Select
          label={t('modelAccess.scope')}
          data={VISIBILITY_SCOPES.map((value) => ({ value, label: t(`visibility.${value}`) }))}
          value={scope}
          onChange={(value) => setScope(value as VisibilityScope)}
          allowDeselect={false}
        />
      )}
      {!isTagging && <p>{t(`models.bulk.${action}`, { count })}</p>}
      <ul className={css.names}>
        {models.slice(0, NAMED).map((model) => (
          <li key={model.id}>{modelTitle(model)}</li>
        ))}
        {count > NAMED && <li>{t('models.bulk.andMore', { count: count - NAMED })}</li>}
      </ul>
      {action === 'deactivate' && (
        <Textarea
          label={t('modelDialog.note')}
          description={t('modelDialog.noteHelp')}
          autosize
          minRows={2}
          value={note}
          onChange={(event) => setNote(event.currentTarget.value)}
        />
      )}
      {action === 'delete' && (
        <Checkbox
          label={t('models.bulk.keepFiles', { size: formatBytes(bytesOf(models)) })}
          checked={keepFiles}
          onChange={(event) => setKeepFiles(event.currentTarget.checked)}
        />
      )}
    </Confirm>
  );
}

function bytesOf(models: readonly Model[]): number {
  return models.reduce((sum, model) => sum + (model.artifact?.size_bytes ?? 0), 0);
}
