import { Modal, SegmentedControl, Select, TextInput } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { navigate } from 'wouter/use-browser-location';
import { ENDPOINTS, NAME_PATTERN, type Capability, type Runtime } from '../../../shared/contract/index.ts';
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

/** A new place for one model: on which runtime, for which task, under which name. */
export function NewSlotDialog({ onClose }: { readonly onClose: () => void }): ReactNode {
  const { data: runtimes, error } = useQuery(runtimesQuery);
  return (
    <Modal opened onClose={onClose} size={480} withCloseButton={false} title={t('newSlot.title')}>
      {error !== null && <Refusal error={error} />}
      {runtimes === undefined ? (
        error === null && <Pending rows={3} />
      ) : (
        <Form runtimes={runtimes} onClose={onClose} />
      )}
    </Modal>
  );
}

function Form({
  runtimes,
  onClose,
}: {
  readonly runtimes: readonly Runtime[];
  readonly onClose: () => void;
}): ReactNode {
  const sorted = runtimes.toSorted((a, b) => Number(b.available) - Number(a.available));
  const [runtimeId, setRuntimeId] = useState(sorted[0]?.id ?? null);
  const [capability, setCapability] = useState<Capability | null>(null);
  const [name, setName] = useState('');
  const runtime = sorted.find((one) => one.id === runtimeId);
  const task =
    capability !== null && runtime?.capabilities.includes(capability) === true
      ? capability
      : (runtime?.capabilities[0] ?? null);
  const badName = name !== '' && !NAME_PATTERN.test(name) ? t('newSlot.badName') : null;
  const create = useMutation(async () => {
    if (runtime === undefined || task === null) return;
    const { slot } = await call(ENDPOINTS.createSlot, {
      body: { capability: task, runtime_spec: runtime.id, ...(name === '' ? {} : { id: name }) },
    });
    liveFeed.putSlot(slot);
    toastDone(t('newSlot.done', { slot: slot.id }));
    navigate(`/slots/${slot.id}`);
  });
  const submit = async (): Promise<void> => {
    if (await create.run()) onClose();
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (badName === null && task !== null) void submit();
      }}
    >
      <div className={confirmCss.body}>
        <Select
          label={t('slot.runtime')}
          data-autofocus
          allowDeselect={false}
          data={sorted.map((one) => ({
            value: one.id,
            label: one.available ? one.name : t('load.newOptionUnavailable', { runtime: one.name }),
          }))}
          value={runtimeId}
          onChange={setRuntimeId}
          description={runtime?.description}
        />
        {runtime?.available === false && runtime.unavailable !== null && (
          <ErrorStrip tone="warn" sentence={runtime.unavailable.message} hint={runtime.unavailable.hint} />
        )}
        {runtime !== undefined && runtime.capabilities.length > 1 && (
          <div>
            <div id="new-slot-task">{t('newSlot.task')}</div>
            <SegmentedControl
              aria-labelledby="new-slot-task"
              value={task ?? ''}
              onChange={(value) => setCapability(value as Capability)}
              data={runtime.capabilities.map((one) => ({ value: one, label: t(`capability.${one}`) }))}
            />
          </div>
        )}
        <TextInput
          label={t('newSlot.name')}
          description={t('newSlot.nameHelp')}
          placeholder={t('newSlot.namePlaceholder')}
          value={name}
          error={badName}
          autoComplete="off"
          onChange={(event) => setName(event.currentTarget.value)}
        />
        {create.error !== null && <Refusal error={create.error} />}
      </div>
      <div className={confirmCss.buttons}>
        <ReasonButton onClick={onClose}>{t('action.cancel')}</ReasonButton>
        <ReasonButton
          type="submit"
          variant="filled"
          changes
          reason={badName}
          busy={create.busy}
          busyLabel={t('newSlot.busy')}
        >
          {t('newSlot.verb')}
        </ReasonButton>
      </div>
    </form>
  );
}
