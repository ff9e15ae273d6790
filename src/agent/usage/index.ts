export type { CountedCall } from './call.ts';
export { UsageRecorder } from './recorder.ts';
export { usageRoutes } from './routes.ts';
export { UsageQuery } from './usage-query.ts';
export { UsageStore } from './usage-store.ts';
