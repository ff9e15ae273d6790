/** The shape of a model as far as memory depends on it. Read from headers, never from names. */
export interface ModelGeometry {
  readonly format: 'gguf' | 'safetensors';
  readonly architecture: string;
  readonly embedding: number;
  readonly vocabulary: number;
  /** Tokens it was trained for; null when its header does not say. */
  readonly trainedContext: number | null;
  /** Tokens that layers of attention `window` look back at. */
  readonly window: number;
  readonly layers: readonly LayerGeometry[];
  readonly tensors: TensorBytes;
  /** The output matrix is the token embedding. */
  readonly tied: boolean;
  /** An encoder keeps nothing between tokens. */
  readonly encoder: boolean;
  /** Bytes of one element of what an engine computes with when nothing else is said: 2 for half precision. */
  readonly elementBytes: number;
  /** What the reader had to assume, in sentences. */
  readonly notes: readonly string[];
}

export interface LayerGeometry {
  readonly heads: number;
  readonly kvHeads: number;
  readonly keyLength: number;
  readonly valueLength: number;
  readonly feedForward: number;
  /** Of mixtures: how many of how wide work on a token at once. */
  readonly experts: { readonly used: number; readonly feedForward: number } | null;
  /**
   * `latent`: one compressed row for all heads and no values (MLA). `none`: nothing is kept for each token. Layers may
   * have both attention and a recurrent state.
   */
  readonly attention: 'full' | 'window' | 'latent' | 'none';
  /** Elements that a recurrent layer keeps for each request, whatever its length; 0 without. */
  readonly recurrentElements: number;
}

/** Bytes of the weights by where an engine can put them. */
export interface TensorBytes {
  readonly tokenEmbedding: number;
  readonly output: number;
  readonly layers: readonly number[];
  readonly other: number;
}

export function weightBytes({ tokenEmbedding, output, layers, other }: TensorBytes): number {
  return layers.reduce((sum, bytes) => sum + bytes, tokenEmbedding + output + other);
}

/** What of a slot's settings changes memory. */
export interface FitSettings {
  /** Tokens of one request. */
  readonly contextLength: number;
  readonly parallel: number;
  /** A type of `KV_CACHE_TYPES`; `auto` is what the engine does by itself. */
  readonly kvCacheType: string;
  readonly flashAttention: 'on' | 'off' | 'auto';
  readonly batch: number;
  readonly ubatch: number;
  readonly gpuLayers: number | 'all' | 'auto';
  readonly tensorParallel: number;
  readonly enforceEager: boolean;
  /** null: what the engine does by itself. */
  readonly maxBatchedTokens: number | null;
  /** Every token of a batch has an output, not only the last: embeddings and reranking. */
  readonly allOutputs: boolean;
}

/** One place where memory is taken: a GPU, or the machine (`uuid` null). */
export interface FitPlace {
  readonly uuid: string | null;
  /** As the maker calls it. */
  readonly name: string;
  /** As sentences call it: `GPU 0`, `memory`. */
  readonly label: string;
  readonly totalBytes: number | null;
  /** null: the driver does not say. */
  readonly availableBytes: number | null;
}

export interface Range {
  readonly low: number;
  readonly expected: number;
  readonly high: number;
}

export interface Parts {
  readonly weights: Range;
  readonly kv_cache: Range;
  readonly compute: Range;
  readonly overhead: Range;
}

export const PART_NAMES = ['weights', 'kv_cache', 'compute', 'overhead'] as const;

export interface Need {
  readonly place: FitPlace;
  readonly parts: Parts;
}

export interface Estimate {
  readonly needs: readonly Need[];
  readonly assumptions: readonly string[];
}

export const MIB = 1024 ** 2;
export const GIB = 1024 ** 3;

export function exactly(bytes: number): Range {
  return { low: bytes, expected: bytes, high: bytes };
}

export function about(bytes: number, low: number, high: number): Range {
  return { low: Math.round(bytes * low), expected: Math.round(bytes), high: Math.round(bytes * high) };
}

export function addRanges(...ranges: readonly Range[]): Range {
  return ranges.reduce(
    (sum, { low, expected, high }) => ({
      low: sum.low + low,
      expected: sum.expected + expected,
      high: sum.high + high,
    }),
    exactly(0),
  );
}

export function totalOf({ weights, kv_cache, compute, overhead }: Parts): Range {
  return addRanges(weights, kv_cache, compute, overhead);
}

export function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}
