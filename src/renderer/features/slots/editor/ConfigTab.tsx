import type { ReactNode } from 'react';
import type { Slot } from '../../../../shared/contract/index.ts';
import { runtimesQuery } from '../../../data/node.ts';
import { useQuery } from '../../../data/queries.ts';
import { Refusal } from '../../../parts/ErrorStrip.tsx';
import { Pending } from '../../../parts/Pending.tsx';
import { SETTINGS } from './settings.ts';
import { SlotEditor } from './SlotEditor.tsx';

/** The settings of a slot with what they would need, by what its runtime takes. */
export default function ConfigTab({
  slot,
  actions,
}: {
  readonly slot: Slot;
  /** Where the buttons of the editor stand: in the header of the page. */
  readonly actions: HTMLElement | null;
}): ReactNode {
  const { data: runtimes, error } = useQuery(runtimesQuery);
  if (runtimes === undefined) return error === null ? <Pending /> : <Refusal error={error} alert={false} />;
  const runtime = runtimes.find((one) => one.id === slot.runtime_spec);
  const settings = SETTINGS.filter(({ key }) => runtime === undefined || runtime.settings.includes(key));
  return <SlotEditor key={slot.id} slot={slot} runtime={runtime} settings={settings} actions={actions} />;
}
