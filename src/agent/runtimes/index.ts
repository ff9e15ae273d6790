export { loadDiagnosisRules } from './diagnosis/rules.ts';
export { LABEL_NODE } from './drivers/container.ts';
export { DockerDriver } from './drivers/docker-driver.ts';
export type { RuntimeDriver } from './drivers/driver.ts';
export { EmbeddedDriver } from './drivers/embedded-driver.ts';
export { ImageDesk } from './images/image-desk.ts';
export {
  imageExportJob,
  imageImportJob,
  imagePullJob,
  type ImageJobDeps,
} from './images/image-jobs.ts';
export { imageRoutes } from './images/routes.ts';
export { EngineMetrics, METRICS_TIMING, type MetricsTiming } from './metrics/engine-metrics.ts';
export { runtimeRoutes } from './routes.ts';
export type { SlotEndpoint } from './slots/endpoint.ts';
export { Launcher, slotMismatch } from './slots/launcher.ts';
export { RETRY_POLICY } from './slots/plan.ts';
export { advertisedModels } from './slots/probe.ts';
export { SlotStore } from './slots/slot-store.ts';
export { Slots } from './slots/slots.ts';
export { SpecRegistry } from './specs/spec-registry.ts';
export { terminalRoutes } from './terminal/routes.ts';
export { Terminals } from './terminal/terminals.ts';
