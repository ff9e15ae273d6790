import type { ProviderTiming } from '../adapters/providers/index.ts';
import type { GpuTiming } from '../gpus/index.ts';
import type { Clock, Timers } from '../kernel/clock.ts';
import type { AgentConfig } from '../kernel/config.ts';
import type { DataDir } from '../kernel/data-dir.ts';
import type { Database } from '../kernel/database/database.ts';
import type { Logger } from '../kernel/logger.ts';
import type { FitDevices, LIVENESS, MetricsTiming, RETRY_POLICY, RoomBeside } from '../runtimes/index.ts';

/** What a host may set that no person does. */
export interface AgentOverrides {
  /** GPUs and memory, when not those of the machine. */
  readonly fitDevices?: FitDevices;
  readonly clock?: Clock;
  /** What wakes the agent for work that is due later. */
  readonly timers?: Timers;
  /** The keychain's key, when the desktop has one. */
  readonly secretsKey?: Buffer | null;
  /** Parse every answer against the contract; for tests. */
  readonly checkResponses?: boolean;
  readonly uiDirectory?: string;
  readonly watchMs?: number;
  readonly drainMs?: number;
  readonly retry?: typeof RETRY_POLICY;
  readonly liveness?: typeof LIVENESS;
  readonly room?: RoomBeside;
  readonly metricsTiming?: MetricsTiming;
  readonly providerTiming?: ProviderTiming;
  readonly gpuTiming?: GpuTiming;
  /** The kernel's log, where XID errors of GPUs are. */
  readonly kernelLog?: string;
}

export interface Foundation {
  readonly config: AgentConfig;
  readonly paths: DataDir;
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly overrides: AgentOverrides;
  readonly startedAt: number;
  readonly onStopRequested: (slots: 'keep' | 'stop') => void;
}
