import { open } from 'node:fs/promises';
import { ggufHead, type GgufMetadataValue, type GgufTensorInfo } from '../../src/agent/catalog/sample/gguf-writer.ts';

/** A model that is only a shape: a GGUF file with a real header and holes for weights, so that gigabytes cost nothing. */
export interface Shape {
  readonly name: string;
  readonly architecture?: 'llama' | 'qwen2' | 'qwen3' | 'gemma3' | 'gpt-oss' | 'qwen2moe' | 'mamba' | 'deepseek2' | 'granitehybrid';
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
      value: Array.from({ length: shape.vocabulary }, (_, i) => (i < 3 ? ['<unk>', '<s>', '</s>'][i] ?? '' : i < 259 ? `<0x${(i - 3).toString(16).toUpperCase().padStart(2, '0')}>` : `t${i}`)),
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

function tensorsOf(shape: Shape): GgufTensorInfo[] {
  const arch = shape.architecture ?? 'llama';
  const { embedding, feedForward: ff, heads, kvHeads, vocabulary } = shape;
  const headSize = shape.headSize ?? embedding / heads;
  const found: GgufTensorInfo[] = [];
  const add = (name: string, kind: keyof typeof TYPES, ...dimensions: number[]): void => {
    const { type, elements, bytes } = TYPES[kind];
    found.push({ name: `${name}.weight`, dimensions, type, bytes: (dimensions.reduce((a, b) => a * b) / elements) * bytes });
  };
  const weights = shape.weights ?? 'f16';
  add('token_embd', weights, embedding, vocabulary);
  for (let layer = 0; layer < shape.layers; layer += 1) {
    const block = (name: string): string => `blk.${layer}.${name}`;
    add(block('attn_norm'), 'f32', embedding);
    add(block('attn_q'), weights, embedding, heads * headSize);
    add(block('attn_k'), weights, embedding, kvHeads * headSize);
    add(block('attn_v'), weights, embedding, kvHeads * headSize);
    add(block('attn_output'), weights, heads * headSize, embedding);
    if (arch === 'qwen3' || arch === 'gemma3') {
      add(block('attn_q_norm'), 'f32', headSize);
      add(block('attn_k_norm'), 'f32', headSize);
    }
    if (arch === 'gemma3') {
      add(block('post_attention_norm'), 'f32', embedding);
      add(block('post_ffw_norm'), 'f32', embedding);
    }
    if (arch === 'qwen2') {
      for (const [name, size] of [['attn_q', heads], ['attn_k', kvHeads], ['attn_v', kvHeads]] as const) {
        add(block(name), 'f32', size * headSize);
        const last = found.pop();
        if (last !== undefined) found.push({ ...last, name: `${block(name)}.bias` });
      }
    }
    add(block('ffn_norm'), 'f32', embedding);
    if (shape.experts === undefined) {
      add(block('ffn_gate'), weights, embedding, ff);
      add(block('ffn_up'), weights, embedding, ff);
      add(block('ffn_down'), weights, ff, embedding);
    } else {
      add(block('ffn_gate_inp'), 'f32', embedding, shape.experts.count);
      add(block('ffn_gate_exps'), weights, embedding, ff, shape.experts.count);
      add(block('ffn_up_exps'), weights, embedding, ff, shape.experts.count);
      add(block('ffn_down_exps'), weights, ff, embedding, shape.experts.count);
    }
  }
  add('output_norm', 'f32', embedding);
  if (shape.tied !== true) add('output', weights, embedding, vocabulary);
  return found;
}
