import { realpath } from 'node:fs/promises';
import { availableParallelism, cpus, freemem, loadavg, totalmem } from 'node:os';
import { sep } from 'node:path';
import type { Hardware as HardwareView } from '../../shared/contract/index.ts';
import { toIso, type Clock } from '../kernel/clock.ts';
import { readGraphics, unsupportedGraphics, type FoundGraphics } from './graphics.ts';

type Disk = HardwareView['disks'][number];

/** A file system as systeminformation reports it. */
export interface FoundDisk {
  readonly fs: string;
  readonly type: string;
  readonly size: number;
  readonly available: number;
  readonly mount: string;
}

/** Made of memory, or a picture of another one: nothing that a model could lie on. */
const NO_DISK = /^(tmpfs|devtmpfs|squashfs|overlay|aufs|efivarfs|ramfs|iso9660|fuse\.portal)$/i;

/**
 * Disks, with the one that holds the models: the mount with the longest path above the store. File systems of memory
 * are left out unless the models lie there. Pure.
 */
export function disksOf(found: readonly FoundDisk[], store: string): Disk[] {
  const above = (mount: string): boolean =>
    store === mount || store.startsWith(mount.endsWith(sep) ? mount : mount + sep);
  const holder = found
    .filter(({ mount }) => above(mount))
    .toSorted((a, b) => b.mount.length - a.mount.length)[0];
  const seen = new Set<string>();
  return found.flatMap((disk) => {
    const isHolder = disk === holder;
    // The same disk mounted again says nothing new.
    if (
      !isHolder &&
      (NO_DISK.test(disk.type) || disk.size <= 0 || seen.has(disk.fs) || disk.fs === holder?.fs)
    )
      return [];
    seen.add(disk.fs);
    return [
      {
        mount: disk.mount,
        device: disk.fs,
        file_system: disk.type,
        total_bytes: disk.size,
        free_bytes: Math.max(0, disk.available),
        holds_models: isHolder,
      },
    ];
  });
}

/** The machine besides NVIDIA's GPUs. Graphics do not change while it runs; they are read once. */
export class Hardware {
  readonly #store: string;
  #graphics: Promise<FoundGraphics[]> | null = null;
  #physicalCores: Promise<number | null> | null = null;

  readonly #clock: Clock;

  constructor(storeDirectory: string, clock: Clock) {
    this.#store = storeDirectory;
    this.#clock = clock;
  }

  async read(signal: AbortSignal): Promise<HardwareView> {
    const { currentLoad, fsSize, mem } = await import('systeminformation');
    this.#graphics ??= readGraphics().catch(() => []);
    this.#physicalCores ??= physicalCores();
    const store = await realpath(this.#store).catch(() => this.#store);
    const [memory, disks, graphics, cores, load] = await Promise.all([
      mem(),
      fsSize(),
      this.#graphics,
      this.#physicalCores,
      process.platform === 'win32' ? currentLoad().then((now) => now.currentLoad) : Promise.resolve(null),
    ]);
    signal.throwIfAborted();
    const [processor] = cpus();
    return {
      cpu: {
        model: processor?.model.trim() ?? 'unknown',
        cores: availableParallelism(),
        physical_cores: cores,
        load_percent: load === null ? loadOfAMinute() : Math.round(load),
      },
      memory: {
        total_bytes: totalmem(),
        available_bytes: memory.available > 0 ? memory.available : freemem(),
        swap_total_bytes: memory.swaptotal,
        swap_used_bytes: memory.swapused,
      },
      disks: disksOf(disks, store),
      unsupported_gpus: unsupportedGraphics(graphics),
      observed_at: toIso(this.#clock.now()),
    };
  }
}

function loadOfAMinute(): number {
  return Math.min(100, Math.round(((loadavg()[0] ?? 0) / availableParallelism()) * 100));
}

async function physicalCores(): Promise<number | null> {
  try {
    const { cpu } = await import('systeminformation');
    const { physicalCores: cores } = await cpu();
    return cores > 0 ? cores : null;
  } catch {
    return null;
  }
}
