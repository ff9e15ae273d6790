export * from './fit/index.ts';
export { Gpus, type GpuMemory } from './gpus.ts';
export type { GpuUsers } from './ports.ts';
export { gpuRoutes } from './routes.ts';
export { GPU_TIMING, type GpuTiming } from './timing.ts';
