import { Kbd, TextInput } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link, useSearchParams } from 'wouter';
import { navigate } from 'wouter/use-browser-location';
import { useStore } from 'zustand';
import type { Slot } from '../../../shared/contract/index.ts';
import { openDialog } from '../../app/dialogs.ts';
import { useLiveGpus } from '../../data/hardware.ts';
import { liveStore, useSlots } from '../../data/live.ts';
import { modelListQuery } from '../../data/models.ts';
import { runtimesQuery } from '../../data/node.ts';
import { useQuery } from '../../data/queries.ts';
import { useMay } from '../../data/session.ts';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { ErrorStrip, Refusal } from '../../parts/ErrorStrip.tsx';
import { Time } from '../../parts/figures.tsx';
import { PageHeader } from '../../parts/PageHeader.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Sentence } from '../../parts/Sentence.tsx';
import { t } from '../../strings/text.ts';
import { Proposals } from './Proposals.tsx';
import { SlotStrip } from './SlotStrip.tsx';
import css from './SlotsPage.module.css';

/** Every slot as a strip: what it is, what it holds, what it does, what can be done. */
export default function SlotsPage(): ReactNode {
  const slots = useSlots();
  const mayAct = useMay('superadmin');
  const { data: gpus } = useLiveGpus();
  const [search, setSearch] = useSearchParams();
  const filter = search.get('q') ?? '';
  // Names and digests of what they hold.
  useQuery(modelListQuery({}));
  return (
    <>
      <PageHeader
        title={t('slots.title')}
        facts={
          slots === null || slots.length === 0
            ? null
            : countWords(slots, gpus?.gpus.filter((gpu) => gpu.usable).length ?? 0)
        }
      >
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
        <ReasonButton onClick={() => navigate('/runtimes')}>{t('slots.images')}</ReasonButton>
        {mayAct && <NewSlotButton />}
      </PageHeader>
      <div className={css.list}>
        {slots !== null && <DockerDown slots={slots} />}
        <Strips slots={slots} filter={filter} />
      </div>
    </>
  );
}

function NewSlotButton(): ReactNode {
  return (
    <ReasonButton variant="filled" changes onClick={() => openDialog({ kind: 'new-slot' })}>
      {t('slots.new')}
    </ReasonButton>
  );
}

function Strips({
  slots,
  filter,
}: {
  readonly slots: readonly Slot[] | null;
  readonly filter: string;
}): ReactNode {
  const error = useStore(liveStore, (live) => live.error);
  const mayAct = useMay('superadmin');
  const [, setSearch] = useSearchParams();
  if (slots === null)
    return error === null ? (
      <Pending rows={4} rowHeight={64} />
    ) : (
      <div className={css.refusal}>
        <Refusal error={error} />
      </div>
    );
  if (slots.length === 0)
    return (
      <EmptyState
        actions={
          mayAct && (
            <>
              <NewSlotButton />
              <Proposals />
            </>
          )
        }
      >
        {t('slots.empty')}
      </EmptyState>
    );
  const shown = slots.filter((slot) => matchesFilter(slot, filter));
  if (shown.length === 0)
    return (
      <EmptyState
        actions={
          <ReasonButton onClick={() => setSearch({}, { replace: true })}>{t('models.clear')}</ReasonButton>
        }
      >
        {t('slots.noMatch', { filter })}
      </EmptyState>
    );
  return (
    <ul aria-label={t('slots.title')}>
      {shown.map((slot, index) => (
        <SlotStrip key={slot.id} slot={slot} first={index === 0} />
      ))}
    </ul>
  );
}

/** Slots in containers that nobody can look at now. One banner for all of them. */
function DockerDown({ slots }: { readonly slots: readonly Slot[] }): ReactNode {
  const { data: runtimes } = useQuery(runtimesQuery);
  const down = runtimes?.find(
    (runtime) => runtime.driver === 'docker' && runtime.unavailable?.error === 'runtime_unavailable',
  );
  const affected = slots.filter(
    (slot) => runtimes?.find((runtime) => runtime.id === slot.runtime_spec)?.driver === 'docker',
  );
  if (down?.unavailable == null || affected.length === 0) return null;
  const observed = affected
    .flatMap((slot) => slot.observed_at ?? [])
    .toSorted()
    .at(-1);
  return (
    <div className={css.banner}>
      <ErrorStrip
        tone="warn"
        sentence={<Sentence text={down.unavailable.message} />}
        hint={
          <>
            {t('slots.dockerDown')}{' '}
            {observed !== undefined && (
              <>
                {t('slots.notObserved')} <Time at={observed} />.
              </>
            )}
          </>
        }
        actions={
          <Link href="/doctor" className={css.link}>
            {t('slots.openDoctor')}
          </Link>
        }
      />
    </div>
  );
}

function countWords(slots: readonly Slot[], gpus: number): string {
  const serving = slots.filter((slot) => slot.load_state === 'loaded').length;
  return t('slots.count', { count: slots.length, serving, gpus });
}

function matchesFilter(slot: Slot, filter: string): boolean {
  const text = `${slot.id} ${slot.display_name} ${slot.assigned_model_id ?? ''} ${slot.runtime_spec} ${slot.load_state}`;
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.toLowerCase().includes(word));
}
