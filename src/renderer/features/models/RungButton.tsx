import type { ReactNode } from 'react';
import type { Model } from '../../../shared/contract/index.ts';
import { rungState, type Rung } from '../../parts/Ladder.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import { refusalOf, runModelAction, type ModelAction } from './actions.ts';

const BUTTON_OF: Partial<Record<string, ModelAction>> = {
  register: 'register',
  test: 'test',
  validate: 'validate',
  activate: 'activate',
  load: 'load',
};

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
  // A test needs a slot that serves the model, so without one loading comes first.
  const wanted = rung.action === 'test' && model.loaded_in.length === 0 ? 'load' : rung.action;
  const broken = rungState(rung) === 'broken';
  const action: ModelAction | undefined = broken && rung.code !== 'active' ? 'test' : BUTTON_OF[wanted ?? ''];
  if (action === undefined) return null;
  const label = broken && action === 'test' ? t('model.testAndValidate') : t(`modelAction.${action}`);
  return (
    <ReasonButton
      variant={filled ? 'filled' : 'default'}
      changes
      reason={refusalOf(model, action)}
      onClick={() => runModelAction(model, action)}
    >
      {label}
    </ReasonButton>
  );
}
