import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Slot } from '../../../shared/contract/index.ts';
import { useModel } from '../../data/models.ts';
import { useNow } from '../../data/now.ts';
import { cx } from '../../parts/cx.ts';
import { Digest, Time } from '../../parts/figures.tsx';
import { formatCount } from '../../parts/format.ts';
import { StateMark } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import { versionWords } from '../models/words.ts';
import { currentMilestone, isMoving, loadingTime, settingName, slotStateWords } from './words.ts';
import css from './SlotStatus.module.css';

/** A model by id, as it is named: name, version and digest. Its id where it was never read. */
function ModelName({ id, plain = false }: { readonly id: string; readonly plain?: boolean }): ReactNode {
  const model = useModel(id);
  if (model === undefined)
    return plain ? (
      <span className={css.model}>{id}</span>
    ) : (
      <Link href={`/models/${id}`} className={css.model}>
        {id}
      </Link>
    );
  const text = (
    <>
      <span className={css.model}>{model.name}</span> {versionWords(model)}
    </>
  );
  return (
    <span className={css.named}>
      {plain ? (
        text
      ) : (
        <Link href={`/models/${id}`} className={css.plainLink}>
          {text}
        </Link>
      )}{' '}
      <Digest value={model.checksum} />
    </span>
  );
}

/** Glyph and word of a slot, with the phase. */
export function SlotState({ slot }: { readonly slot: Slot }): ReactNode {
  const now = useNow(slot.load_state === 'loading' ? 1000 : null);
  return (
    <StateMark axis="load" state={slot.load_state} moving={isMoving(slot, now)}>
      {slotStateWords(slot)}
    </StateMark>
  );
}

/** What a slot wants and what it serves, one line when that is the same; while it loads, how far it is. */
export function SlotHolds({ slot }: { readonly slot: Slot }): ReactNode {
  const wants = slot.assigned_model_id;
  const serves = slot.loaded_managed_model_id;
  if (wants === null && serves === null) return <span className={css.dim}>{t('slots.holdsNothing')}</span>;
  if (wants === serves && serves !== null)
    return (
      <>
        <div>
          <ModelName id={serves} />
        </div>
        <div className={css.dim}>
          {t('slots.serving', {
            tokens: formatCount(slot.context_length),
            parallel: formatCount(slot.parallel),
          })}{' '}
          <Time at={slot.since} as="since" />
        </div>
        <Underway slot={slot} />
      </>
    );
  return (
    <>
      {wants !== null && (
        <div>
          <span className={css.dim}>{t('slots.wants')}</span> <ModelName id={wants} />
        </div>
      )}
      <div className={css.dim}>
        {serves === null ? (
          slot.load_state === 'loading' ? null : (
            t('slots.servesNothing', { attempts: slot.attempt })
          )
        ) : (
          <>
            {t('slots.serves')} <ModelName id={serves} />
          </>
        )}
      </div>
      {slot.load_state === 'loading' && <Milestones slot={slot} />}
    </>
  );
}

/** What is being changed behind a slot that serves: its replacement, and settings it does not have yet. */
function Underway({ slot }: { readonly slot: Slot }): ReactNode {
  const { replacement, pending_changes: pending } = slot;
  if (replacement !== null)
    return (
      <div className={css.current}>
        {t('slots.replacing', {
          phase: currentMilestone(replacement) ?? t(`phase.${replacement.phase}`),
        })}
      </div>
    );
  return (
    <>
      {pending.length > 0 && (
        <div className={css.dim}>{t('slots.pending', { settings: pending.map(settingName).join(', ') })}</div>
      )}
      {slot.memory_override && <div className={css.dim}>{t('slots.overridden')}</div>}
    </>
  );
}

/** The way to being loaded, with the step at hand marked. */
function Milestones({ slot }: { readonly slot: Slot }): ReactNode {
  const now = useNow();
  const current = currentMilestone(slot);
  return (
    <div className={css.dim}>
      {slot.milestones.length > 0 && (
        <div className={css.milestones}>
          {slot.milestones.map((milestone, index) => (
            <span
              key={milestone.id}
              className={cx(
                css.milestone,
                milestone.reached_at !== null && css.reached,
                milestone.label === current && css.current,
              )}
              aria-current={milestone.label === current ? 'step' : undefined}
            >
              {milestone.label}
              {index < slot.milestones.length - 1 ? ',' : '.'}
            </span>
          ))}
        </div>
      )}
      <div>{loadingTime(slot, now)}</div>
    </div>
  );
}
