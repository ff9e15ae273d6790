import { readdir } from 'node:fs/promises';
import { AppError } from '../../shared/contract/index.ts';
import type { DockerEngine } from '../adapters/docker/index.ts';
import { findCommand } from '../adapters/nvidia/index.ts';
import type { Gpus } from '../gpus/index.ts';
import { bad, ok, skipped, type CheckRow } from './doctor-check.ts';

export interface GpuCheckDeps {
  readonly gpus: Gpus;
  readonly docker: DockerEngine;
}

/** A driver that hangs must not hold the other checks up. */
const LOOK_MS = 5000;
const NO_GPU = 'no NVIDIA GPU';
/** Where the container toolkit describes GPUs for engines that do not tell what they found. */
const CDI_DIRECTORIES = ['/etc/cdi', '/var/run/cdi'];

async function isDescribedForCdi(): Promise<boolean> {
  const files = await Promise.all(CDI_DIRECTORIES.map((path) => readdir(path).catch(() => [])));
  return files.flat().some((name) => /nvidia/i.test(name));
}

/** What has to be right for a slot to compute on a GPU. */
export const GPU_CHECKS: readonly CheckRow<GpuCheckDeps>[] = [
  {
    id: 'gpu_driver',
    group: 'gpu',
    title: 'NVIDIA driver',
    run: async ({ gpus }, signal) => {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)]);
      const known = await gpus.refresh(limit).catch(() => gpus.snapshot());
      const { driver, reason, hint } = known;
      const cards = known.gpus.filter((gpu) => gpu.parent_uuid === null);
      if (driver.state === 'ok')
        return ok(
          `${driver.version ?? 'version unknown'}${driver.cuda_version === null ? '' : `, CUDA ${driver.cuda_version}`}, ${cards.length} ${cards.length === 1 ? 'GPU' : 'GPUs'}`,
        );
      if (gpus.needsNoDriver) return skipped(NO_GPU);
      return bad('failed', reason ?? driver.state, 'a driver that answers', hint);
    },
  },
  {
    id: 'gpu_usable',
    group: 'gpu',
    title: 'GPUs that slots can use',
    run: async ({ gpus }) => {
      const all = gpus.snapshot().gpus;
      if (all.length === 0) return skipped(NO_GPU);
      const usable = all.filter((gpu) => gpu.usable);
      // A card that is divided is used through its instances.
      const divided = new Set(all.map((gpu) => gpu.parent_uuid));
      const idle = all.find((gpu) => !gpu.usable && !divided.has(gpu.uuid));
      const found = `${usable.length} of ${all.length - divided.size + (divided.has(null) ? 1 : 0)}`;
      return idle === undefined
        ? ok(found)
        : bad('warning', `${found}; ${idle.name}: ${idle.unusable_reason ?? ''}`, 'all of them', null);
    },
  },
  {
    id: 'gpu_toolkit',
    group: 'gpu',
    title: 'GPUs in containers',
    run: async ({ gpus, docker }, signal) => {
      if (gpus.snapshot().gpus.length === 0) return skipped(NO_GPU);
      try {
        const { nvidia } = await docker.info(signal);
        if (nvidia.runtime) return ok("through NVIDIA's runtime");
        if (nvidia.cdi ?? (await isDescribedForCdi())) return ok('through CDI');
        if ((await findCommand('nvidia-container-runtime-hook')) !== null) return ok('through a hook');
        return bad(
          'failed',
          'Docker knows no way to give a container a GPU',
          "NVIDIA's container toolkit",
          'Install nvidia-container-toolkit, then: sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker',
        );
      } catch (error) {
        if (error instanceof AppError) return skipped('Docker does not answer');
        throw error;
      }
    },
  },
  {
    id: 'gpu_persistence',
    group: 'gpu',
    title: 'Persistence mode',
    run: async ({ gpus }) => {
      const off = gpus
        .snapshot()
        .gpus.filter((gpu) => gpu.parent_uuid === null && gpu.persistence_mode === false);
      if (gpus.snapshot().gpus.length === 0) return skipped(NO_GPU);
      // Windows keeps its driver loaded by itself.
      if (off.length === 0 || process.platform === 'win32') return ok('on');
      return bad(
        'warning',
        `off for ${off.length} of the GPUs: the driver is loaded anew whenever nobody used them`,
        'on, so that loads start sooner',
        'sudo systemctl enable --now nvidia-persistenced (or until the next restart: sudo nvidia-smi -pm 1)',
      );
    },
  },
  {
    id: 'gpu_kernel_log',
    group: 'gpu',
    title: 'XID errors',
    run: async ({ gpus }) => {
      const { gpus: all, kernel_log: problem } = gpus.snapshot();
      if (all.length === 0) return skipped(NO_GPU);
      if (problem !== null)
        return bad(
          'warning',
          problem,
          "a kernel's log that the agent may read",
          'sudo sysctl kernel.dmesg_restrict=0',
        );
      const [last] = all.flatMap((gpu) => gpu.last_xid ?? []).toSorted((a, b) => b.at.localeCompare(a.at));
      return last === undefined
        ? ok('none since the machine started')
        : bad('warning', last.message, 'none', 'modelops gpus history shows when; see docs/operations.md.');
    },
  },
];
