import type { SlotMetrics } from '../../../shared/contract/index.ts';
import type { BlobStore } from '../../artifacts/index.ts';
import type { ModelLifecycle, ModelStore } from '../../catalog/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database/database.ts';
import type { Egress } from '../../kernel/egress.ts';
import type { EventHub } from '../../kernel/event-hub.ts';
import type { Journal } from '../../kernel/journal.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { DiagnosisRule } from '../diagnosis/rule.ts';
import type { MemoryFit } from '../fit/memory-fit.ts';
import type { SlotEndpoint } from './endpoint.ts';
import type { SlotGpus } from './gpu-check.ts';
import type { Launcher } from './launcher.ts';
import type { LivenessTiming } from './liveness.ts';
import type { RetryPolicy } from './plan.ts';
import type { RoomBeside } from './room.ts';
import type { SlotStore } from './slot-store.ts';

/** What the owner of a slot works with. */
export interface SlotActorDeps {
  readonly database: Database;
  readonly journal: Journal;
  readonly hub: EventHub;
  readonly clock: Clock;
  readonly log: Logger;
  readonly egress: Egress;
  readonly store: SlotStore;
  readonly models: ModelStore;
  readonly lifecycle: ModelLifecycle;
  readonly blobs: BlobStore;
  readonly launcher: Launcher;
  readonly room: RoomBeside;
  readonly fit: MemoryFit;
  readonly gpus: SlotGpus;
  readonly rules: readonly DiagnosisRule[];
  /** What engines say of themselves. */
  readonly metrics: { latest(endpoint: SlotEndpoint | null): SlotMetrics | null };
  readonly logDirectory: string;
  readonly retry: RetryPolicy;
  readonly liveness: LivenessTiming;
  /** How often a loaded runtime is asked what it advertises. */
  readonly watchMs: number;
  /** How long a stop waits for requests that are being answered. */
  readonly drainMs: number;
}
