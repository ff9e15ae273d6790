import { Modal, SegmentedControl, Select, TextInput } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { navigate } from 'wouter/use-browser-location';
import { ENDPOINTS, NAME_PATTERN, type Capability, type Runtime } from '../../../shared/contract/index.ts';
import type { SlotProposal } from '../../app/dialogs.ts';
import { toastDone } from '../../app/toasts.ts';
import { call } from '../../data/api.ts';
import { liveFeed } from '../../data/live.ts';
import { useMutation } from '../../data/mutate.ts';
import { runtimesQuery } from '../../data/node.ts';
import { useQuery } from '../../data/queries.ts';
import confirmCss from '../../parts/Confirm.module.css';
import { ErrorStrip, Refusal } from '../../parts/ErrorStrip.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import { GpusField } from './editor/GpusField.tsx';
import css from './NewSlotDialog.module.css';
import { useProposals } from './Proposals.tsx';
import type { Proposal } from './proposals.ts';

/** A new place for one model: on which runtime, on which GPUs, for which task, under which name. */
export function NewSlotDialog({
  proposal,
  onClose,
}: {
  readonly proposal?: SlotProposal;
  readonly onClose: () => void;
}): ReactNode {
  const { data: runtimes, error } = useQuery(runtimesQuery);
  const proposals = useProposals();
  return (
    <Modal opened onClose={onClose} size={480} withCloseButton={false} title={t('newSlot.title')}>
      {error !== null && <Refusal error={error} />}
      {runtimes === undefined ? (
        error === null && <Pending rows={3} />
      ) : (
        <Form
          runtimes={runtimes}
          proposals={proposals}
          begin={proposal ?? proposals[0] ?? { runtime_spec: bestOf(runtimes)[0]?.id ?? '', gpu_ids: [] }}
          onClose={onClose}
        />
      )}
    </Modal>
  );
}

function bestOf(runtimes: readonly Runtime[]): readonly Runtime[] {
  return runtimes.toSorted((a, b) => Number(b.available) - Number(a.available));
}

/** What is wanted of the new slot, and what stands against it. */
function useNewSlot(runtimes: readonly Runtime[], begin: SlotProposal, onMade: () => void) {
  const [runtimeId, setRuntimeId] = useState<string | null>(begin.runtime_spec);
  const [gpuIds, setGpuIds] = useState<readonly string[]>(begin.gpu_ids);
  const [capability, setCapability] = useState<Capability | null>(null);
  const [name, setName] = useState('');
  const runtime = runtimes.find((one) => one.id === runtimeId);
  const task =
    capability !== null && runtime?.capabilities.includes(capability) === true
      ? capability
      : (runtime?.capabilities[0] ?? null);
  const badName = name !== '' && !NAME_PATTERN.test(name) ? t('newSlot.badName') : null;
  const onGpu = runtime?.device === 'cuda';
  const create = useMutation(async () => {
    if (runtime === undefined || task === null) return;
    const { slot } = await call(ENDPOINTS.createSlot, {
      body: {
        capability: task,
        runtime_spec: runtime.id,
        ...(name === '' ? {} : { id: name }),
        ...(onGpu ? { gpu_ids: [...gpuIds] } : {}),
      },
    });
    liveFeed.putSlot(slot);
    toastDone(t('newSlot.done', { slot: slot.id }));
    navigate(`/slots/${slot.id}`);
  });
  return {
    runtime,
    runtimeId,
    gpuIds,
    task,
    name,
    badName,
    onGpu,
    create,
    setRuntimeId,
    setGpuIds,
    setCapability,
    setName,
    take: (proposal: Proposal) => {
      setRuntimeId(proposal.runtime_spec);
      setGpuIds(proposal.gpu_ids);
    },
    submit: async () => {
      if (badName === null && task !== null && (await create.run())) onMade();
    },
  };
}

function Form({
  runtimes,
  proposals,
  begin,
  onClose,
}: {
  readonly runtimes: readonly Runtime[];
  readonly proposals: readonly Proposal[];
  readonly begin: SlotProposal;
  readonly onClose: () => void;
}): ReactNode {
  const sorted = bestOf(runtimes);
  const wanted = useNewSlot(sorted, begin, onClose);
  const { runtime } = wanted;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void wanted.submit();
      }}
    >
      <div className={confirmCss.body}>
        {proposals.length > 1 && <Proposed proposals={proposals} wanted={wanted} />}
        <Select
          label={t('slot.runtime')}
          data-autofocus
          allowDeselect={false}
          data={sorted.map((one) => ({
            value: one.id,
            label: one.available ? one.name : t('load.newOptionUnavailable', { runtime: one.name }),
          }))}
          value={wanted.runtimeId}
          onChange={wanted.setRuntimeId}
          description={runtime?.description}
        />
        {runtime?.available === false && runtime.unavailable !== null && (
          <ErrorStrip tone="warn" sentence={runtime.unavailable.message} hint={runtime.unavailable.hint} />
        )}
        {wanted.onGpu && (
          <GpusField label={t('setting.gpu_ids')} value={wanted.gpuIds} onChange={wanted.setGpuIds} />
        )}
        {runtime !== undefined && runtime.capabilities.length > 1 && (
          <div>
            <div id="new-slot-task">{t('newSlot.task')}</div>
            <SegmentedControl
              aria-labelledby="new-slot-task"
              value={wanted.task ?? ''}
              onChange={(value) => wanted.setCapability(value as Capability)}
              data={runtime.capabilities.map((one) => ({ value: one, label: t(`capability.${one}`) }))}
            />
          </div>
        )}
        <TextInput
          label={t('newSlot.name')}
          description={t('newSlot.nameHelp')}
          placeholder={t('newSlot.namePlaceholder')}
          value={wanted.name}
          error={wanted.badName}
          autoComplete="off"
          onChange={(event) => wanted.setName(event.currentTarget.value)}
        />
        {wanted.create.error !== null && <Refusal error={wanted.create.error} />}
      </div>
      <div className={confirmCss.buttons}>
        <ReasonButton onClick={onClose}>{t('action.cancel')}</ReasonButton>
        <ReasonButton
          type="submit"
          variant="filled"
          changes
          reason={wanted.badName}
          busy={wanted.create.busy}
          busyLabel={t('newSlot.busy')}
        >
          {t('newSlot.verb')}
        </ReasonButton>
      </div>
    </form>
  );
}

/** What suits this machine, one press each. */
function Proposed({
  proposals,
  wanted,
}: {
  readonly proposals: readonly Proposal[];
  readonly wanted: ReturnType<typeof useNewSlot>;
}): ReactNode {
  return (
    <div role="group" aria-label={t('newSlot.proposals')} className={css.proposals}>
      {proposals.map((proposal) => (
        <ReasonButton
          key={proposal.label}
          size="xs"
          aria-pressed={
            proposal.runtime_spec === wanted.runtimeId && proposal.gpu_ids.join() === wanted.gpuIds.join()
          }
          className={css.proposal}
          onClick={() => wanted.take(proposal)}
        >
          {proposal.label}
        </ReasonButton>
      ))}
    </div>
  );
}
