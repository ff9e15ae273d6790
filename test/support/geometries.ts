import { open } from 'node:fs/promises';
import {
  ggufHead,
  type GgufMetadataValue,
  type GgufTensorInfo,
} from '../../src/agent/catalog/sample/gguf-writer.ts';

/** A model that is only a shape: a GGUF file with a real header and holes for weights, so that gigabytes cost nothing. */
export interface Shape {
  readonly name: string;
  readonly architecture?: 'llama' | 'qwen2' | 'qwen3' | 'gemma3' | 'mamba' | 'deepseek2';
  readonly layers: number;
  readonly embedding: number;
  readonly feedForward: number;
  readonly heads: number;
  readonly kvHeads: number;
  /** Of a key and a value; embedding / heads without. */
  readonly headSize?: number;
  readonly vocabulary: number;
  readonly trained: number;
  readonly window?: number;
  /** Whether the output matrix is the embedding's. */
  readonly tied?: boolean;
  readonly weights?: 'f32' | 'f16' | 'q8_0' | 'q4_K' | 'q4_0' | 'q6_K';
  readonly experts?: { readonly count: number; readonly used: number };
  /** Compressed keys, of `deepseek2`: their rank, and what rotates. */
  readonly latent?: { readonly rank: number; readonly rope: number };
  /** Of `mamba`. */
  readonly state?: { readonly inner: number; readonly size: number; readonly kernel: number };
}

const TYPES = {
  f32: { type: 0, elements: 1, bytes: 4 },
  f16: { type: 1, elements: 1, bytes: 2 },
  q4_0: { type: 2, elements: 32, bytes: 18 },
  q8_0: { type: 8, elements: 32, bytes: 34 },
  q4_K: { type: 12, elements: 256, bytes: 144 },
  q6_K: { type: 14, elements: 256, bytes: 210 },
} as const;

/** Writes the header and leaves the rest of the file a hole. @returns the size the file claims. */
export async function writeShape(path: string, shape: Shape): Promise<number> {
  const { head, fileBytes } = ggufHead(metadataOf(shape), tensorsOf(shape));
  const file = await open(path, 'w');
  try {
    await file.write(head);
    await file.truncate(fileBytes);
  } finally {
    await file.close();
  }
  return fileBytes;
}

function metadataOf(shape: Shape): Record<string, GgufMetadataValue> {
  const arch = shape.architecture ?? 'llama';
  const headSize = shape.headSize ?? shape.embedding / shape.heads;
  const number = (value: number): GgufMetadataValue => ({ type: 'u32', value });
  return {
    'general.architecture': { type: 'string', value: arch },
    'general.name': { type: 'string', value: shape.name },
    [`${arch}.block_count`]: number(shape.layers),
    [`${arch}.context_length`]: number(shape.trained),
    [`${arch}.embedding_length`]: number(shape.embedding),
    [`${arch}.feed_forward_length`]: number(shape.feedForward),
    [`${arch}.attention.head_count`]: number(shape.heads),
    [`${arch}.attention.head_count_kv`]: number(shape.kvHeads),
    [`${arch}.attention.key_length`]: number(headSize),
    [`${arch}.attention.value_length`]: number(headSize),
    [`${arch}.attention.layer_norm_rms_epsilon`]: { type: 'f32', value: 1e-6 },
    [`${arch}.rope.dimension_count`]: number(headSize),
    [`${arch}.vocab_size`]: number(shape.vocabulary),
    ...latentKeys(shape),
    ...stateKeys(shape),
    ...(shape.window === undefined ? {} : { [`${arch}.attention.sliding_window`]: number(shape.window) }),
    ...(shape.experts === undefined
      ? {}
      : {
          [`${arch}.expert_count`]: number(shape.experts.count),
          [`${arch}.expert_used_count`]: number(shape.experts.used),
        }),
    'tokenizer.ggml.model': { type: 'string', value: 'llama' },
    'tokenizer.ggml.tokens': {
      type: 'strings',
      value: Array.from({ length: shape.vocabulary }, (_, i) =>
        i < 3
          ? (['<unk>', '<s>', '</s>'][i] ?? '')
          : i < 259
            ? `<0x${(i - 3).toString(16).toUpperCase().padStart(2, '0')}>`
            : `t${i}`,
      ),
    },
    'tokenizer.ggml.scores': { type: 'f32s', value: Array.from({ length: shape.vocabulary }, (_, i) => -i) },
    'tokenizer.ggml.token_type': {
      type: 'i32s',
      value: Array.from({ length: shape.vocabulary }, (_, i) => (i === 0 ? 2 : i < 3 ? 3 : i < 259 ? 6 : 1)),
    },
    'tokenizer.ggml.bos_token_id': number(1),
    'tokenizer.ggml.eos_token_id': number(2),
    'tokenizer.ggml.unknown_token_id': number(0),
  };
}

function latentKeys({ latent, layers, headSize = 0 }: Shape): Record<string, GgufMetadataValue> {
  if (latent === undefined) return {};
  const keys = {
    'attention.head_count_kv': 1,
    'attention.key_length': latent.rank + latent.rope,
    'attention.value_length': latent.rank,
    'attention.key_length_mla': headSize + latent.rope,
    'attention.value_length_mla': headSize,
    'attention.kv_lora_rank': latent.rank,
    'attention.q_lora_rank': latent.rank,
    'rope.dimension_count': latent.rope,
    leading_dense_block_count: layers,
    expert_feed_forward_length: 64,
    expert_count: 2,
    expert_used_count: 1,
    expert_shared_count: 0,
  };
  return Object.fromEntries(
    Object.entries(keys).map(([key, value]) => [`deepseek2.${key}`, { type: 'u32', value }]),
  );
}

function stateKeys({ state }: Shape): Record<string, GgufMetadataValue> {
  if (state === undefined) return {};
  const keys = {
    'ssm.conv_kernel': state.kernel,
    'ssm.inner_size': state.inner,
    'ssm.state_size': state.size,
    'ssm.time_step_rank': RANK,
    'attention.head_count_kv': 0,
    'attention.head_count': 0,
  };
  return Object.fromEntries(
    Object.entries(keys).map(([key, value]) => [`mamba.${key}`, { type: 'u32', value }]),
  );
}

const RANK = 64;

type Add = (name: string, kind: keyof typeof TYPES, ...dimensions: number[]) => void;

function tensorsOf(shape: Shape): GgufTensorInfo[] {
  const { embedding, vocabulary, weights = 'f16' } = shape;
  const found: GgufTensorInfo[] = [];
  const add: Add = (name, kind, ...dimensions) => {
    const { type, elements, bytes } = TYPES[kind];
    const size = dimensions.reduce((a, b) => a * b);
    const suffix = /\.(bias|weight|ssm_a|ssm_d)$/.test(name) ? '' : '.weight';
    found.push({ name: `${name}${suffix}`, dimensions, type, bytes: (size / elements) * bytes });
  };
  add('token_embd', weights, embedding, vocabulary);
  for (let layer = 0; layer < shape.layers; layer += 1) {
    const block: Add = (name, ...rest) => add(`blk.${layer}.${name}`, ...rest);
    block('attn_norm', 'f32', embedding);
    if (shape.state !== undefined) addState(block, shape, shape.state);
    else {
      if (shape.latent !== undefined) addLatent(block, shape, shape.latent);
      else addAttention(block, shape);
      addFeedForward(block, shape);
    }
  }
  add('output_norm', 'f32', embedding);
  if (shape.tied !== true) add('output', weights, embedding, vocabulary);
  return found;
}

function addAttention(block: Add, shape: Shape): void {
  const { embedding, heads, kvHeads, architecture = 'llama', weights = 'f16' } = shape;
  const size = shape.headSize ?? embedding / heads;
  block('attn_q', weights, embedding, heads * size);
  block('attn_k', weights, embedding, kvHeads * size);
  block('attn_v', weights, embedding, kvHeads * size);
  block('attn_output', weights, heads * size, embedding);
  if (architecture === 'qwen3' || architecture === 'gemma3') {
    block('attn_q_norm', 'f32', size);
    block('attn_k_norm', 'f32', size);
  }
  if (architecture === 'gemma3') {
    block('post_attention_norm', 'f32', embedding);
    block('post_ffw_norm', 'f32', embedding);
  }
  if (architecture === 'qwen2') {
    block('attn_q.bias', 'f32', heads * size);
    block('attn_k.bias', 'f32', kvHeads * size);
    block('attn_v.bias', 'f32', kvHeads * size);
  }
}

function addLatent(block: Add, shape: Shape, { rank, rope }: { rank: number; rope: number }): void {
  const { embedding, heads, headSize = 0, weights = 'f16' } = shape;
  block('attn_q_a', weights, embedding, rank);
  block('attn_q_a_norm', 'f32', rank);
  block('attn_q_b', weights, rank, heads * (headSize + rope));
  block('attn_kv_a_mqa', weights, embedding, rank + rope);
  block('attn_kv_a_norm', 'f32', rank);
  block('attn_k_b', weights, headSize, rank, heads);
  block('attn_v_b', weights, rank, headSize, heads);
  block('attn_output', weights, heads * headSize, embedding);
}

function addState(
  block: Add,
  { embedding, weights = 'f16' }: Shape,
  { inner, size, kernel }: { inner: number; size: number; kernel: number },
): void {
  block('ssm_in', weights, embedding, 2 * inner);
  block('ssm_conv1d', 'f32', kernel, inner);
  block('ssm_conv1d.bias', 'f32', inner);
  block('ssm_x', weights, inner, RANK + 2 * size);
  block('ssm_dt', weights, RANK, inner);
  block('ssm_dt.bias', 'f32', inner);
  block('ssm_a', 'f32', size, inner);
  block('ssm_d', 'f32', inner);
  block('ssm_out', weights, inner, embedding);
}

function addFeedForward(block: Add, shape: Shape): void {
  const { embedding, feedForward: width, weights = 'f16', experts } = shape;
  block('ffn_norm', 'f32', embedding);
  if (experts === undefined) {
    block('ffn_gate', weights, embedding, width);
    block('ffn_up', weights, embedding, width);
    block('ffn_down', weights, width, embedding);
    return;
  }
  block('ffn_gate_inp', 'f32', embedding, experts.count);
  block('ffn_gate_exps', weights, embedding, width, experts.count);
  block('ffn_up_exps', weights, embedding, width, experts.count);
  block('ffn_down_exps', weights, width, embedding, experts.count);
}
