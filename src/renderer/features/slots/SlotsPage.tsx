import { Kbd, TextInput } from '@mantine/core';
import { type KeyboardEvent, type ReactNode } from 'react';
import { Link, useSearchParams } from 'wouter';
import { navigate } from 'wouter/use-browser-location';
import { useStore } from 'zustand';
import type { Slot } from '../../../shared/contract/index.ts';
import { openDialog } from '../../app/dialogs.ts';
import { toastDone } from '../../app/toasts.ts';
import { liveStore, useSlots } from '../../data/live.ts';
import { modelListQuery } from '../../data/models.ts';
import { lettersEnabled } from '../../data/preferences.ts';
import { useQuery } from '../../data/queries.ts';
import { useMay } from '../../data/session.ts';
import { copyText } from '../../parts/Copy.tsx';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { PageHeader } from '../../parts/PageHeader.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import { SlotActions } from './SlotActions.tsx';
import { SlotError } from './SlotError.tsx';
import { SlotHolds, SlotState } from './SlotStatus.tsx';
import css from './SlotsPage.module.css';

/** Every slot as a strip: what it is, what it holds, what it does, what can be done. */
export default function SlotsPage(): ReactNode {
  const slots = useSlots();
  const error = useStore(liveStore, (live) => live.error);
  const mayAct = useMay('superadmin');
  const [search, setSearch] = useSearchParams();
  const filter = search.get('q') ?? '';
  // Names and digests of what they hold.
  useQuery(modelListQuery({}));
  const shown = slots?.filter((slot) => matchesFilter(slot, filter)) ?? [];
  return (
    <>
      <PageHeader title={t('slots.title')} facts={slots === null ? null : countWords(slots)}>
        {slots !== null && slots.length > 0 && (
          <TextInput
            className={css.filter}
            data-filter=""
            type="search"
            aria-label={t('slots.filter')}
            placeholder={t('models.filter')}
            rightSection={<Kbd>/</Kbd>}
            value={filter}
            onChange={(event) =>
              setSearch(event.currentTarget.value === '' ? {} : { q: event.currentTarget.value }, {
                replace: true,
              })
            }
          />
        )}
        {mayAct && (
          <ReasonButton variant="filled" changes onClick={() => openDialog({ kind: 'new-slot' })}>
            {t('slots.new')}
          </ReasonButton>
        )}
      </PageHeader>
      <div className={css.list}>
        {slots === null ? (
          error === null ? (
            <Pending rows={4} rowHeight={64} />
          ) : (
            <div className={css.refusal}>
              <Refusal error={error} />
            </div>
          )
        ) : slots.length === 0 ? (
          <EmptyState
            actions={
              mayAct && (
                <ReasonButton variant="filled" changes onClick={() => openDialog({ kind: 'new-slot' })}>
                  {t('slots.new')}
                </ReasonButton>
              )
            }
          >
            {t('slots.empty')}
          </EmptyState>
        ) : shown.length === 0 ? (
          <EmptyState
            actions={
              <ReasonButton onClick={() => setSearch({}, { replace: true })}>
                {t('models.clear')}
              </ReasonButton>
            }
          >
            {t('slots.noMatch', { filter })}
          </EmptyState>
        ) : (
          <ul aria-label={t('slots.title')}>
            {shown.map((slot, index) => (
              <SlotStrip key={slot.id} slot={slot} first={index === 0} />
            ))}
          </ul>
        )}
      </div>
    </>
  );
}

function countWords(slots: readonly Slot[]): string {
  const serving = slots.filter((slot) => slot.load_state === 'loaded').length;
  return t('slots.count', { count: slots.length, serving });
}

function matchesFilter(slot: Slot, filter: string): boolean {
  const text = `${slot.id} ${slot.display_name} ${slot.assigned_model_id ?? ''} ${slot.runtime_spec} ${slot.load_state}`;
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.toLowerCase().includes(word));
}

function SlotStrip({ slot, first }: { readonly slot: Slot; readonly first: boolean }): ReactNode {
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
              {slot.engine_version === null ? '' : ` ${slot.engine_version}`}
            </span>
          </div>
          <SlotState slot={slot} />
        </div>
        <div className={css.holds}>
          <SlotHolds slot={slot} />
        </div>
        <div className={css.flow}>
          {slot.load_state === 'loaded' && (
            <span>{t('slots.inFlight', { count: slot.requests_in_flight })}</span>
          )}
        </div>
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

/** What the letters of a slot open: the same as its buttons. Null where there is nothing to open. */
function letterAction(letter: string, slot: Slot, mayLoad: boolean): (() => void) | null {
  const holds = slot.assigned_model_id !== null;
  switch (letter) {
    case 'o':
      return () => navigate(`/slots/${slot.id}/logs`);
    case 'e':
      return () => navigate(`/slots/${slot.id}/config`);
    case 'l':
      return mayLoad ? () => openDialog({ kind: 'load', slotId: slot.id }) : null;
    case 'u':
      return mayLoad && holds ? () => openDialog({ kind: 'unload', slotId: slot.id }) : null;
    case 'r':
      return mayLoad && holds ? () => openDialog({ kind: 'restart', slotId: slot.id }) : null;
    case 'c':
      return () => copyAndSay(slot.id);
    case 'C':
      return () => copyAndSay(`modelops slots show ${slot.id}`);
    default:
      return null;
  }
}

function copyAndSay(text: string): void {
  void copyText(text).then(() => toastDone(t('palette.copied', { command: text })));
}

/** Arrows walk the strips, letters act on the one in focus. @returns whether the key was taken */
function stripKey(event: KeyboardEvent<HTMLLIElement>, slot: Slot, mayLoad: boolean): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const strip = event.currentTarget;
  const walk: Partial<Record<string, Element | null>> = {
    ArrowDown: strip.nextElementSibling,
    ArrowUp: strip.previousElementSibling,
    ...(lettersEnabled() ? { j: strip.nextElementSibling, k: strip.previousElementSibling } : {}),
  };
  const other = walk[event.key];
  if (other !== undefined) {
    if (other instanceof HTMLElement) other.focus();
    return true;
  }
  if (event.key === 'Enter') {
    navigate(`/slots/${slot.id}`);
    return true;
  }
  const act = lettersEnabled() ? letterAction(event.key, slot, mayLoad) : null;
  act?.();
  return act !== null;
}
