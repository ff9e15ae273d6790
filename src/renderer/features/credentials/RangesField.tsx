import { Checkbox, TextInput } from '@mantine/core';
import type { ReactNode } from 'react';
import { useMay } from '../../data/session.ts';
import { t } from '../../strings/text.ts';
import { rangesOf } from './words.ts';

/** Private ranges of an address; null while none is allowed. */
export function RangesField({
  value,
  onChange,
}: {
  readonly value: string | null;
  readonly onChange: (value: string | null) => void;
}): ReactNode {
  const superadmin = useMay('superadmin');
  if (!superadmin) return null;
  return (
    <>
      <Checkbox
        label={t('credentials.private')}
        description={t('credentials.privateHelp')}
        checked={value !== null}
        onChange={(event) => onChange(event.currentTarget.checked ? '' : null)}
      />
      {value !== null && (
        <TextInput
          label={t('credentials.ranges')}
          placeholder={t('credentials.rangesPlaceholder')}
          value={value}
          error={value === '' ? null : rangesTrouble(value)}
          {...(value === '' ? { 'data-missing': true } : {})}
          autoComplete="off"
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      )}
    </>
  );
}

/** Why these are no ranges; null when they are, or when none is allowed. Pure. */
export function rangesTrouble(value: string | null): string | null {
  if (value === null) return null;
  const { ranges, bad } = rangesOf(value);
  if (bad !== null) return t('credentials.badRange', { range: bad });
  return ranges.length === 0 ? t('credentials.rangesMissing') : null;
}
