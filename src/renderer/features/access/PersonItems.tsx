import { Menu } from '@mantine/core';
import type { ReactNode } from 'react';
import type { Principal } from '../../../shared/contract/index.ts';
import { openDialog } from '../../app/dialogs.ts';
import { t } from '../../strings/text.ts';
import { setEnabled } from './principals.ts';

/** What can be done with somebody, as items of a menu. */
export function PersonItems({ of: principal }: { readonly of: Principal }): ReactNode {
  const { id, kind } = principal;
  if (kind === 'system') return null;
  return (
    <>
      <Menu.Item onClick={() => openDialog({ kind: 'access', ask: 'new-key', id })}>
        {t('keys.new')}
      </Menu.Item>
      <Menu.Item onClick={() => openDialog({ kind: 'access', ask: 'edit-principal', id })}>
        {t('access.edit')}
      </Menu.Item>
      {principal.disabled_at === null ? (
        <Menu.Item onClick={() => openDialog({ kind: 'access', ask: 'disable-principal', id })}>
          {t('people.disable')}
        </Menu.Item>
      ) : (
        <Menu.Item onClick={() => void setEnabled(principal)}>{t('people.enable')}</Menu.Item>
      )}
      <Menu.Item onClick={() => openDialog({ kind: 'access', ask: 'remove-principal', id })}>
        {t('people.remove')}
      </Menu.Item>
    </>
  );
}
