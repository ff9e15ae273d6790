/** Bytes of one element of a KV cache: blocks of 32 with their scales (ggml-common.h), and vLLM's one-byte floats. */
const BYTES: Readonly<Record<string, number>> = {
  f32: 4,
  f16: 2,
  bf16: 2,
  q8_0: 34 / 32,
  q5_1: 24 / 32,
  q5_0: 22 / 32,
  q4_1: 20 / 32,
  q4_0: 18 / 32,
  iq4_nl: 18 / 32,
  fp8: 1,
};

/** @param type of `KV_CACHE_TYPES`; what nobody knows counts as half precision. */
export function kvElementBytes(type: string): number {
  return BYTES[type] ?? 2;
}
