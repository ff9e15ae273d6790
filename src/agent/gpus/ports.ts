/** A slot as GPUs see it. */
export interface GpuUse {
  readonly slotId: string;
  /** What it names: UUIDs of cards or MIG instances, or indices of cards. */
  readonly gpuIds: readonly string[];
  /** Ids of the containers that its engines run in. */
  readonly containers: readonly string[];
}

/** A model that a slot held for a while. Milliseconds since the epoch. */
export interface GpuLoad {
  readonly slotId: string;
  readonly modelId: string;
  readonly loadedAt: number;
  readonly endedAt: number | null;
}

/** What GPUs ask of the slots above them. Composition fills it. */
export interface GpuUsers {
  uses(): readonly GpuUse[];
  /** What slots held at some time since `from`. */
  loads(from: number): readonly GpuLoad[];
}
