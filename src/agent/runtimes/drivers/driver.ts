import type { ErrorCode } from '../../../shared/contract/index.ts';
import type { RuntimeAddress } from '../../kernel/egress.ts';
import type { ContainerBody } from './container.ts';
import type { Entrypoint } from '../specs/launch.ts';
import type { RuntimeSpec, SpecTransport } from '../specs/spec.ts';

/** What a driver needs to start one attempt of a slot. */
export interface Launch {
  readonly slotId: string;
  readonly attempt: number;
  readonly modelId: string;
  readonly generation: number;
  readonly configHash: string;
  readonly spec: RuntimeSpec;
  /** Identity of the engine that was resolved before: an image id, or a version. */
  readonly engine: Engine;
  /** Made from the paths the runtime will see. */
  readonly args: (paths: RuntimePaths) => string[];
  readonly env: (paths: RuntimePaths) => Record<string, string>;
  readonly entrypoint: Entrypoint;
  readonly transport: SpecTransport;
  /** UUIDs, as the driver of the GPUs knows them. */
  readonly gpuIds: readonly string[];
  /** On this machine. */
  readonly modelDirectory: string;
  readonly modelFile: string;
  /** The projector for images, inside the model directory; null when the model has none. */
  readonly mmprojFile: string | null;
  /** Of this attempt alone: its socket, or the key of an engine on TCP. */
  readonly socketDirectory: string;
  readonly cacheDirectory: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface RuntimePaths {
  readonly modelDir: string;
  readonly modelFile: string;
  readonly mmprojFile: string | null;
  readonly socket: string;
  readonly cacheDir: string;
  readonly keyFile: string | null;
}

/** Which engine exactly: what answers depend on, and what a validation is tied to. */
export interface Engine {
  /** Image id, or the version of the embedded engine. */
  readonly id: string;
  readonly imageId: string | null;
  readonly version: string | null;
  /** The image reference it came from. */
  readonly reference: string | null;
  /** The image's own; null when it has none, or there is no image. */
  readonly entrypoint: readonly string[] | null;
}

export interface ExitInfo {
  readonly code: number | null;
  /** The kernel ended it for memory. */
  readonly oomKilled: boolean;
  /** Why the engine or the operating system says so, when they do. */
  readonly message: string | null;
}

export interface LogLine {
  readonly at: number | null;
  readonly stream: 'stdout' | 'stderr' | 'agent';
  readonly text: string;
}

/** One running attempt, started or adopted. */
export interface RunningRuntime {
  readonly slotId: string;
  readonly attempt: number;
  readonly modelId: string;
  readonly generation: number;
  readonly configHash: string;
  readonly engine: Engine;
  /** Where it listens. */
  readonly address: RuntimeAddress;
  readonly containerId: string | null;
  readonly isolation: 'full' | 'partial' | 'none';
  /** Resolves once, when it has ended however that came. */
  readonly exited: Promise<ExitInfo>;
  /** Every line from now on; `backlog` lines of before first. */
  follow(onLine: (line: LogLine) => void, backlog: number, signal: AbortSignal): Promise<void>;
  /** Runs a program beside it, where it runs. @returns what it prints; absent where that cannot be done */
  ask?(command: readonly string[], signal: AbortSignal): Promise<string>;
  /** Asks it to end, then makes it, and removes what it leaves. Resolves when it is gone. */
  stop(graceMs: number): Promise<void>;
}

export interface Availability {
  readonly available: boolean;
  readonly error: ErrorCode | null;
  readonly message: string | null;
  readonly hint: string | null;
  readonly engine: Engine | null;
}

/** A container that is not made. */
export interface ContainerDescription {
  /** The body of the engine's create call. */
  readonly create: ContainerBody;
  readonly isolation: 'full' | 'partial' | 'none';
}

/** A way to run engines. Foreign errors end in it. */
export interface RuntimeDriver {
  readonly kind: RuntimeSpec['driver'];
  /** Whether a spec can run here now, and with which engine. Never throws for what is merely absent. */
  availability(spec: RuntimeSpec, image: string | undefined, signal: AbortSignal): Promise<Availability>;
  /**
   * Resolves the engine for a start.
   * @throws {AppError} `image_missing`, `runtime_unavailable`, `engine_user_mapping`.
   */
  resolve(spec: RuntimeSpec, image: string | undefined, signal: AbortSignal): Promise<Engine>;
  /** Whether a Unix socket of a runtime can be reached from here. */
  canUnix(signal: AbortSignal): Promise<boolean>;
  /** What `start` would make, for reading; null where it makes no container. Nothing is created. */
  describe(launch: Launch, signal: AbortSignal): Promise<ContainerDescription | null>;
  /** @throws {AppError} with the code of the cause. Leaves nothing behind when it throws. */
  start(launch: Launch, signal: AbortSignal): Promise<RunningRuntime>;
  /** What runs for slots of this node, or for one of them. Child runtimes of a former agent ended with it: none. */
  findRunning(signal: AbortSignal, slotId?: string): Promise<RunningRuntime[]>;
  /** Called when what the driver stands on came or went. */
  onAvailabilityChange(listener: () => void): void;
  close(): Promise<void>;
}
