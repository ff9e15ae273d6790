export { BlobStore } from './blob-store.ts';
export { assertSpace, stampOf } from './adopt.ts';
export { inspectSource, type ImportSource, type SourceFile } from './import-source.ts';
export type { ModelFacts } from './model-facts.ts';
