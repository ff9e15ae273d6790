import { uptime } from 'node:os';
import type { GpuEvent, ThrottleReason } from '../../shared/contract/index.ts';
import { toIso, type Clock } from '../kernel/clock.ts';
import { isOn } from './bus-id.ts';
import type { EventRow, GpuStore } from './gpu-store.ts';
import type { GpuState } from './gpu-view.ts';
import type { GpuLoad, GpuUsers } from './ports.ts';
import type { Xid } from './xid.ts';

/** Reasons that a person should know of. A power cap and an idle GPU are everyday life. */
const TROUBLE: Partial<Record<ThrottleReason, string>> = {
  hardware_slowdown: 'the hardware asks for it (heat, power, or a weak supply)',
  software_thermal: 'it is too hot',
  hardware_thermal: 'it is dangerously hot',
  power_brake: 'the power supply asks for it',
};
/** The same again within this time is the same. */
const THROTTLE_MS = 60_000;
const XID_MS = 5000;
const WINDOW_MS = { '1h': 3_600_000, '24h': 86_400_000 } as const;

/** What happens to GPUs, as it is seen. Stored, but not journaled: nobody decided it. */
export class GpuEvents {
  readonly #store: GpuStore;
  readonly #clock: Clock;
  readonly #lastXid = new Map<string, GpuEvent | null>();
  readonly #throttledAt = new Map<string, number>();

  constructor(store: GpuStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Finds what happened between two states. */
  changed(before: GpuState, now: GpuState): void {
    if (before.lost !== now.lost) this.#lossesAndReturns(before, now);
    if (before.live !== now.live) this.#throttling(now);
  }

  xid({ at, busId, code, message }: Xid, cards: GpuState['cards']): void {
    const uuid = cards.find((card) => isOn(card.busId, busId))?.uuid ?? null;
    const row: EventRow = { at, gpu_uuid: uuid, kind: 'xid', code, message };
    // The log is read from its start at every start of the agent, and one fault writes the same line many times.
    if (this.#store.hasEvent(row, XID_MS)) return;
    this.#store.addEvent(row);
    if (uuid !== null) this.#lastXid.delete(uuid);
  }

  /** The last since the machine started. */
  lastXid(uuid: string): GpuEvent | null {
    const known = this.#lastXid.get(uuid);
    if (known !== undefined) return known;
    const row = this.#store.lastXid(uuid, this.#clock.now() - uptime() * 1000 - XID_MS);
    const event = row === null ? null : eventOf(row);
    this.#lastXid.set(uuid, event);
    return event;
  }

  /** Oldest first, with what the slots that name the GPU loaded and unloaded. @param names its UUID, and its index */
  of(names: readonly string[], window: keyof typeof WINDOW_MS, users: GpuUsers): GpuEvent[] {
    const from = this.#clock.now() - WINDOW_MS[window];
    const [uuid = ''] = names;
    const slots = new Set(
      users
        .uses()
        .filter(({ gpuIds }) => gpuIds.some((id) => names.includes(id)))
        .map(({ slotId }) => slotId),
    );
    const loads = slots.size === 0 ? [] : users.loads(from).filter(({ slotId }) => slots.has(slotId));
    return [
      ...this.#store.events(uuid, from).map(eventOf),
      ...loads.flatMap((load) => marksOf(load, uuid, from)),
    ].toSorted((a, b) => a.at.localeCompare(b.at));
  }

  #lossesAndReturns(before: GpuState, now: GpuState): void {
    for (const { uuid, name, index } of now.cards) {
      const was = before.lost.has(uuid);
      if (was === now.lost.has(uuid)) continue;
      this.#add(
        uuid,
        was ? 'returned' : 'lost',
        was ? `${name} (GPU ${index}) answers again.` : `${name} (GPU ${index}) no longer answers.`,
      );
    }
  }

  #throttling(now: GpuState): void {
    const at = this.#clock.now();
    for (const reading of now.live.values()) {
      const troubles = reading.throttleReasons.filter((reason) => TROUBLE[reason] !== undefined);
      if (troubles.length === 0) continue;
      const { uuid } = reading;
      const last = this.#throttledAt.get(uuid);
      this.#throttledAt.set(uuid, at);
      if (last !== undefined && at - last < THROTTLE_MS) continue;
      const words = troubles.map((reason) => TROUBLE[reason]).join(', ');
      const heat = reading.temperatureCelsius === null ? '' : ` at ${reading.temperatureCelsius} °C`;
      this.#add(uuid, 'throttled', `The GPU runs slower: ${words}${heat}.`);
    }
  }

  #add(uuid: string, kind: EventRow['kind'], message: string): void {
    this.#store.addEvent({ at: this.#clock.now(), gpu_uuid: uuid, kind, code: null, message });
  }
}

const eventOf = ({ at, ...row }: EventRow): GpuEvent => ({ at: toIso(at), ...row });

function marksOf({ slotId, modelId, loadedAt, endedAt }: GpuLoad, uuid: string, from: number): GpuEvent[] {
  const mark = (at: number, kind: 'loaded' | 'unloaded'): GpuEvent => ({
    at: toIso(at),
    gpu_uuid: uuid,
    kind,
    code: null,
    message: `${slotId} ${kind} ${modelId}.`,
  });
  return [
    ...(loadedAt >= from ? [mark(loadedAt, 'loaded')] : []),
    ...(endedAt !== null && endedAt >= from ? [mark(endedAt, 'unloaded')] : []),
  ];
}
