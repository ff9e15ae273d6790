import type { GgufHeader } from '../../artifacts/index.ts';
import type { LayerGeometry, ModelGeometry } from '../../gpus/index.ts';

/** Models whose every n-th layer looks at everything and the others at a window, where the header does not say (llama-model.cpp). */
const WINDOW_PATTERN: Readonly<Record<string, number>> = {
  gemma2: 2,
  gemma3: 6,
  gemma3n: 5,
  'gpt-oss': 2,
  cohere2: 4,
  exaone4: 4,
  llama4: 4,
  smallthinker: 4,
  olmo2: 4,
};
/** Models of which every layer looks at the window alone. */
const ALL_WINDOW: ReadonlySet<string> = new Set(['phi3', 'modern-bert', 'gemma-embedding']);
const ENCODERS =
  /^(bert|nomic-bert|nomic-bert-moe|jina-bert-v2|jina-bert-v3|modern-bert|neo-bert|eurobert|t5encoder|gemma-embedding)$/;
/** Every n-th layer of these has attention, the others a recurrent state. */
const FULL_ATTENTION_INTERVAL: Readonly<Record<string, number>> = { qwen3next: 4, qwen35: 4, qwen35moe: 4 };

/** What memory depends on, from the header of a GGUF file. Pure. */
export function geometryOfGguf(header: GgufHeader): ModelGeometry {
  const { architecture, tensors } = header;
  const read = new Keys(header);
  const count = read.number('block_count') ?? tensors.layers.length;
  const embedding = read.number('embedding_length') ?? 0;
  const window = read.number('attention.sliding_window') ?? 0;
  const tied = tensors.output === 0 && tensors.tokenEmbedding > 0;
  const notes: string[] = [];
  if (tensors.unknownTypes.length > 0)
    notes.push('Some weights have a type that this version does not know; they are not counted.');
  return {
    format: 'gguf',
    architecture,
    embedding,
    vocabulary: vocabularyOf(header, read),
    trainedContext: read.number('context_length'),
    window,
    layers: Array.from({ length: count }, (_, index) => layerOf(header, read, index)),
    tensors: {
      tokenEmbedding: tensors.tokenEmbedding,
      output: tensors.output,
      layers: Array.from({ length: count }, (_, index) => tensors.layers[index]?.bytes ?? 0),
      other: tensors.other + tensors.layers.slice(count).reduce((sum, { bytes }) => sum + bytes, 0),
    },
    tied,
    encoder: ENCODERS.test(architecture),
    elementBytes: 2,
    notes,
  };
}

function vocabularyOf({ metadata }: GgufHeader, read: Keys): number {
  const tokens = metadata.get('tokenizer.ggml.tokens');
  if (typeof tokens === 'object' && 'length' in tokens) return tokens.length;
  return read.number('vocab_size') ?? 0;
}

function layerOf(header: GgufHeader, read: Keys, index: number): LayerGeometry {
  const embedding = read.number('embedding_length') ?? 0;
  const heads = read.numberOf('attention.head_count', index) ?? 0;
  const kvHeads = read.numberOf('attention.head_count_kv', index) ?? heads;
  const feedForward = read.numberOf('feed_forward_length', index) ?? 0;
  const known = header.tensors.layers[index];
  const recurrent = known?.recurrent === true && !isFullOfInterval(header.architecture, index);
  const attention = attentionOf(header, read, index, kvHeads);
  const latent = attention === 'latent' ? (read.number('attention.kv_lora_rank') ?? 0) : null;
  const lengthOf = (which: 'key' | 'value'): number =>
    (attention === 'window' ? read.number(`attention.${which}_length_swa`) : null) ??
    read.number(`attention.${which}_length`) ??
    (heads > 0 ? embedding / heads : 0);
  return {
    heads,
    feedForward,
    experts: expertsOf(read, feedForward),
    kvHeads: latent === null ? kvHeads : 1,
    keyLength: latent === null ? lengthOf('key') : latent + (read.number('rope.dimension_count') ?? 0),
    valueLength: latent ?? lengthOf('value'),
    attention,
    recurrentElements: recurrent ? recurrentElements(read, embedding) : 0,
  };
}

/** What a layer keeps for each token. */
function attentionOf(
  header: GgufHeader,
  read: Keys,
  index: number,
  kvHeads: number,
): LayerGeometry['attention'] {
  const holdsKeys = header.tensors.layers[index]?.attention ?? true;
  if (ENCODERS.test(header.architecture) || !holdsKeys || kvHeads === 0 || shares(read, index)) return 'none';
  // Without the compressed tensors an engine unfolds what it keeps.
  const isLatent =
    read.number('attention.kv_lora_rank') !== null && read.number('attention.key_length_mla') !== null;
  if (isLatent) return 'latent';
  return inWindow(header, read, index) ? 'window' : 'full';
}

function expertsOf(read: Keys, feedForward: number): LayerGeometry['experts'] {
  const used = read.number('expert_used_count') ?? 0;
  if (used === 0 || (read.number('expert_count') ?? 0) === 0) return null;
  return { used, feedForward: read.number('expert_feed_forward_length') ?? feedForward };
}

/** Whether a layer looks back at the window only: the header's pattern, or the architecture's. */
function inWindow({ architecture, metadata }: GgufHeader, read: Keys, index: number): boolean {
  if ((read.number('attention.sliding_window') ?? 0) === 0) return false;
  const pattern = metadata.get(`${architecture}.attention.sliding_window_pattern`);
  if (Array.isArray(pattern)) return (pattern[index] ?? 0) !== 0;
  const every = typeof pattern === 'number' ? pattern : WINDOW_PATTERN[architecture];
  if (every !== undefined && every > 0) return index % every < every - 1;
  return ALL_WINDOW.has(architecture);
}

/** The last layers of some models read the cache of an earlier one. */
function shares(read: Keys, index: number): boolean {
  const shared = read.number('attention.shared_kv_layers') ?? 0;
  const count = read.number('block_count') ?? 0;
  return shared > 0 && index >= count - shared;
}

function isFullOfInterval(architecture: string, index: number): boolean {
  const every = FULL_ATTENTION_INTERVAL[architecture];
  return every !== undefined && (index + 1) % every === 0;
}

/** llama-hparams.cpp, `n_embd_r` and `n_embd_s`: the convolution's window and the state, 32-bit floats both. */
function recurrentElements(read: Keys, embedding: number): number {
  const wkv = read.number('wkv.head_size') ?? 0;
  if (wkv > 0) return (read.number('token_shift_count') ?? 2) * embedding + embedding * wkv;
  const short = read.number('shortconv.l_cache') ?? 0;
  if (short > 0) return embedding * (short - 1);
  const inner = read.number('ssm.inner_size') ?? 0;
  const state = read.number('ssm.state_size') ?? 0;
  const groups = read.number('ssm.group_count') ?? 0;
  const kernel = read.number('ssm.conv_kernel') ?? 0;
  return Math.max(0, kernel - 1) * (inner + 2 * groups * state) + state * inner;
}

class Keys {
  readonly #header: GgufHeader;

  constructor(header: GgufHeader) {
    this.#header = header;
  }

  /** A number under the architecture's own prefix; of an array the largest. */
  number(key: string): number | null {
    const value = this.#header.metadata.get(`${this.#header.architecture}.${key}`);
    if (typeof value === 'number') return value;
    if (Array.isArray(value) && value.length > 0) return Math.max(...value);
    return null;
  }

  /** The same of one layer, where the header has one for each. */
  numberOf(key: string, layer: number): number | null {
    const value = this.#header.metadata.get(`${this.#header.architecture}.${key}`);
    return Array.isArray(value) ? (value[layer] ?? null) : this.number(key);
  }
}
