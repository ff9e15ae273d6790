export type {
  Estimate,
  FitPlace,
  FitSettings,
  LayerGeometry,
  ModelGeometry,
  Need,
  Parts,
  Range,
} from './geometry.ts';
export { about, addRanges, exactly, PART_NAMES, totalOf, weightBytes } from './geometry.ts';
export { estimateLlama } from './llama.ts';
export { estimateVllm } from './vllm.ts';
export { largestThatFits } from './solve.ts';
