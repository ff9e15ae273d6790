import { Menu } from '@mantine/core';
import type { ReactNode } from 'react';
import { navigate } from 'wouter/use-browser-location';
import { toastDone } from '../../app/toasts.ts';
import { useModelDetail } from '../../data/models.ts';
import { copyText } from '../../parts/Copy.tsx';
import { t } from '../../strings/text.ts';
import { ActionItems } from './ActionItems.tsx';
import { modelTitle } from './words.ts';
import css from './RowMenu.module.css';

/** The menu of a row, where the row or the pointer is. */
export function RowMenu({
  modelId,
  at,
  onClose,
}: {
  readonly modelId: string;
  readonly at: { readonly x: number; readonly y: number };
  readonly onClose: () => void;
}): ReactNode {
  const { data: model } = useModelDetail(modelId);
  if (model === undefined) return null;
  return (
    <Menu opened onClose={onClose} position="bottom-start" width={300}>
      <Menu.Target>
        <span className={css.target} style={{ left: at.x, top: at.y }} />
      </Menu.Target>
      <Menu.Dropdown aria-label={t('models.menu', { model: modelTitle(model) })}>
        <Menu.Label>{modelTitle(model)}</Menu.Label>
        <Menu.Item onClick={() => navigate(`/models/${model.id}`)}>{t('models.openPage')}</Menu.Item>
        <ActionItems model={model} />
        <Menu.Divider />
        <Menu.Item
          onClick={() =>
            void copyText(model.id).then(() => toastDone(t('palette.copied', { command: model.id })))
          }
        >
          {t('action.copyOf', { what: t('what.id') })}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
