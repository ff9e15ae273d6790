import { freemem, totalmem } from 'node:os';
import { DockerEngine, DockerImages, findDockerHost } from '../adapters/docker/index.ts';
import type { BlobStore } from '../artifacts/index.ts';
import type { FactsReader, ModelLifecycle, ModelStore } from '../catalog/index.ts';
import { Gpus, GPU_TIMING } from '../gpus/index.ts';
import { systemTimers } from '../kernel/clock.ts';
import {
  DockerDriver,
  EmbeddedDriver,
  EngineMetrics,
  ImageDesk,
  LABEL_NODE,
  Launcher,
  LIVENESS,
  loadDiagnosisRules,
  MemoryFit,
  METRICS_TIMING,
  RETRY_POLICY,
  slotGpus,
  Slots,
  SlotStore,
  SpecRegistry,
  Terminals,
  type GpuProblem,
  type ImageJobDeps,
  type RuntimeDriver,
} from '../runtimes/index.ts';
import type { UsageQuery } from '../usage/index.ts';
import type { Foundation } from './foundation.ts';
import type { Kernel } from './kernel.ts';

const WATCH_MS = 10_000;
const DRAIN_MS = 30_000;
const KERNEL_LOG = '/dev/kmsg';

interface Below {
  readonly blobs: BlobStore;
  readonly models: ModelStore;
  readonly lifecycle: ModelLifecycle;
  readonly facts: FactsReader;
  readonly usageQuery: UsageQuery;
}

/** GPUs, engines and slots, on top of the catalogue. Nothing of it runs yet. */
export async function composeRuntimes(
  { config, paths, database, clock, log, overrides }: Foundation,
  { journal, hub, profile, egress, jobs, identity }: Kernel,
  { blobs, models, lifecycle, facts, usageQuery }: Below,
) {
  const gpus = new Gpus({
    database,
    hub,
    clock,
    timers: systemTimers,
    log: log.child({ part: 'gpus' }),
    users: { uses: () => slots.gpuUses(), loads: (from) => slots.gpuLoads(from) },
    nvidiaSmi: config.nvidiaSmi,
    kernelLog: overrides.kernelLog ?? KERNEL_LOG,
    timing: overrides.gpuTiming ?? GPU_TIMING,
  });
  const specs = new SpecRegistry(paths.userRuntimes, log.child({ part: 'runtimes' }));
  await specs.load();
  const docker = new DockerEngine({
    host: findDockerHost(config.dockerHost, process.env),
    egress,
    log: log.child({ part: 'docker' }),
    label: `${LABEL_NODE}=${identity.nodeId}`,
  });
  const drivers = new Map<string, RuntimeDriver>([
    [
      'docker',
      new DockerDriver({
        engine: docker,
        nodeId: identity.nodeId,
        log: log.child({ part: 'docker' }),
        gpuRequest: config.gpuRequest,
      }),
    ],
    ['embedded', new EmbeddedDriver()],
  ]);
  const gpuProblem: GpuProblem = (uuid, signal) => gpus.problemOf(uuid, signal);
  const launcher = new Launcher({
    specs,
    drivers,
    models,
    blobs,
    paths,
    gpuProblem,
  });
  const slotStore = new SlotStore(database, clock);
  const fit = new MemoryFit({
    database,
    clock,
    models,
    blobs,
    specs,
    launcher,
    store: slotStore,
    devices: overrides.fitDevices ?? {
      gpus: async (signal) => (await gpus.refresh(signal)).gpus.filter(({ usable }) => usable),
      memory: () => ({ total: totalmem(), available: freemem() }),
    },
  });
  const metrics = new EngineMetrics({
    hub,
    clock,
    log: log.child({ part: 'metrics' }),
    timing: overrides.metricsTiming ?? METRICS_TIMING,
    serving: () => slots.serving(),
  });
  const slots = new Slots({
    database,
    journal,
    hub,
    clock,
    log: log.child({ part: 'slots' }),
    egress,
    store: slotStore,
    models,
    lifecycle,
    blobs,
    launcher,
    specs,
    drivers,
    room: overrides.room ?? fit,
    fit,
    gpus: slotGpus(gpus),
    callers: usageQuery,
    facts,
    metrics,
    rules: loadDiagnosisRules(),
    logDirectory: paths.logs,
    retry: overrides.retry ?? RETRY_POLICY,
    liveness: overrides.liveness ?? LIVENESS,
    watchMs: overrides.watchMs ?? WATCH_MS,
    drainMs: overrides.drainMs ?? DRAIN_MS,
  });
  const engineImages = new DockerImages(docker);
  const imageDeps: ImageJobDeps = {
    jobs,
    egress,
    profile,
    engine: engineImages,
    desk: new ImageDesk({
      database,
      journal,
      engine: engineImages,
      store: slotStore,
      specs,
      launcher,
      models,
      onArrived: () => slots.imageCame(),
    }),
  };
  const terminals = new Terminals({
    database,
    journal,
    log: log.child({ part: 'terminals' }),
    slots,
    engine: docker,
  });
  return {
    gpus,
    gpuProblem,
    specs,
    docker,
    drivers,
    launcher,
    slotStore,
    fit,
    metrics,
    slots,
    imageDeps,
    terminals,
  };
}
