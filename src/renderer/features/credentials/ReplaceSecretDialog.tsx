import { Modal, PasswordInput } from '@mantine/core';
import { useCallback, useState, type ReactNode } from 'react';
import type { Credential } from '../../../shared/contract/index.ts';
import { toastDone } from '../../app/toasts.ts';
import { changeCredential } from '../../data/credentials.ts';
import { useMutation } from '../../data/mutate.ts';
import confirmCss from '../../parts/Confirm.module.css';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import { TestAnswer } from './TestAnswer.tsx';
import { useTest } from './use-test.ts';

/** Another key for the same credential, tried before it takes the place of the old one. */
export function ReplaceSecretDialog({
  credential,
  onClose,
}: {
  readonly credential: Credential;
  readonly onClose: () => void;
}): ReactNode {
  const [secret, setSecret] = useState('');
  const missing = secret.trim() === '' ? t('credentials.secretMissing') : null;
  const ranges = credential.allowed_ranges;
  const tried = useTest(
    missing === null
      ? {
          provider: credential.provider,
          api_base_url: credential.api_base_url,
          api_key: secret.trim(),
          ...(ranges.length === 0 ? {} : { allowed_ranges: ranges }),
        }
      : null,
  );
  const isGood = tried.probe?.ok === true;
  const wasTried = tried.probe !== null || tried.error !== null;
  const replace = useMutation(
    useCallback(async () => {
      await changeCredential(credential, { api_key: secret.trim() });
      toastDone(t('credentials.saved', { name: credential.display_name }));
    }, [credential, secret]),
  );
  const keep = async (): Promise<void> => {
    if (await replace.run()) onClose();
  };
  return (
    <Modal
      opened
      onClose={onClose}
      size={480}
      withCloseButton={false}
      title={t('credentials.replaceTitle', { name: credential.display_name })}
    >
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (missing === null) void (isGood ? keep() : tried.run());
        }}
      >
        <div className={confirmCss.body}>
          <p>{t('credentials.replaceBody', { count: credential.model_count })}</p>
          <PasswordInput
            data-autofocus
            label={t('credentials.secret')}
            description={t('credentials.secretHelp')}
            value={secret}
            autoComplete="off"
            onChange={(event) => setSecret(event.currentTarget.value)}
          />
          <TestAnswer tried={tried} />
          {replace.error !== null && <Refusal error={replace.error} />}
        </div>
        <div className={confirmCss.buttons}>
          <ReasonButton onClick={onClose}>{t('action.cancel')}</ReasonButton>
          {wasTried && !isGood && (
            <ReasonButton
              changes
              reason={missing}
              busy={replace.busy}
              busyLabel={t('credentials.saving')}
              onClick={() => void keep()}
            >
              {t('credentials.saveAnyway')}
            </ReasonButton>
          )}
          <ReasonButton
            type="submit"
            variant="filled"
            changes
            reason={missing}
            busy={isGood ? replace.busy : tried.busy}
            busyLabel={t(isGood ? 'credentials.saving' : 'credentials.testing')}
          >
            {t(isGood ? 'credentials.replaceVerb' : 'credentials.test')}
          </ReasonButton>
        </div>
      </form>
    </Modal>
  );
}
