import { Menu } from '@mantine/core';
import type { ReactNode } from 'react';
import { ReasonButton } from '../../../parts/ReasonButton.tsx';
import { t } from '../../../strings/text.ts';
import actionCss from '../../models/ActionItems.module.css';
import type { Editor } from './SlotEditor.tsx';

/** Discard, save, and what is seldom wanted. */
export function EditorActions({
  editor,
  onRender,
  onAnyway,
}: {
  readonly editor: Editor;
  readonly onRender: () => void;
  readonly onAnyway: () => void;
}): ReactNode {
  const anyway = editor.blocked ?? (editor.tooBig ? null : t('config.fitsAlready'));
  return (
    <>
      <ReasonButton
        onClick={editor.discard}
        reason={editor.changes.length === 0 ? t('config.nothingChanged') : null}
      >
        {t('action.discard')}
      </ReasonButton>
      <ReasonButton
        variant="filled"
        changes
        reason={editor.reason}
        busy={editor.busy}
        busyLabel={t('config.saving')}
        onClick={() => void editor.save(false)}
      >
        {editor.verb}
      </ReasonButton>
      <Menu width={260}>
        <Menu.Target>
          <ReasonButton>{t('action.more')}</ReasonButton>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={onRender}>{t('config.showContainer')}</Menu.Item>
          {editor.loads && (
            <Menu.Item
              aria-disabled={anyway !== null}
              className={anyway === null ? '' : actionCss.refused}
              closeMenuOnClick={anyway === null}
              onClick={() => {
                if (anyway === null) onAnyway();
              }}
            >
              {t('config.loadAnyway')}
              {anyway !== null && <span className={actionCss.reason}>{anyway}</span>}
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
    </>
  );
}
