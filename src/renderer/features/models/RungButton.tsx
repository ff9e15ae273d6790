import type { ReactNode } from 'react';
import { navigate } from 'wouter/use-browser-location';
import type { Model } from '../../../shared/contract/index.ts';
import { openDialog } from '../../app/dialogs.ts';
import { rungState, type Rung } from '../../parts/Ladder.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import { refusalOf, runModelAction, type ModelAction } from './actions.ts';
import { useRights, type Rights } from './rights.ts';

const BUTTON_OF: Partial<Record<string, ModelAction>> = {
  register: 'register',
  test: 'test',
  validate: 'validate',
  activate: 'activate',
  load: 'load',
};

interface WayOut {
  readonly label: string;
  readonly go: () => void;
}

/** Where a rung is cured that no action climbs. */
function wayOut(model: Model, code: string, { edit, superadmin }: Rights): WayOut | null {
  if (code === 'credential' && edit)
    return {
      label: t('credential.replace'),
      go: () => openDialog({ kind: 'replace-credential', modelId: model.id }),
    };
  if (code === 'profile' && superadmin)
    return {
      label: t('model.goOnline'),
      go: () => openDialog({ kind: 'switch-profile', to: 'online' }),
    };
  if (code === 'visible' && edit)
    return { label: t('model.seeAccess'), go: () => navigate(`/models/${model.id}/access`) };
  if (code === 'artifact_ready')
    return { label: t('model.seeFiles'), go: () => navigate(`/models/${model.id}/artifacts`) };
  return null;
}

/** The one thing that climbs a rung. */
export function RungButton({
  model,
  rung,
  filled,
}: {
  readonly model: Model;
  readonly rung: Rung;
  readonly filled: boolean;
}): ReactNode {
  const rights = useRights(model);
  const variant = filled ? 'filled' : 'default';
  // A test of a local model needs a slot that serves it, so without one loading comes first.
  const needsSlot = model.hosting === 'local' && model.loaded_in.length === 0;
  const wanted = rung.action === 'test' && needsSlot ? 'load' : rung.action;
  const broken = rungState(rung) === 'broken';
  const action: ModelAction | undefined = broken && rung.code !== 'active' ? 'test' : BUTTON_OF[wanted ?? ''];
  if (action === undefined) {
    const out = wayOut(model, rung.code, rights);
    return (
      out !== null && (
        <ReasonButton variant={variant} onClick={out.go}>
          {out.label}
        </ReasonButton>
      )
    );
  }
  if (!rights.act) return null;
  const label = broken && action === 'test' ? t('model.testAndValidate') : t(`modelAction.${action}`);
  return (
    <ReasonButton
      variant={variant}
      changes
      reason={refusalOf(model, action)}
      onClick={() => runModelAction(model, action)}
    >
      {label}
    </ReasonButton>
  );
}
