import type { LoadError, Slot, SlotMetrics } from '../../../shared/contract/index.ts';
import type { LoadState, SlotPhase } from '../../../shared/lifecycle/index.ts';
import type { SlotMemoryView } from '../fit/slot-memory.ts';
import type { EffectiveConfig } from '../specs/effective-config.ts';
import type { MilestoneState } from './progress.ts';
import { toIso, toIsoOrNull } from '../../kernel/clock.ts';
import type { SlotRow } from './slot-store.ts';

/** What was last seen of a slot. Changed by its actor only. */
export interface SlotObserved {
  loadState: LoadState;
  phase: SlotPhase | null;
  since: number | null;
  error: LoadError | null;
  attempt: number;
  loadedModelId: string | null;
  runtimeModelId: string | null;
  identity: string | null;
  imageId: string | null;
  engineVersion: string | null;
  containerId: string | null;
  isolation: 'full' | 'partial' | 'none' | null;
  endpoint: string | null;
  contextLength: number | null;
  parallel: number | null;
  milestones: readonly MilestoneState[];
  loadMs: number | null;
  observedAt: number | null;
}

export function emptyObservation(row: Pick<SlotRow, 'load_error' | 'since'>): SlotObserved {
  return {
    loadState: 'empty',
    phase: null,
    since: row.since,
    error: row.load_error,
    attempt: 0,
    ...NOTHING_RUNS,
    milestones: [],
    loadMs: null,
    observedAt: null,
  };
}

/** The part of an observation that ends with the runtime. */
export const NOTHING_RUNS = {
  loadedModelId: null,
  runtimeModelId: null,
  identity: null,
  imageId: null,
  engineVersion: null,
  containerId: null,
  isolation: null,
  endpoint: null,
  contextLength: null,
  parallel: null,
} as const;

export interface SlotViewExtras {
  readonly inFlight: number;
  readonly usualLoadMs: number | null;
  readonly effective: EffectiveConfig | null;
  readonly pendingChanges: readonly string[];
  readonly measuredMemoryBytes: number | null;
  readonly memory: SlotMemoryView;
  readonly metrics: SlotMetrics | null;
  readonly replacement: ReplacementView | null;
}

/** The runtime that comes up beside the one that serves. */
export interface ReplacementView {
  readonly attempt: number;
  readonly phase: SlotPhase;
  readonly milestones: readonly MilestoneState[];
  readonly since: number;
}

/** The Slot of the contract. Pure. */
export function toSlot(row: SlotRow, observed: SlotObserved, extras: SlotViewExtras): Slot {
  return {
    id: row.id,
    rev: row.rev,
    display_name: row.display_name,
    capability: row.capability,
    runtime_spec: row.runtime_spec,
    enabled: row.enabled,
    gpu_ids: [...row.gpu_ids],
    config: row.config,
    effective_config:
      extras.effective === null
        ? null
        : {
            values: JSON.parse(JSON.stringify(extras.effective.values)) as Record<string, never>,
            origins: { ...extras.effective.origins },
          },
    assigned_model_id: row.desired_model_id,
    loaded_managed_model_id: observed.loadedModelId,
    loaded_runtime_model_id: observed.runtimeModelId,
    load_state: observed.loadState,
    phase: observed.phase,
    isolation: observed.isolation,
    milestones: observed.milestones.map(toMilestone),
    attempt: observed.attempt,
    usual_load_ms: extras.usualLoadMs,
    load_ms: observed.loadMs,
    load_error: observed.error,
    endpoint: observed.endpoint,
    runtime_identity: observed.identity,
    image_id: observed.imageId,
    engine_version: observed.engineVersion,
    container_id: observed.containerId,
    context_length: observed.contextLength,
    parallel: observed.parallel,
    measured_memory_bytes: extras.measuredMemoryBytes,
    reserved: extras.memory.reserved,
    reserved_basis: extras.memory.reserved_basis,
    memory_override: row.memory_override,
    pending_changes: [...extras.pendingChanges],
    replacement:
      extras.replacement === null
        ? null
        : {
            attempt: extras.replacement.attempt,
            phase: extras.replacement.phase,
            milestones: extras.replacement.milestones.map(toMilestone),
            since: toIso(extras.replacement.since),
          },
    metrics: extras.metrics,
    requests_in_flight: extras.inFlight,
    observed_at: toIsoOrNull(observed.observedAt),
    since: toIsoOrNull(observed.since),
    created_at: toIso(row.created_at),
  };
}

function toMilestone({ id, label, reachedAt }: MilestoneState): Slot['milestones'][number] {
  return { id, label, reached_at: toIsoOrNull(reachedAt) };
}
