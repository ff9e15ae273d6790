import { Modal, Select } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { openDialog } from '../../app/dialogs.ts';
import { toastDone } from '../../app/toasts.ts';
import { credentialsQuery } from '../../data/credentials.ts';
import { useModelDetail } from '../../data/models.ts';
import { useMutation } from '../../data/mutate.ts';
import { useQuery } from '../../data/queries.ts';
import confirmCss from '../../parts/Confirm.module.css';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import { patchModel } from '../families/edits.ts';
import { credentialWords, modelTitle, providerWords } from './words.ts';

/** Another credential of the same provider for a cloud model. Its validation was of the old one. */
export function ReplaceCredentialDialog({
  modelId,
  onClose,
}: {
  readonly modelId: string;
  readonly onClose: () => void;
}): ReactNode {
  const { data: model } = useModelDetail(modelId);
  const { data: list, error: listError } = useQuery(credentialsQuery());
  const [chosen, setChosen] = useState<string | null>(null);
  const { busy, error, run } = useMutation(async () => {
    if (model === undefined || chosen === null) return;
    await patchModel(model.id, model.rev, { credential_id: chosen });
    toastDone(t('credential.replaced', { model: modelTitle(model) }));
  });
  if (model === undefined) return null;
  const others = (list?.rows ?? []).filter(
    (one) => one.is_active && one.provider === model.provider && one.id !== model.credential.id,
  );
  return (
    <Modal
      opened
      onClose={onClose}
      size={480}
      title={t('credential.replaceTitle', { model: modelTitle(model) })}
      closeButtonProps={{ 'aria-label': t('action.close') }}
    >
      <form
        className={confirmCss.body}
        onSubmit={(event) => {
          event.preventDefault();
          if (chosen !== null) void run().then((made) => made && onClose());
        }}
      >
        <p>{t('credential.replaceEffect')}</p>
        {listError !== null && <Refusal error={listError} alert={false} />}
        {list === undefined && listError === null && <Pending rows={1} />}
        {list !== undefined && others.length === 0 && (
          <p>{t('credential.noOther', { provider: providerWords(model.provider) })}</p>
        )}
        {others.length > 0 && (
          <Select
            data-autofocus
            label={t('credential.other')}
            placeholder={t('credential.choose')}
            data={others.map((one) => ({ value: one.id, label: credentialWords(one) }))}
            value={chosen}
            onChange={setChosen}
            allowDeselect={false}
          />
        )}
        {error !== null && <Refusal error={error} />}
        <div className={confirmCss.buttons}>
          {list !== undefined && others.length === 0 && (
            <ReasonButton onClick={() => openDialog({ kind: 'credential', ask: 'add', id: null })}>
              {t('credential.add')}
            </ReasonButton>
          )}
          <ReasonButton onClick={onClose}>{t('credential.keep')}</ReasonButton>
          <ReasonButton
            type="submit"
            variant="filled"
            changes
            reason={chosen === null ? t('credential.choose') : null}
            busy={busy}
            busyLabel={t('credential.replacing')}
          >
            {t('credential.replaceVerb')}
          </ReasonButton>
        </div>
      </form>
    </Modal>
  );
}
