export { effectsOf } from './effects.ts';
export { FactsReader } from './facts.ts';
export { canonicalJson, inferredConfig } from './fingerprint.ts';
export { importJob, startImport } from './import-job.ts';
export { ModelLifecycle, refusalError, type Actor } from './lifecycle.ts';
export { declaredConfig, inferredOf, overrideConfig, type ModelRow } from './model-row.ts';
export { ModelStore } from './model-store.ts';
export { ModelView } from './model-view.ts';
export type {
  BindingFacts,
  CatalogPorts,
  LoadedSlot,
  SlotFacts,
  TestFacts,
  UsageFacts,
  UsageTotals,
} from './ports.ts';
export { Publisher } from './publish.ts';
export { contentHexOf, VersionStore } from './version-store.ts';
export { catalogRoutes } from './routes.ts';
