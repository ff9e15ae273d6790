import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { embeddingModel, speakingModel } from '../../src/agent/catalog/sample/speaking-model.ts';

/** What a test model says: its own name, so that a test sees who answered. */
export function sentenceOf(name: string): string {
  return `I am ${name}, a tiny model that runs on this very machine.`;
}

export async function writeSpeakingModel(path: string, name: string, contextLength = 2048): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, speakingModel({ name, sentence: sentenceOf(name), contextLength }));
  return path;
}

export async function writeEmbeddingModel(path: string, name: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, embeddingModel(name));
  return path;
}

/** A directory model as the Hub has them: config, tokenizer, one safetensors file with two small tensors. */
export async function writeSafetensorsModel(
  directory: string,
  options: { readme?: string } = {},
): Promise<string> {
  await mkdir(directory, { recursive: true });
  const header = JSON.stringify({
    'model.embed_tokens.weight': { dtype: 'BF16', shape: [4, 2], data_offsets: [0, 16] },
    'lm_head.weight': { dtype: 'BF16', shape: [4, 2], data_offsets: [16, 32] },
  });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  await writeFile(
    `${directory}/model.safetensors`,
    Buffer.concat([length, Buffer.from(header), Buffer.alloc(32)]),
  );
  await writeFile(
    `${directory}/config.json`,
    JSON.stringify({
      architectures: ['LlamaForCausalLM'],
      max_position_embeddings: 4096,
      torch_dtype: 'bfloat16',
    }),
  );
  await writeFile(`${directory}/tokenizer_config.json`, JSON.stringify({ chat_template: '{{ messages }}' }));
  await writeFile(`${directory}/README.md`, options.readme ?? '# A model');
  return directory;
}

/**
 * A directory model that the vLLM double (test/doubles/vllm) can serve: config, tokenizer with a chat template, a
 * safetensors file of the geometry that the config states, and as `speech.dat` the GGUF through which it speaks.
 */
export async function writeDirectoryModel(
  directory: string,
  name: string,
  options: { contextLength?: number; config?: Record<string, unknown>; embeddings?: boolean } = {},
): Promise<string> {
  const contextLength = options.contextLength ?? 2048;
  await mkdir(directory, { recursive: true });
  const architecture = options.embeddings === true ? 'BertModel' : 'LlamaForCausalLM';
  const files: Record<string, string | Buffer> = {
    'config.json': JSON.stringify({
      architectures: [architecture],
      model_type: options.embeddings === true ? 'bert' : 'llama',
      hidden_size: 64,
      intermediate_size: 32,
      num_hidden_layers: 1,
      num_attention_heads: 4,
      num_key_value_heads: 4,
      head_dim: 16,
      vocab_size: 320,
      max_position_embeddings: contextLength,
      torch_dtype: 'float32',
      ...options.config,
    }),
    'tokenizer.json': JSON.stringify({ version: '1.0', model: { type: 'BPE', vocab: {}, merges: [] } }),
    'tokenizer_config.json': JSON.stringify({
      tokenizer_class: 'PreTrainedTokenizerFast',
      chat_template: "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:",
    }),
    'model.safetensors': safetensors({
      'model.embed_tokens.weight': [320, 64],
      'model.layers.0.self_attn.q_proj.weight': [64, 64],
      'model.layers.0.mlp.gate_proj.weight': [32, 64],
      'lm_head.weight': [320, 64],
    }),
    'speech.dat':
      options.embeddings === true
        ? embeddingModel(name, contextLength)
        : speakingModel({ name, sentence: sentenceOf(name), contextLength }),
  };
  // vLLM knows an embedding model by its pooling modules.
  if (options.embeddings === true) files['modules.json'] = '[]';
  for (const [file, content] of Object.entries(files)) await writeFile(`${directory}/${file}`, content);
  return directory;
}

/** One safetensors file of zeros in F32. */
function safetensors(shapes: Readonly<Record<string, readonly number[]>>): Buffer {
  let offset = 0;
  const header = JSON.stringify(
    Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => {
        const begin = offset;
        offset += shape.reduce((a, b) => a * b) * 4;
        return [name, { dtype: 'F32', shape, data_offsets: [begin, offset] }];
      }),
    ),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
  return Buffer.concat([length, Buffer.from(header), Buffer.alloc(offset)]);
}
