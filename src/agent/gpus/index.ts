export * from './fit/index.ts';
export { Gpus } from './gpus.ts';
export { gpuRoutes } from './routes.ts';
export { GPU_TIMING, type GpuTiming } from './timing.ts';
