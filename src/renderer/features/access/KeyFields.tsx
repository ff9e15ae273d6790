import { Checkbox, SegmentedControl, TextInput } from '@mantine/core';
import type { ReactNode } from 'react';
import { KEY_SCOPES } from '../../../shared/contract/index.ts';
import { useNow } from '../../data/now.ts';
import { Time } from '../../parts/figures.tsx';
import { rich, t } from '../../strings/text.ts';
import { END_PRESETS, endOf, limitOf, type EndPreset, type KeyForm } from './key-form.ts';
import css from './access.module.css';

/** Scopes, end and limits of a key, new or not. */
export function KeyFields({
  form,
  onChange,
  endsNow,
}: {
  readonly form: KeyForm;
  readonly onChange: (form: KeyForm) => void;
  /** When the key ends as it is; absent for a new one. */
  readonly endsNow?: string | null;
}): ReactNode {
  const set = (more: Partial<KeyForm>): void => onChange({ ...form, ...more });
  return (
    <>
      <fieldset className={css.group}>
        <legend className={css.legend}>{t('keys.scopes')}</legend>
        <div className={css.choices}>
          {KEY_SCOPES.map((scope) => (
            <Checkbox
              key={scope}
              label={t(`keys.scope.${scope}`)}
              description={t(`keys.scope.${scope}.means`)}
              checked={form.scopes.includes(scope)}
              onChange={(event) =>
                set({
                  scopes: KEY_SCOPES.filter((one) =>
                    one === scope ? event.currentTarget.checked : form.scopes.includes(one),
                  ),
                })
              }
            />
          ))}
        </div>
      </fieldset>
      <EndField form={form} onSet={set} endsNow={endsNow} />
      <div className={css.fields}>
        <TextInput
          label={t('keys.rate')}
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          description={t('keys.limitHelp')}
          placeholder="60"
          value={form.rate}
          error={limitOf(form.rate) === undefined ? t('keys.badLimit') : null}
          autoComplete="off"
          onChange={(event) => set({ rate: event.currentTarget.value })}
        />
        <TextInput
          label={t('keys.budget')}
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          description={t('keys.budgetHelp')}
          placeholder="1,000,000"
          value={form.budget}
          error={limitOf(form.budget) === undefined ? t('keys.badLimit') : null}
          autoComplete="off"
          onChange={(event) => set({ budget: event.currentTarget.value })}
        />
      </div>
    </>
  );
}

function EndField({
  form,
  onSet,
  endsNow,
}: {
  readonly form: KeyForm;
  readonly onSet: (more: Partial<KeyForm>) => void;
  readonly endsNow: string | null | undefined;
}): ReactNode {
  const now = useNow(60_000);
  const presets: readonly EndPreset[] = endsNow === undefined ? END_PRESETS : ['keep', ...END_PRESETS];
  const end = form.end === 'keep' ? endsNow : endOf(form, now);
  return (
    <div>
      <div id="key-end" className={css.legend}>
        {t('keys.ends')}
      </div>
      <SegmentedControl
        className={css.segments ?? ''}
        aria-labelledby="key-end"
        value={form.end}
        onChange={(value) => onSet({ end: value })}
        data={presets.map((value) => ({ value, label: t(`keys.ends.${value}`) }))}
      />
      {form.end === 'date' && (
        <TextInput
          type="date"
          label={t('keys.endDate')}
          value={form.day}
          error={form.day !== '' && end === undefined ? t('keys.endDateMissing') : null}
          {...(form.day === '' ? { 'data-missing': true } : {})}
          onChange={(event) => onSet({ day: event.currentTarget.value })}
        />
      )}
      {end !== undefined && (
        <p className={css.note}>
          {end === null ? t('keys.endsNever') : rich('keys.endsOn', { time: <Time key="time" at={end} /> })}
        </p>
      )}
    </div>
  );
}
