import { createHash } from 'node:crypto';
import { writeGguf, type GgufMetadataValue, type GgufTensor } from './gguf-writer.ts';

/**
 * Tiny models that speak: one-layer llamas of about 250 kB whose attention and MLP are zero, so that the next token
 * depends on the last one alone. The output matrix is the successor table of one sentence; every engine, at any usual
 * temperature, says that sentence and stops. What a real model does with its weights, they do not; what an engine,
 * a slot and a gateway do with a model, they prove.
 */
export interface SpeakingModel {
  readonly name: string;
  /** Words separated by single spaces, none twice, at most 60. */
  readonly sentence: string;
  readonly contextLength?: number;
}

const EMBEDDING = 64;
const FEED_FORWARD = 32;
const HEADS = 4;
/** Times 8, the norm of a one-hot row of 64: a logit of 24 against 0, certain at every usual temperature. */
const SUCCESSOR_WEIGHT = 3;
const UNKNOWN = 0;
const BOS = 1;
const EOS = 2;
const FIRST_WORD = 3 + 256;
const TOKEN_NORMAL = 1,
  TOKEN_UNKNOWN = 2,
  TOKEN_CONTROL = 3,
  TOKEN_BYTE = 6;

const CHAT_TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:";

/** @throws {RangeError} when the sentence cannot be said: a word twice, or too many. */
export function speakingModel({ name, sentence, contextLength = 2048 }: SpeakingModel): Buffer {
  const words = sentence.split(' ');
  if (new Set(words).size !== words.length)
    throw new RangeError('every word of the sentence has to be another one');
  if (words.length > EMBEDDING - 4) throw new RangeError(`a sentence of ${words.length} words is too long`);
  const vocabulary = [...specials(), ...words.map((word, i) => (i === 0 ? word : `▁${word}`))];
  // Row 0 of the embedding space stands for "anything that is not a word of the sentence".
  const place = (token: number): number => (token < FIRST_WORD ? 0 : token - FIRST_WORD + 1);
  const embedding = new Float32Array(vocabulary.length * EMBEDDING);
  const output = new Float32Array(vocabulary.length * EMBEDDING);
  for (let token = 0; token < vocabulary.length; token += 1) embedding[token * EMBEDDING + place(token)] = 1;
  for (let row = 0; row <= words.length; row += 1) {
    const next = row === words.length ? EOS : FIRST_WORD + row;
    output[next * EMBEDDING + row] = SUCCESSOR_WEIGHT;
  }
  return writeGguf(
    metadata(name, vocabulary, contextLength, {}),
    tensors(vocabulary.length, embedding, output),
  );
}

/** An embedding model of the same build: the mean of one fixed pseudo-random row a token, so that texts differ. */
export function embeddingModel(name: string, contextLength = 512): Buffer {
  const vocabulary = [...specials(), 'unused'];
  const embedding = new Float32Array(vocabulary.length * EMBEDDING);
  for (let token = 0; token < vocabulary.length; token += 1)
    embedding.set(pseudoRandomRow(`${name} ${token}`), token * EMBEDDING);
  const pooling = { 'llama.pooling_type': { type: 'u32', value: 1 } } as const;
  return writeGguf(
    metadata(name, vocabulary, contextLength, pooling),
    tensors(vocabulary.length, embedding, new Float32Array(embedding.length)),
  );
}

function specials(): string[] {
  const bytes = Array.from(
    { length: 256 },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
  );
  return ['<unk>', '<s>', '</s>', ...bytes];
}

function metadata(
  name: string,
  vocabulary: readonly string[],
  contextLength: number,
  more: Readonly<Record<string, GgufMetadataValue>>,
): Record<string, GgufMetadataValue> {
  const type = (token: number): number => {
    if (token === UNKNOWN) return TOKEN_UNKNOWN;
    if (token === BOS || token === EOS) return TOKEN_CONTROL;
    return token < FIRST_WORD ? TOKEN_BYTE : TOKEN_NORMAL;
  };
  return {
    'general.architecture': { type: 'string', value: 'llama' },
    'general.name': { type: 'string', value: name },
    'general.file_type': { type: 'u32', value: 0 },
    'llama.block_count': { type: 'u32', value: 1 },
    'llama.context_length': { type: 'u32', value: contextLength },
    'llama.embedding_length': { type: 'u32', value: EMBEDDING },
    'llama.feed_forward_length': { type: 'u32', value: FEED_FORWARD },
    'llama.attention.head_count': { type: 'u32', value: HEADS },
    'llama.attention.head_count_kv': { type: 'u32', value: HEADS },
    'llama.attention.layer_norm_rms_epsilon': { type: 'f32', value: 1e-6 },
    'llama.rope.dimension_count': { type: 'u32', value: EMBEDDING / HEADS },
    'llama.vocab_size': { type: 'u32', value: vocabulary.length },
    ...more,
    'tokenizer.ggml.model': { type: 'string', value: 'llama' },
    'tokenizer.ggml.tokens': { type: 'strings', value: vocabulary },
    'tokenizer.ggml.scores': { type: 'f32s', value: vocabulary.map((_, token) => -token) },
    'tokenizer.ggml.token_type': { type: 'i32s', value: vocabulary.map((_, token) => type(token)) },
    'tokenizer.ggml.bos_token_id': { type: 'u32', value: BOS },
    'tokenizer.ggml.eos_token_id': { type: 'u32', value: EOS },
    'tokenizer.ggml.unknown_token_id': { type: 'u32', value: UNKNOWN },
    'tokenizer.ggml.add_bos_token': { type: 'bool', value: true },
    'tokenizer.ggml.add_space_prefix': { type: 'bool', value: false },
    'tokenizer.chat_template': { type: 'string', value: CHAT_TEMPLATE },
  };
}

function tensors(vocabulary: number, embedding: Float32Array, output: Float32Array): GgufTensor[] {
  const zeros = (name: string, ...dimensions: number[]): GgufTensor => ({
    name: `blk.0.${name}.weight`,
    dimensions,
    data: new Float32Array(dimensions.reduce((a, b) => a * b)),
  });
  const ones = (name: string): GgufTensor => ({
    name: `${name}.weight`,
    dimensions: [EMBEDDING],
    data: new Float32Array(EMBEDDING).fill(1),
  });
  return [
    { name: 'token_embd.weight', dimensions: [EMBEDDING, vocabulary], data: embedding },
    ones('blk.0.attn_norm'),
    zeros('attn_q', EMBEDDING, EMBEDDING),
    zeros('attn_k', EMBEDDING, EMBEDDING),
    zeros('attn_v', EMBEDDING, EMBEDDING),
    zeros('attn_output', EMBEDDING, EMBEDDING),
    ones('blk.0.ffn_norm'),
    zeros('ffn_gate', EMBEDDING, FEED_FORWARD),
    zeros('ffn_up', EMBEDDING, FEED_FORWARD),
    zeros('ffn_down', FEED_FORWARD, EMBEDDING),
    ones('output_norm'),
    { name: 'output.weight', dimensions: [EMBEDDING, vocabulary], data: output },
  ];
}

/** Values in [-1, 1) from SHA-256, the same on every machine. */
function pseudoRandomRow(seed: string): Float32Array {
  const row = new Float32Array(EMBEDDING);
  const bytes = Buffer.concat([0, 1, 2, 3].map((i) => createHash('sha256').update(`${seed} ${i}`).digest()));
  for (let i = 0; i < EMBEDDING; i += 1) row[i] = bytes.readInt16LE(i * 2) / 32_768;
  return row;
}
