import { roundTo } from './rounding.ts';
import type { Gpu, GpuEvent, Gpus as GpusView } from '../../shared/contract/index.ts';
import type {
  Card,
  DriverProblem,
  GpuProcess,
  LiveReading,
  MigDevice,
  MigReading,
} from '../adapters/nvidia/index.ts';
import { toIso, toIsoOrNull } from '../kernel/clock.ts';
import type { GpuUse, GpuUsers } from './ports.ts';

/** A process, and the container that it runs in; null outside of any. */
export interface PlacedProcess extends GpuProcess {
  readonly containerId: string | null;
}

/** All that is known of the GPUs. Replaced as a whole, never changed. */
export interface GpuState {
  readonly problem: DriverProblem | null;
  readonly cards: readonly Card[];
  readonly mig: readonly MigDevice[];
  readonly migReadings: ReadonlyMap<string, MigReading>;
  /** By UUID; a card without one was not in the last tick. */
  readonly live: ReadonlyMap<string, LiveReading>;
  readonly processes: readonly PlacedProcess[];
  /** Cards that no longer answer. */
  readonly lost: ReadonlySet<string>;
  readonly cudaVersion: string | null;
  /** A card was seen on the bus, but no driver. */
  readonly cardWithoutDriver: boolean;
  readonly samplingMs: number | null;
  readonly observedAt: number | null;
}

export const NOTHING_KNOWN: GpuState = {
  problem: null,
  cards: [],
  mig: [],
  migReadings: new Map(),
  live: new Map(),
  processes: [],
  lost: new Set(),
  cudaVersion: null,
  cardWithoutDriver: false,
  samplingMs: null,
  observedAt: null,
};

export interface ViewSources {
  readonly users: GpuUsers;
  readonly lastXid: (uuid: string) => GpuEvent | null;
  readonly kernelLog: string | null;
}

/** The answer of `GET /v1/gpus` and of the event `gpus`. Pure. */
export function viewOf(state: GpuState, sources: ViewSources): GpusView {
  const { problem, cards, observedAt } = state;
  const context: Context = { ...sources, uses: sources.users.uses() };
  const gpus = cards.flatMap((card) => [
    cardView(card, state, context),
    ...state.mig
      .filter(({ parentUuid }) => parentUuid === card.uuid)
      .map((device) => instanceView(device, card, state, context)),
  ]);
  return {
    gpus,
    driver: {
      state: problem?.state ?? (observedAt === null ? 'absent' : 'ok'),
      version: cards[0]?.driverVersion ?? null,
      cuda_version: state.cudaVersion,
    },
    reason: problem?.reason ?? (observedAt === null ? 'The GPUs have not been looked at yet.' : null),
    hint: problem?.hint ?? null,
    sampling_ms: state.samplingMs,
    kernel_log: cards.length === 0 ? null : sources.kernelLog,
    observed_at: toIsoOrNull(observedAt),
  };
}

interface Context extends ViewSources {
  readonly uses: readonly GpuUse[];
}

function cardView(card: Card, state: GpuState, context: Context): Gpu {
  const now = state.lost.has(card.uuid) ? undefined : state.live.get(card.uuid);
  const isMig = card.migMode === 'enabled';
  const reason = unusableReason(card, state, now);
  return {
    index: card.index,
    uuid: card.uuid,
    name: card.name,
    parent_uuid: null,
    mig_profile: null,
    pci_bus_id: card.busId,
    driver_version: card.driverVersion,
    compute_capability: card.computeCapability,
    mig_mode: card.migMode,
    persistence_mode: card.persistenceMode,
    memory_total_bytes: card.memoryTotalBytes,
    unified_memory: card.unifiedMemory,
    ...(now === undefined ? NO_FIGURES : figuresOf(now)),
    last_xid: context.lastXid(card.uuid),
    processes: isMig ? [] : processesOn(card.uuid, state, context),
    slot_ids: slotsOn([card.uuid, String(card.index)], context),
    usable: reason === null,
    unusable_reason: reason,
    observed_at: toIso(state.observedAt ?? 0),
  };
}

type Figures = Pick<
  Gpu,
  | 'memory_used_bytes'
  | 'memory_free_bytes'
  | 'memory_reserved_bytes'
  | 'utilization_percent'
  | 'memory_utilization_percent'
  | 'temperature_celsius'
  | 'memory_temperature_celsius'
  | 'power_watts'
  | 'power_limit_watts'
  | 'fan_percent'
  | 'sm_clock_mhz'
  | 'memory_clock_mhz'
  | 'performance_state'
  | 'throttle_reasons'
  | 'ecc_errors'
>;

/** Of a card that does not answer. */
const NO_FIGURES: Figures = {
  memory_used_bytes: null,
  memory_free_bytes: null,
  memory_reserved_bytes: null,
  utilization_percent: null,
  memory_utilization_percent: null,
  temperature_celsius: null,
  memory_temperature_celsius: null,
  power_watts: null,
  power_limit_watts: null,
  fan_percent: null,
  sm_clock_mhz: null,
  memory_clock_mhz: null,
  performance_state: null,
  throttle_reasons: [],
  ecc_errors: null,
};

function figuresOf(now: LiveReading): Figures {
  return {
    memory_used_bytes: now.memoryUsedBytes,
    memory_free_bytes: now.memoryFreeBytes,
    memory_reserved_bytes: now.memoryReservedBytes,
    utilization_percent: now.utilizationPercent,
    memory_utilization_percent: now.memoryUtilizationPercent,
    temperature_celsius: now.temperatureCelsius,
    memory_temperature_celsius: now.memoryTemperatureCelsius,
    power_watts: roundTo(now.powerWatts, 2),
    power_limit_watts: roundTo(now.powerLimitWatts, 2),
    fan_percent: now.fanPercent,
    sm_clock_mhz: now.smClockMhz,
    memory_clock_mhz: now.memoryClockMhz,
    performance_state: now.performanceState,
    throttle_reasons: [...now.throttleReasons],
    ecc_errors:
      now.eccCorrected === null && now.eccUncorrected === null
        ? null
        : { corrected: now.eccCorrected, uncorrected: now.eccUncorrected },
  };
}

/** An instance has memory and processes of its own; everything else belongs to the card. */
function instanceView(device: MigDevice, card: Card, state: GpuState, context: Context): Gpu {
  const memory = state.migReadings.get(device.uuid);
  const parent = cardView(card, state, context);
  const isLost = state.lost.has(card.uuid);
  const reason = isLost ? lostReason(card) : (state.problem?.reason ?? null);
  return {
    ...parent,
    uuid: device.uuid,
    name: `${card.name} MIG ${device.profile}`,
    parent_uuid: card.uuid,
    mig_profile: device.profile,
    memory_total_bytes: memory?.memoryTotalBytes ?? null,
    memory_used_bytes: isLost ? null : (memory?.memoryUsedBytes ?? null),
    memory_free_bytes: isLost ? null : (memory?.memoryFreeBytes ?? null),
    memory_reserved_bytes: isLost ? null : (memory?.memoryReservedBytes ?? null),
    unified_memory: false,
    utilization_percent: null,
    memory_utilization_percent: null,
    processes: processesOn(device.uuid, state, context),
    slot_ids: slotsOn([device.uuid], context),
    usable: reason === null,
    unusable_reason: reason,
  };
}

const lostReason = ({ name, index }: Card): string =>
  `${name} (GPU ${index}) no longer answers: it has fallen off the bus. A restart of the machine usually brings it back.`;

function unusableReason(card: Card, state: GpuState, now: LiveReading | undefined): string | null {
  if (state.lost.has(card.uuid)) return lostReason(card);
  if (now === undefined && state.problem !== null) return state.problem.reason;
  if (card.migMode === 'enabled')
    return state.mig.some(({ parentUuid }) => parentUuid === card.uuid)
      ? 'It is divided into MIG instances; name one of those.'
      : 'It is in MIG mode, but has no instances. Make some with nvidia-smi mig, or switch the mode off.';
  if (card.computeProhibited)
    return 'Its compute mode is Prohibited: no program may compute on it. Change it with: sudo nvidia-smi -c DEFAULT';
  return null;
}

function processesOn(uuid: string, { processes, lost }: GpuState, { uses }: Context): Gpu['processes'] {
  if (lost.has(uuid)) return [];
  return processes
    .filter((process) => process.uuid === uuid)
    .map(({ pid, name, memoryUsedBytes, containerId }) => ({
      pid,
      name,
      memory_used_bytes: memoryUsedBytes,
      slot_id:
        containerId === null
          ? null
          : (uses.find(({ containers }) => containers.includes(containerId))?.slotId ?? null),
    }));
}

const slotsOn = (names: readonly string[], { uses }: Context): string[] =>
  uses.filter(({ gpuIds }) => gpuIds.some((id) => names.includes(id))).map(({ slotId }) => slotId);
