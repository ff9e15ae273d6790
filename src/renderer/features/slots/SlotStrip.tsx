import type { KeyboardEvent, ReactNode } from 'react';
import { Link } from 'wouter';
import type { Slot } from '../../../shared/contract/index.ts';
import { useMay } from '../../data/session.ts';
import { t } from '../../strings/text.ts';
import { SlotActions } from './SlotActions.tsx';
import { SlotError } from './SlotError.tsx';
import { stripKey } from './slot-keys.ts';
import { SlotMemory } from './SlotMemory.tsx';
import { SlotHolds, SlotState } from './SlotStatus.tsx';
import { SlotThroughput } from './SlotThroughput.tsx';
import css from './SlotsPage.module.css';

/** One slot in two or three lines: what it is, what it holds, what it takes, what it does, what can be done. */
export function SlotStrip({ slot, first }: { readonly slot: Slot; readonly first: boolean }): ReactNode {
  const mayLoad = useMay('superadmin');
  const onKeyDown = (event: KeyboardEvent<HTMLLIElement>): void => {
    if (event.target !== event.currentTarget) return;
    if (stripKey(event, slot, mayLoad)) {
      event.preventDefault();
      event.stopPropagation();
    }
  };
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- a strip is reached and walked with the arrows; its buttons do the same
    <li
      className={css.strip}
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- as above
      tabIndex={first ? 0 : -1}
      data-strip={slot.id}
      aria-label={slot.id}
      onKeyDown={onKeyDown}
    >
      <div className={css.main}>
        <div className={css.who}>
          <div className={css.name}>
            <Link href={`/slots/${slot.id}`} className={css.title}>
              {slot.id}
            </Link>{' '}
            <span className={css.dim}>
              {t(`capability.${slot.capability}`)}, {slot.runtime_spec}
              {slot.engine_version === null ? '' : ` ${slot.engine_version.split(' ').at(-1) ?? ''}`}
            </span>
          </div>
          <SlotState slot={slot} />
          {!slot.enabled && <div className={css.dim}>{t('slots.disabled')}</div>}
        </div>
        <div className={css.holds}>
          <SlotHolds slot={slot} />
        </div>
        <SlotMemory slot={slot} />
        <div className={css.flow}>{slot.load_state === 'loaded' && <SlotThroughput slot={slot} />}</div>
        <div className={css.actions}>
          <SlotActions slot={slot} />
        </div>
      </div>
      {slot.load_error !== null && slot.load_state !== 'loading' && (
        <div className={css.error}>
          <SlotError slot={slot} error={slot.load_error} />
        </div>
      )}
    </li>
  );
}
