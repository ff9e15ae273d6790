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
import { assertRanges, baseUrlOf, createProviders, PROVIDER_TIMING } from './adapters/providers/index.ts';
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
import { composeKernel } from './composition/kernel.ts';
import type { Foundation } from './composition/foundation.ts';
import { composeRuntimes } from './composition/runtimes.ts';
import { deploymentRoutes, serveJob } from './deployments/index.ts';
import { CloudDiscovery, discoveryRoutes } from './discovery/index.ts';
import { gatewayRoutes, ServingDirectory } from './gateway/index.ts';
import { gpuRoutes } from './gpus/index.ts';
import { jobRoutes } from './kernel/jobs/routes.ts';
import { systemTimers } from './kernel/clock.ts';
import { uiDirectory } from './kernel/resources.ts';
import {
  fitRoutes,
  imageExportJob,
  imageImportJob,
  imagePullJob,
  imageRoutes,
  runtimeRoutes,
  terminalRoutes,
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

export type Agent = Awaited<ReturnType<typeof compose>>;

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
  const usageQuery = new UsageQuery(database);
  const runtimes = await composeRuntimes(foundation, kernel, { blobs, models, lifecycle, facts, usageQuery });
  const {
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
  } = runtimes;
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
