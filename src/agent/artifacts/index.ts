export { BlobStore } from './blob-store.ts';
export { assertSpace, stampOf } from './adopt.ts';
export { inspectSource, type ImportSource } from './import-source.ts';
export type { ModelFacts } from './model-facts.ts';
