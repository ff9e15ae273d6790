import { Modal, PasswordInput, SegmentedControl, TextInput } from '@mantine/core';
import { useCallback, useState, type ReactNode } from 'react';
import { navigate } from 'wouter/use-browser-location';
import { PROVIDERS, type CREDENTIAL_SCOPES, type ProviderSlug } from '../../../shared/contract/index.ts';
import { toastDone } from '../../app/toasts.ts';
import { addCredential, type CredentialTest } from '../../data/credentials.ts';
import { useMutation } from '../../data/mutate.ts';
import { useMay } from '../../data/session.ts';
import confirmCss from '../../parts/Confirm.module.css';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import { RangesField, rangesTrouble } from './RangesField.tsx';
import { TestAnswer } from './TestAnswer.tsx';
import { useTest } from './use-test.ts';
import { baseOf, rangesOf } from './words.ts';
import css from './credentials.module.css';

type Scope = (typeof CREDENTIAL_SCOPES)[number];

interface Form {
  readonly provider: ProviderSlug;
  readonly name: string;
  readonly base: string;
  readonly secret: string;
  readonly scope: Scope;
  /** As typed; null while no private range is allowed. */
  readonly ranges: string | null;
}

const NEW: Form = {
  provider: 'openai_compatible',
  name: '',
  base: '',
  secret: '',
  scope: 'personal',
  ranges: null,
};

/** Why the provider cannot be asked with what a form holds; null when it can. Pure. */
function troubleOf({ provider, base, secret, ranges }: Form): string | null {
  if (baseOf(provider, base) === null)
    return t(base.trim() === '' ? 'credentials.baseMissing' : 'credentials.badBase');
  if (secret.trim() === '') return t('credentials.secretMissing');
  return rangesTrouble(ranges);
}

function asTest({ provider, base, secret, ranges }: Form): CredentialTest {
  const url = baseOf(provider, base);
  return {
    provider,
    api_key: secret.trim(),
    ...(typeof url === 'string' ? { api_base_url: url } : {}),
    ...(ranges === null ? {} : { allowed_ranges: [...rangesOf(ranges).ranges] }),
  };
}

/** A new credential: asked first, kept after a good answer, or without one by a second button that says so. */
export function AddCredentialDialog({ onClose }: { readonly onClose: () => void }): ReactNode {
  const superadmin = useMay('superadmin');
  const [form, setForm] = useState<Form>({ ...NEW, scope: superadmin ? 'platform' : 'personal' });
  const set = (more: Partial<Form>): void => setForm((before) => ({ ...before, ...more }));
  const trouble = troubleOf(form);
  const tried = useTest(trouble === null ? asTest(form) : null);
  const save = useMutation(
    useCallback(async () => {
      const credential = await addCredential({
        ...asTest(form),
        display_name: form.name.trim(),
        credential_scope: form.scope,
      });
      toastDone(t('credentials.added', { name: credential.display_name }));
      navigate(`/credentials/${credential.id}`);
    }, [form]),
  );
  const isGood = tried.probe?.ok === true;
  const wasTried = tried.probe !== null || tried.error !== null;
  const unnamed = form.name.trim() === '' ? t('credentials.nameMissing') : null;
  const keep = async (): Promise<void> => {
    if (await save.run()) onClose();
  };
  return (
    <Modal opened onClose={onClose} size={560} withCloseButton={false} title={t('credentials.addPlain')}>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (trouble !== null) return;
          if (!isGood) void tried.run();
          else if (unnamed === null) void keep();
        }}
      >
        <div className={confirmCss.body}>
          <Fields form={form} onSet={set} />
          <TestAnswer tried={tried} onAllow={(range) => set({ ranges: range })} />
          {save.error !== null && <Refusal error={save.error} />}
        </div>
        <div className={confirmCss.buttons}>
          <ReasonButton onClick={onClose}>{t('action.cancel')}</ReasonButton>
          {wasTried && !isGood && (
            <ReasonButton
              changes
              reason={trouble ?? unnamed}
              busy={save.busy}
              busyLabel={t('credentials.saving')}
              onClick={() => void keep()}
            >
              {t('credentials.saveAnyway')}
            </ReasonButton>
          )}
          {isGood ? (
            <ReasonButton
              type="submit"
              variant="filled"
              changes
              reason={unnamed}
              busy={save.busy}
              busyLabel={t('credentials.saving')}
            >
              {t('credentials.save')}
            </ReasonButton>
          ) : (
            <ReasonButton
              type="submit"
              variant="filled"
              changes
              reason={trouble}
              busy={tried.busy}
              busyLabel={t('credentials.testing')}
            >
              {t('credentials.test')}
            </ReasonButton>
          )}
        </div>
      </form>
    </Modal>
  );
}

function Fields({
  form,
  onSet,
}: {
  readonly form: Form;
  readonly onSet: (more: Partial<Form>) => void;
}): ReactNode {
  const superadmin = useMay('superadmin');
  const provider = t(`provider.${form.provider}`);
  const compatible = form.provider === 'openai_compatible';
  const badBase = form.base.trim() !== '' && baseOf(form.provider, form.base) === null;
  return (
    <>
      <div>
        <div id="credential-provider" className={css.legend}>
          {t('credentials.provider')}
        </div>
        <SegmentedControl
          className={css.segments ?? ''}
          aria-labelledby="credential-provider"
          value={form.provider}
          onChange={(value) => onSet({ provider: value })}
          data={PROVIDERS.map((value) => ({ value, label: t(`provider.${value}`) }))}
        />
      </div>
      <TextInput
        data-autofocus
        label={t('credentials.name')}
        placeholder={t('credentials.namePlaceholder')}
        maxLength={200}
        value={form.name}
        autoComplete="off"
        onChange={(event) => onSet({ name: event.currentTarget.value })}
      />
      <TextInput
        label={t('credentials.base')}
        description={
          compatible ? t('credentials.baseHelpCompatible') : t('credentials.baseHelp', { provider })
        }
        value={form.base}
        error={badBase ? t('credentials.badBase') : null}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => onSet({ base: event.currentTarget.value })}
      />
      <PasswordInput
        label={t('credentials.secret')}
        description={t('credentials.secretHelp')}
        value={form.secret}
        autoComplete="off"
        onChange={(event) => onSet({ secret: event.currentTarget.value })}
      />
      {superadmin && (
        <div>
          <div id="credential-scope" className={css.legend}>
            {t('credentials.scope')}
          </div>
          <SegmentedControl
            className={css.segments ?? ''}
            aria-labelledby="credential-scope"
            value={form.scope}
            onChange={(value) => onSet({ scope: value })}
            data={(['platform', 'personal'] as const).map((value) => ({
              value,
              label: t(`credentials.scopeLabel.${value}`),
            }))}
          />
          <p className={css.note}>{t(`credentials.scope.${form.scope}.means`)}</p>
        </div>
      )}
      <RangesField value={form.ranges} onChange={(ranges) => onSet({ ranges })} />
    </>
  );
}
