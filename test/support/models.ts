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
