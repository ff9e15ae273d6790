import { Menu } from '@mantine/core';
import type { ReactNode } from 'react';
import { navigate } from 'wouter/use-browser-location';
import type { Slot } from '../../../shared/contract/index.ts';
import { openDialog } from '../../app/dialogs.ts';
import { useOfflineReason } from '../../data/connection.ts';
import { useMay } from '../../data/session.ts';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import css from '../models/ActionItems.module.css';

/** The one thing to do with a slot as it is, and the rest in a menu. */
export function SlotActions({
  slot,
  filled = false,
}: {
  readonly slot: Slot;
  readonly filled?: boolean;
}): ReactNode {
  const mayAct = useMay('superadmin');
  const holds = slot.assigned_model_id !== null;
  const load = (): void => openDialog({ kind: 'load', slotId: slot.id });
  const unload = (): void => openDialog({ kind: 'unload', slotId: slot.id });
  const reason = mayAct ? null : t('slots.needsSuperadmin');
  return (
    <>
      {holds ? (
        <ReasonButton changes reason={reason} onClick={unload}>
          {slot.load_state === 'loading' ? t('slotAction.cancel') : t('slotAction.unload')}
        </ReasonButton>
      ) : (
        <ReasonButton
          changes
          variant={filled ? 'filled' : 'default'}
          reason={reason ?? (slot.load_state === 'empty' ? null : t('slots.stillStopping'))}
          onClick={load}
        >
          {t('slotAction.load')}
        </ReasonButton>
      )}
      <SlotMenu slot={slot} reason={reason} />
    </>
  );
}

function SlotMenu({ slot, reason }: { readonly slot: Slot; readonly reason: string | null }): ReactNode {
  const offline = useOfflineReason();
  const blocked = reason ?? offline;
  const holds = slot.assigned_model_id !== null;
  return (
    <Menu width={260}>
      <Menu.Target>
        <ReasonButton aria-label={t('slots.moreFor', { slot: slot.id })}>{t('action.more')}</ReasonButton>
      </Menu.Target>
      <Menu.Dropdown>
        {holds && (
          <Item reason={blocked} onClick={() => openDialog({ kind: 'load', slotId: slot.id })}>
            {t('slotAction.loadOther')}
          </Item>
        )}
        <Item
          reason={blocked ?? (holds ? null : t('slots.holdsNothing'))}
          onClick={() => openDialog({ kind: 'restart', slotId: slot.id })}
        >
          {t('slotAction.restart')}
        </Item>
        <Item reason={reason} onClick={() => navigate(`/slots/${slot.id}/logs`)}>
          {t('slotAction.logs')}
        </Item>
        <Item reason={reason} onClick={() => navigate(`/slots/${slot.id}/terminal`)}>
          {t('slotAction.terminal')}
        </Item>
        <Item reason={reason} onClick={() => navigate(`/slots/${slot.id}/config`)}>
          {t('slotAction.edit')}
        </Item>
        <Menu.Divider />
        <Item
          reason={
            blocked ??
            (holds || slot.load_state !== 'empty'
              ? t('slots.unloadFirst', { model: slot.assigned_model_id ?? '' })
              : null)
          }
          onClick={() => openDialog({ kind: 'delete-slot', slotId: slot.id })}
        >
          {t('slotAction.delete')}
        </Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function Item({
  reason,
  onClick,
  children,
}: {
  readonly reason: string | null;
  readonly onClick: () => void;
  readonly children: string;
}): ReactNode {
  return (
    <Menu.Item
      aria-disabled={reason !== null}
      className={reason === null ? '' : css.refused}
      closeMenuOnClick={reason === null}
      onClick={() => {
        if (reason === null) onClick();
      }}
    >
      {children}
      {reason !== null && <span className={css.reason}>{reason}</span>}
    </Menu.Item>
  );
}
