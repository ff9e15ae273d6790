export type {
  Estimate,
  FitPlace,
  FitSettings,
  LayerGeometry,
  ModelGeometry,
  Need,
  Parts,
  Range,
  TensorBytes,
} from './geometry.ts';
export { about, exactly, PART_NAMES, totalOf, weightBytes } from './geometry.ts';
export { estimateLlama } from './llama.ts';
export { estimateVllm } from './vllm.ts';
