import { Select, Textarea } from '@mantine/core';
import type { ReactNode } from 'react';
import { formatBytes, formatCount } from '../../../parts/format.ts';
import { t } from '../../../strings/text.ts';
import { CountInput } from './CountInput.tsx';
import type { Setting } from './settings.ts';

/** The field of a setting. Empty, it shows what holds then. */
export function Control({
  setting,
  value,
  placeholder,
  problem,
  onChange,
}: {
  readonly setting: Setting;
  readonly value: string;
  readonly placeholder: string;
  readonly problem: string | null;
  readonly onChange: (value: string) => void;
}): ReactNode {
  const id = `setting-${setting.key}`;
  if (setting.kind === 'choice' || setting.kind === 'switch')
    return (
      <Select
        id={id}
        data={
          setting.kind === 'choice'
            ? [...(setting.choices ?? [])]
            : [
                { value: 'true', label: t('config.on') },
                { value: 'false', label: t('config.off') },
              ]
        }
        value={value === '' ? null : value}
        placeholder={placeholder}
        clearable
        clearButtonProps={{ 'aria-label': t('config.clear') }}
        onChange={(next) => onChange(next ?? '')}
      />
    );
  if (setting.kind === 'lines' || setting.kind === 'pairs')
    return (
      <Textarea
        id={id}
        autosize
        minRows={2}
        maxRows={10}
        value={value}
        placeholder={t(setting.kind === 'lines' ? 'config.argsPlaceholder' : 'config.envPlaceholder')}
        error={problem}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    );
  return (
    <CountInput
      id={id}
      kind={setting.kind}
      value={value}
      placeholder={placeholder}
      problem={problem}
      onChange={onChange}
    />
  );
}

/** A value in the words of its setting. Pure. */
export function valueWords(setting: Setting, value: unknown): string | null {
  if (typeof value === 'number')
    return setting.kind === 'bytes' ? formatBytes(value) : formatCountOrShare(setting, value);
  if (typeof value === 'boolean') return t(value ? 'config.on' : 'config.off');
  return typeof value === 'string' ? value : null;
}

function formatCountOrShare({ kind }: Setting, value: number): string {
  return kind === 'number' ? String(value) : formatCount(value);
}
