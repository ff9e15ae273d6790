import { Menu } from '@mantine/core';
import type { ReactNode } from 'react';
import { navigate } from 'wouter/use-browser-location';
import type { Model } from '../../../shared/contract/index.ts';
import { useOfflineReason } from '../../data/connection.ts';
import { t } from '../../strings/text.ts';
import { actionsFor, refusalOf, runModelAction, type ModelAction } from './actions.ts';
import css from './ActionItems.module.css';

const NONE: readonly ModelAction[] = [];

/** The actions of a model as items of a menu. What is refused now stays, with its reason as a second line. */
export function ActionItems({
  model,
  without = NONE,
}: {
  readonly model: Model;
  readonly without?: readonly ModelAction[];
}): ReactNode {
  const offline = useOfflineReason();
  return actionsFor(model)
    .filter((action) => !without.includes(action))
    .map((action) => {
      const reason = refusalOf(model, action) ?? offline;
      return (
        <Menu.Item
          key={action}
          aria-disabled={reason !== null}
          className={reason === null ? '' : css.refused}
          onClick={() => {
            if (reason === null) runModelAction(model, action);
            else navigate(`/models/${model.id}`);
          }}
        >
          {menuLabel(action)}
          {reason !== null && <span className={css.reason}>{reason}</span>}
        </Menu.Item>
      );
    });
}

function menuLabel(action: ModelAction): string {
  if (action === 'deactivate' || action === 'unregister' || action === 'delete')
    return t(`modelActionMore.${action}`);
  return t(`modelAction.${action}`);
}
