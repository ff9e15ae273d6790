import { freemem, totalmem } from 'node:os';
import { ENDPOINTS, type Endpoints } from '../shared/contract/index.ts';
import { createHttpServer, serverUrl } from '../server/http-server.ts';
import { Router, type Door } from '../server/router.ts';
import { serveUi } from '../server/static-ui.ts';
import {
  accessRoutes,
  credentialRoutes,
  Credentials,
  CredentialStore,
  openAccess,
  Visibility,
} from './access/index.ts';
import { DockerEngine, DockerImages, findDockerHost } from './adapters/docker/index.ts';
import {
  assertRanges,
  baseUrlOf,
  createProviders,
  PROVIDER_TIMING,
  type ProviderTiming,
} from './adapters/providers/index.ts';
import { BlobStore } from './artifacts/index.ts';
import { benchmarkJob, benchmarkRoutes, BenchmarkStore, deviceName } from './benchmarks/index.ts';
import {
  Assignments,
  catalogRoutes,
  CloudModels,
  FactsReader,
  Families,
  FamilyStore,
  importJob,
  ModelIndex,
  ModelLifecycle,
  ModelStore,
  ModelView,
  Publisher,
  VersionStore,
  type CatalogPorts,
} from './catalog/index.ts';
import { deploymentRoutes, serveJob } from './deployments/index.ts';
import { CloudDiscovery, discoveryRoutes } from './discovery/index.ts';
import { gatewayRoutes, ServingDirectory } from './gateway/index.ts';
import { Gpus, gpuRoutes, GPU_TIMING, type GpuTiming } from './gpus/index.ts';
import { systemTimers, type Clock, type Timers } from './kernel/clock.ts';
import type { AgentConfig } from './kernel/config.ts';
import type { DataDir } from './kernel/data-dir.ts';
import type { Database } from './kernel/database/database.ts';
import { DatabaseMaintenance } from './kernel/database/maintenance.ts';
import { Egress } from './kernel/egress.ts';
import { EventHub } from './kernel/event-hub.ts';
import { JobRunner } from './kernel/jobs/job-runner.ts';
import { JobStore } from './kernel/jobs/job-store.ts';
import { jobRoutes } from './kernel/jobs/routes.ts';
import { Journal } from './kernel/journal.ts';
import type { Logger } from './kernel/logger.ts';
import { loadNodeIdentity, loadSigner } from './kernel/node-identity.ts';
import { RuntimeProfile } from './kernel/profile.ts';
import { uiDirectory } from './kernel/resources.ts';
import { Secrets } from './kernel/secrets.ts';
import {
  DockerDriver,
  EmbeddedDriver,
  fitRoutes,
  ImageDesk,
  imageExportJob,
  imageImportJob,
  imagePullJob,
  imageRoutes,
  type ImageJobDeps,
  EngineMetrics,
  LABEL_NODE,
  Launcher,
  LIVENESS,
  loadDiagnosisRules,
  METRICS_TIMING,
  RETRY_POLICY,
  MemoryFit,
  runtimeRoutes,
  type FitDevices,
  terminalRoutes,
  Terminals,
  Slots,
  slotGpus,
  SlotStore,
  SpecRegistry,
  type RoomBeside,
  type GpuProblem,
  type MetricsTiming,
  type RuntimeDriver,
} from './runtimes/index.ts';
import { systemRoutes } from './system/index.ts';
import { UsageQuery, UsageRecorder, usageRoutes, UsageStore } from './usage/index.ts';
import {
  builtInValidators,
  CloudExecutor,
  endpointProbe,
  HistoryStore,
  ProviderCalls,
  Renewals,
  SlotExecutor,
  TestRuns,
  TestRuntimes,
  validationRoutes,
  Validations,
  ValidatorRegistry,
} from './validation/index.ts';

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

export type Agent = Awaited<ReturnType<typeof compose>>;

const WATCH_MS = 10_000;
const DRAIN_MS = 30_000;
const KERNEL_LOG = '/dev/kmsg';
/** How long the validators of one model may take when many are checked. */
const CHECK_MS = 120_000;

/** The only place where modules meet. Builds everything on an open database; nothing runs yet. */
export async function compose(foundation: Foundation) {
  const { config, paths, database, clock, log, overrides } = foundation;
  const kernel = await composeKernel(foundation);
  const { journal, hub, profile, egress, jobs, identity } = kernel;

  const blobs = new BlobStore(database, paths.store, clock);
  const models = new ModelStore(database, clock);
  const versions = new VersionStore(database, clock);
  const usage = new UsageRecorder({
    store: new UsageStore(database),
    clock,
    log: log.child({ part: 'usage' }),
  });
  const access = await openAccess({ database, journal, clock, paths, usage });
  const { keyring, keys } = access;

  // Features above the catalogue answer its questions; they are made a few lines further down.
  const ports: CatalogPorts = {
    slots: {
      assignedTo: (id) => slots.assignedTo(id),
      loadedIn: (id) => slots.loadedIn(id),
      loadedModelIds: () => slots.loadedModelIds(),
    },
    bindings: { bindingsOf: () => [] },
    usage,
    principals: {
      find: (idOrName) => {
        const found = access.principal(idOrName);
        return found === null ? null : { principalId: found.id, role: found.role };
      },
    },
    checks: { check: (id, actor) => validations.assertSound(id, actor, AbortSignal.timeout(CHECK_MS)) },
    tests: { newestSuccess: (id) => tests.newestSuccess(id), last: (id) => tests.last(id) },
    validations: { current: (id) => history.current(id) },
  };
  const visibility = new Visibility(database);
  const credentials = new Credentials({
    database,
    journal,
    clock,
    store: new CredentialStore(database, clock),
    secrets: kernel.secrets,
    addresses: { baseUrl: baseUrlOf, assertRanges },
    use: {
      modelsOf: (id) => cloud.modelsOf(id),
      revoked: (unit, id, actorId) => cloud.revoked(unit, id, actorId),
      changed: (unit, id, actorId) => cloud.changed(unit, id, actorId),
    },
  });
  const providers = createProviders(egress, {
    clock,
    reports: credentials,
    timing: overrides.providerTiming ?? PROVIDER_TIMING,
  });
  const facts = new FactsReader(database, ports, () => profile.current, visibility, credentials, clock);
  const noteBlocked =
    (reason: string) =>
    ({ credential_id: id }: { readonly credential_id: string | null }): void => {
      const credential = id === null ? null : credentials.summary(id);
      if (credential === null) return;
      egress.noteRefused({ purpose: 'provider', host: new URL(credential.api_base_url).host, reason });
    };
  const lifecycle = new ModelLifecycle({
    onBlocked: noteBlocked('a model was to become active while this node is offline'),
    database,
    journal,
    clock,
    models,
    versions,
    facts,
    blobs,
    visibility,
    credentials,
  });
  const cloud = new CloudModels({ database, journal, models, versions, lifecycle, credentials });
  const discovery = new CloudDiscovery({ credentials, providers, cloud, clock });
  const publisher = new Publisher({ database, journal, clock, models, versions, facts });
  const assignments = new Assignments({ database, journal, models, lifecycle });
  const familyStore = new FamilyStore(database, clock);
  const families = new Families({ database, journal, store: familyStore, models, lifecycle, blobs });
  const modelIndex = new ModelIndex(database);
  const view = new ModelView({
    models,
    facts,
    assignments,
    blobs,
    ports,
    credentials,
    clock,
    nodeId: identity.nodeId,
  });

  const timers = overrides.timers ?? systemTimers;
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
  const usageQuery = new UsageQuery(database);
  const gpuProblem: GpuProblem = (uuid, signal) => gpus.problemOf(uuid, signal);
  const launcher = new Launcher({
    specs,
    drivers,
    models,
    blobs,
    paths,
    gpuProblem: (uuid, signal) => gpus.problemOf(uuid, signal),
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
  const history = new HistoryStore(database, clock);
  const proof = { database, journal, clock, history, models, lifecycle, facts, blobs };
  const calls = new ProviderCalls({
    accounts: credentials,
    providers,
    facts,
    onBlocked: noteBlocked('a model was to be tested while this node is offline'),
  });
  const tests = new TestRuns({ ...proof, executors: [new SlotExecutor(slots), new CloudExecutor(calls)] });
  const validators = new ValidatorRegistry(
    [
      ...builtInValidators({
        blobs,
        estimator: { estimate: (model, signal) => fit.machineOf(model, null, signal) },
      }),
      endpointProbe(calls),
    ],
    log.child({ part: 'validation' }),
  );
  const validations = new Validations({ ...proof, tests, validators });
  const renewals = new Renewals({ ...proof, timers, calls, profile, log: log.child({ part: 'validation' }) });
  const testRuntimes = new TestRuntimes({ lifecycle, facts, slots, specs });
  const directory = new ServingDirectory({
    models,
    facts,
    slots,
    hub,
    visibility,
    onBlocked: noteBlocked('a model was called while this node is offline'),
  });

  const importDeps = { blobs, publisher, models, lifecycle, jobs };
  const serveDeps = { models, lifecycle, tests, validations, slots, specs, drivers, hub, jobs };
  jobs.register(importJob(importDeps));
  jobs.register(serveJob(serveDeps));
  const benchmarkDeps = {
    database,
    journal,
    hub,
    jobs,
    models,
    slots,
    specs,
    store: new BenchmarkStore(database, clock),
    deviceOf: (device: 'cpu' | 'cuda', ids: readonly string[]) =>
      deviceName(device, ids, gpus.snapshot().gpus),
  };
  jobs.register(benchmarkJob(benchmarkDeps));
  jobs.register(imagePullJob(imageDeps));
  jobs.register(imageImportJob(imageDeps));
  jobs.register(imageExportJob(imageDeps));

  const stopping = new AbortController();
  const door: Door = {
    authenticate: (token) => keyring.authenticate(token),
    admit: ({ keyId }, spends) => keys.admit(keyId, spends),
  };
  const checkResponses = overrides.checkResponses ?? false;
  const app = createHttpServer({
    log: log.child({ part: 'http' }),
    origins: { allowedHosts: config.allowedHosts, allowedOrigins: config.allowedOrigins },
    tls: config.tls,
    stopping: () => stopping.signal.aborted,
    checkResponses,
  });
  const url = () => serverUrl(app, config.tls !== null);
  const insecure = config.insecure && config.tls === null;
  const router = new Router<Endpoints>(app, ENDPOINTS, door, checkResponses);
  accessRoutes(router, { ...access, url, nodeName: identity.nodeName });
  credentialRoutes(router, { credentials });
  discoveryRoutes(router, { discovery });
  catalogRoutes(router, {
    database,
    journal,
    clock,
    index: modelIndex,
    assignments,
    families,
    familyStore,
    models,
    versions,
    lifecycle,
    view,
    facts,
    publisher,
    cloud,
    jobs,
    blobs,
    ports,
    profile,
    sampleDirectory: paths.samples,
  });
  gpuRoutes(router, { gpus, clock, storeDirectory: paths.store });
  fitRoutes(router, { fit, lifecycle, slots: slotStore, specs });
  runtimeRoutes(router, {
    slots,
    metrics,
    specs,
    drivers,
    clock,
    render: { specs, store: slotStore, models, lifecycle, launcher, gpuProblem, clock },
  });
  imageRoutes(router, imageDeps);
  const terminals = new Terminals({
    database,
    journal,
    log: log.child({ part: 'terminals' }),
    slots,
    engine: docker,
  });
  terminalRoutes(router, { terminals, whileValid: (caller) => keyring.whileValid(caller.keyId) });
  validationRoutes(router, {
    tests,
    runtimes: testRuntimes,
    validations,
    validators,
    history,
    lifecycle,
    models,
    view,
  });
  gatewayRoutes(router, { directory, usage, slots, providers, accounts: credentials });
  usageRoutes(router, { usage, query: usageQuery, lifecycle, clock });
  deploymentRoutes(router, serveDeps);
  benchmarkRoutes(router, benchmarkDeps);
  jobRoutes(router, { jobs });
  systemRoutes(router, {
    ...kernel,
    database,
    clock,
    paths,
    blobs,
    docker,
    gpus,
    specs,
    drivers,
    slots,
    metrics,
    usage,
    models,
    visibility,
    credentials,
    whileValid: (caller) => keyring.whileValid(caller.keyId),
    url,
    insecure,
    startedAt: foundation.startedAt,
    stopping: stopping.signal,
    requestStop: (which) => foundation.onStopRequested(which),
  });
  // PENDING: rows of this branch that nobody implements yet; goes with the last of them.
  for (const id of router.missing()) {
    router.implement(id, () => {
      throw new Error(`pending ${id}`);
    });
  }
  router.assertComplete();
  await serveUi(app, overrides.uiDirectory ?? uiDirectory());

  return {
    ...kernel,
    keyring,
    blobs,
    modelIndex,
    specs,
    docker,
    gpus,
    drivers,
    slots,
    metrics,
    terminals,
    usage,
    renewals,
    app,
    url,
    stopping,
  };
}

async function composeKernel({ config, paths, database, clock, log, overrides }: Foundation) {
  const journal = new Journal(database, clock);
  const hub = new EventHub(journal);
  const secrets = await Secrets.open(database, paths, clock, overrides.secretsKey ?? null);
  const sign = (): void => {
    journal.signer = loadSigner(database, secrets);
  };
  sign();
  const identity = loadNodeIdentity(database);
  const profile = new RuntimeProfile(database, journal, clock, config.profile);
  const egress = new Egress(
    () => ({ profile: profile.current, allowedPeers: config.allowedPeers, proxy: config.proxy }),
    clock,
  );
  const tellProfile = (): void =>
    hub.publish('system', 'profile', { profile: profile.current, refused_count: egress.refusedCount });
  profile.listen(tellProfile);
  profile.listen(() => void egress.dropForbidden());
  egress.onRefused(tellProfile);
  const maintenance = new DatabaseMaintenance(
    database,
    paths.backups,
    clock,
    log.child({ part: 'database' }),
  );
  const jobs = new JobRunner({
    store: new JobStore(database, clock),
    database,
    journal,
    hub,
    clock,
    log: log.child({ part: 'jobs' }),
  });
  return { journal, hub, secrets, identity, profile, egress, maintenance, jobs, onUnlocked: sign };
}
