import { Select } from '@mantine/core';
import type { ReactNode } from 'react';
import { ROLES, roleCovers, type Role } from '../../../shared/lifecycle/states.ts';
import { t } from '../../strings/text.ts';

/** A role, with what it means under the field. */
export function RoleSelect({
  value,
  onChange,
  atMost = 'superadmin',
}: {
  readonly value: Role;
  readonly onChange: (role: Role) => void;
  /** The role of the owner of a key: its keys have none above. */
  readonly atMost?: Role;
}): ReactNode {
  return (
    <Select
      label={t('people.role')}
      description={t(`role.${value}.means`)}
      inputWrapperOrder={['label', 'input', 'description', 'error']}
      allowDeselect={false}
      data={ROLES.filter((role) => roleCovers(atMost, role)).map((role) => ({
        value: role,
        label: t(`role.${role}`),
      }))}
      value={value}
      onChange={(role) => role !== null && onChange(role)}
    />
  );
}
