import { Checkbox } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { navigate } from 'wouter/use-browser-location';
import { ENDPOINTS, type EndpointInput, type Slot } from '../../../shared/contract/index.ts';
import { toastDone } from '../../app/toasts.ts';
import { call } from '../../data/api.ts';
import { liveFeed, useSlot } from '../../data/live.ts';
import { useModel } from '../../data/models.ts';
import { useQuery } from '../../data/queries.ts';
import { Confirm } from '../../parts/Confirm.tsx';
import { Effects } from '../../parts/Effects.tsx';
import { formatDuration } from '../../parts/format.ts';
import { t } from '../../strings/text.ts';
import { modelTitle } from '../models/words.ts';

interface SlotDialogProps {
  readonly slotId: string;
  readonly onClose: () => void;
}

function useHeld(slotId: string): { slot: Slot | undefined; title: string } {
  const slot = useSlot(slotId);
  const id = slot?.loaded_managed_model_id ?? slot?.assigned_model_id ?? null;
  const model = useModel(id);
  return { slot, title: model === undefined ? (id ?? '') : modelTitle(model) };
}

type Action = Exclude<EndpointInput<typeof ENDPOINTS.previewSlotEffects>['body'], undefined>['action'];

/** What an action would do now, in the agent's words; what this page knows itself while they are not there. */
function Told({
  slot,
  action,
  otherwise,
}: {
  readonly slot: Slot;
  readonly action: Action;
  readonly otherwise: ReactNode;
}): ReactNode {
  const effects = useQuery({
    key: `effects slot ${slot.id} ${action}`,
    about: [`slot:${slot.id}`],
    read: async (signal) =>
      (await call(ENDPOINTS.previewSlotEffects, { params: { id: slot.id }, body: { action } }, { signal }))
        .effects,
  });
  return effects.data === undefined ? otherwise : <Effects of={effects} />;
}

/** Who feels it if the model leaves now. */
function InUse({ slot }: { readonly slot: Slot }): ReactNode {
  const again = slot.load_ms ?? slot.usual_load_ms;
  return (
    <p>
      {slot.requests_in_flight > 0
        ? t('unload.inUse', { count: slot.requests_in_flight })
        : t('unload.notInUse')}{' '}
      {again === null ? '' : t('unload.again', { span: formatDuration(again) })}
    </p>
  );
}

export function UnloadDialog({ slotId, onClose }: SlotDialogProps): ReactNode {
  const { slot, title } = useHeld(slotId);
  const [now, setNow] = useState(false);
  if (slot === undefined) return null;
  const loading = slot.load_state === 'loading';
  const running = slot.requests_in_flight;
  return (
    <Confirm
      title={t(loading ? 'unload.cancelTitle' : 'unload.title', { model: title, slot: slotId })}
      keep={t(loading ? 'unload.goOn' : slot.requests_in_flight > 0 ? 'unload.keepLoaded' : 'unload.keep')}
      verb={t(loading ? 'unload.cancelVerb' : 'unload.verb')}
      busyVerb={t('unload.busy')}
      onClose={onClose}
      onConfirm={async () => {
        const answer = await call(ENDPOINTS.unloadSlot, { params: { id: slotId }, query: { now } });
        liveFeed.putSlot(answer.slot);
      }}
    >
      <Told
        slot={slot}
        action="unload"
        otherwise={
          <>
            <InUse slot={slot} />
            <p>{t('unload.stays')}</p>
          </>
        }
      />
      {(running > 0 || now) && (
        <Checkbox
          label={t('unload.now', { count: running })}
          checked={now}
          onChange={(event) => setNow(event.currentTarget.checked)}
        />
      )}
    </Confirm>
  );
}

export function RestartDialog({ slotId, onClose }: SlotDialogProps): ReactNode {
  const { slot, title } = useHeld(slotId);
  if (slot === undefined) return null;
  return (
    <Confirm
      title={t('restart.title', { slot: slotId })}
      keep={t('restart.keep')}
      verb={t('restart.verb')}
      busyVerb={t('restart.busy')}
      onClose={onClose}
      onConfirm={async () => {
        const answer = await call(ENDPOINTS.restartSlot, { params: { id: slotId } });
        liveFeed.putSlot(answer.slot);
      }}
    >
      <p>{t('restart.body', { model: title })}</p>
      <Told slot={slot} action="restart" otherwise={<InUse slot={slot} />} />
    </Confirm>
  );
}

export function DeleteSlotDialog({ slotId, onClose }: SlotDialogProps): ReactNode {
  const { slot } = useHeld(slotId);
  if (slot === undefined) return null;
  return (
    <Confirm
      title={t('deleteSlot.title', { slot: slotId })}
      keep={t('deleteSlot.keep')}
      verb={t('deleteSlot.verb')}
      busyVerb={t('modelBusy.delete')}
      onClose={onClose}
      onConfirm={async () => {
        await call(ENDPOINTS.deleteSlot, { params: { id: slotId } });
        toastDone(t('deleteSlot.done', { slot: slotId }));
        navigate('/slots');
      }}
    >
      <Told
        slot={slot}
        action="delete"
        otherwise={<p>{t('deleteSlot.body', { settings: Object.keys(slot.config).length })}</p>}
      />
    </Confirm>
  );
}
