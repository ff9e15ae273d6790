import { Select } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { principalsQuery } from '../data/access.ts';
import { useKept } from '../data/lists.ts';
import { t } from '../strings/text.ts';

/** Chooses a person or a service by its name. Only a superadmin may ask who there is. */
export function PrincipalPicker({
  label,
  value,
  nobody,
  onChange,
}: {
  readonly label: string;
  /** Its id; null for nobody. */
  readonly value: string | null;
  /** What nobody is called: `yourself`. */
  readonly nobody: string;
  readonly onChange: (id: string | null) => void;
}): ReactNode {
  const [search, setSearch] = useState('');
  const { data } = useKept(principalsQuery());
  const people = (data?.rows ?? []).filter((one) => one.kind !== 'system');
  return (
    <Select
      aria-label={label}
      placeholder={nobody}
      data={people.map((one) => ({
        value: one.id,
        label:
          one.display_name === '' || one.display_name === one.name
            ? `${one.name} (${t(`role.${one.role}`)})`
            : `${one.display_name}, ${one.name} (${t(`role.${one.role}`)})`,
      }))}
      value={value}
      onChange={onChange}
      searchable
      clearable
      searchValue={search}
      onSearchChange={setSearch}
      nothingFoundMessage={t('picker.nobody')}
      limit={50}
      w={260}
    />
  );
}
