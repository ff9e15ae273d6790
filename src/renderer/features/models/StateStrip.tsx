import type { ReactNode } from 'react';
import type { Model } from '../../../shared/contract/index.ts';
import { StateMark, stateWord } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import { validationState } from './words.ts';
import css from './StateStrip.module.css';

/** One glyph and word for each axis of a model. */
export function StateStrip({ model }: { readonly model: Model }): ReactNode {
  const validation = validationState(model);
  return (
    <ul className={css.strip} aria-label={t('model.strip')}>
      <li>
        <StateMark axis="lifecycle" state={model.lifecycle_state} />
      </li>
      <li title={model.validation_error?.message}>
        <StateMark axis="validation" state={validation}>
          {validation === 'never'
            ? t('model.strip.validationNever')
            : t('model.strip.validation', { state: stateWord('validation', validation) })}
        </StateMark>
      </li>
      {model.approval_state !== 'none' && (
        <li>
          <StateMark axis="approval" state={model.approval_state} />
        </li>
      )}
      {model.hosting === 'local' && (
        <li>
          {model.loaded_in.length > 0 ? (
            <StateMark axis="load" state="loaded">
              {t('model.strip.loaded', { count: model.loaded_in.length, slots: model.loaded_in.join(', ') })}
            </StateMark>
          ) : (
            <StateMark axis="load" state="empty">
              {t('model.strip.notLoaded')}
            </StateMark>
          )}
        </li>
      )}
      {model.hosting === 'cloud' && (
        <li>
          <StateMark axis="check" state={model.credential.status === 'active' ? 'ok' : 'failed'} plain>
            {t('model.strip.credential', { state: t(`credentialState.${model.credential.status}`) })}
          </StateMark>
        </li>
      )}
      {model.artifact !== null && (
        <li>
          <StateMark axis="artifact" state={model.artifact.artifact_status}>
            {t('model.strip.artifact', { state: stateWord('artifact', model.artifact.artifact_status) })}
          </StateMark>
        </li>
      )}
    </ul>
  );
}
