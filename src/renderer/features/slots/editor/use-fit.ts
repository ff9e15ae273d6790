import {
  ENDPOINTS,
  type EndpointOutput,
  type Fit,
  type SlotConfig,
} from '../../../../shared/contract/index.ts';
import { call } from '../../../data/api.ts';
import { useSlots } from '../../../data/live.ts';
import { usePreview, type Preview } from './use-preview.ts';

export type SlotEffects = EndpointOutput<typeof ENDPOINTS.previewSlotEffects>['effects'];

/** Whether a model would fit into a slot with these settings; asked again when another slot takes or gives memory. */
export function useFit(
  slotId: string | null,
  modelId: string | null,
  more: { readonly config?: SlotConfig; readonly gpu_ids?: readonly string[] } = {},
): Preview<Fit> {
  const others = useSlots()
    ?.map((slot) => `${slot.id}:${slot.load_state}:${slot.reserved?.total_bytes ?? 0}`)
    .join();
  const body = {
    managed_model_id: modelId ?? '',
    ...(more.config === undefined ? {} : { config: more.config }),
    ...(more.gpu_ids === undefined ? {} : { gpu_ids: [...more.gpu_ids] }),
  };
  const key = slotId === null || modelId === null ? null : JSON.stringify([slotId, body, others]);
  return usePreview(key, (signal) =>
    call(ENDPOINTS.fitSlot, { params: { id: slotId ?? '' }, body }, { signal }),
  );
}

/** What saving would do now; null asks nothing. */
export function useSlotEffects(
  slotId: string,
  body:
    | { readonly action: 'load'; readonly managed_model_id: string }
    | { readonly action: 'change'; readonly config: SlotConfig; readonly gpu_ids: string[] }
    | null,
): Preview<SlotEffects> {
  const key = body === null ? null : JSON.stringify([slotId, body]);
  return usePreview(key, async (signal) =>
    body === null
      ? []
      : (await call(ENDPOINTS.previewSlotEffects, { params: { id: slotId }, body }, { signal })).effects,
  );
}
