import { TextInput } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { plain, shown, type Setting } from './settings.ts';

/** A number that is typed as people type it, `64k`, and shown as people read it, `65,536`. What is no number stays. */
export function CountInput({
  id,
  kind,
  value,
  placeholder,
  problem,
  onChange,
}: {
  readonly id: string;
  readonly kind: Setting['kind'];
  readonly value: string;
  readonly placeholder: string;
  readonly problem: string | null;
  readonly onChange: (value: string) => void;
}): ReactNode {
  const [typing, setTyping] = useState(false);
  return (
    <TextInput
      id={id}
      value={typing ? value : shown(kind, value)}
      placeholder={placeholder}
      error={problem}
      autoComplete="off"
      onChange={(event) => {
        // From the first key on: another text at the focus would lose what is selected.
        setTyping(true);
        onChange(event.currentTarget.value);
      }}
      onBlur={() => {
        setTyping(false);
        const meant = plain(kind, value);
        if (meant !== value) onChange(meant);
      }}
    />
  );
}
