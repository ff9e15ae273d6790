import type { TaskKey } from '../../shared/contract/index.ts';
import { ggufQuantization, type GgufHeader, type GgufValue } from './gguf.ts';
import type { SafetensorsHeader } from './safetensors.ts';

/** What a model's files say about it. Stored with the version as `inferred`. */
export interface ModelFacts {
  readonly format: 'gguf' | 'safetensors';
  readonly framework: 'llama.cpp' | 'transformers';
  readonly task_key: TaskKey;
  readonly architecture: string | null;
  readonly parameter_count: number | null;
  readonly quantization: string | null;
  readonly context_length: number | null;
  readonly has_chat_template: boolean;
  readonly ships_code: boolean;
  readonly title: string | null;
}

const POOLING_NONE = 0;
const POOLING_RANK = 4;
/** Architectures of llama.cpp that only encode. */
const ENCODERS =
  /^(bert|nomic-bert|nomic-bert-moe|jina-bert-v2|jina-bert-v3|modern-bert|neo-bert|eurobert|t5encoder|gemma-embedding)$/;

/** Pure. */
export function factsFromGguf(header: GgufHeader): ModelFacts {
  const get = (key: string): GgufValue | undefined => header.metadata.get(key);
  const number = (key: string): number | null => {
    const value = get(key);
    return typeof value === 'number' ? value : null;
  };
  const pooling = number(`${header.architecture}.pooling_type`);
  const stated = number('general.parameter_count');
  const name = get('general.name');
  return {
    format: 'gguf',
    framework: 'llama.cpp',
    task_key: ggufTask(header.architecture, pooling),
    architecture: header.architecture,
    parameter_count: stated ?? header.parameterCount,
    quantization: ggufQuantization(header),
    context_length: number(`${header.architecture}.context_length`),
    has_chat_template: typeof get('tokenizer.chat_template') === 'string',
    ships_code: false,
    title: typeof name === 'string' ? name.slice(0, 200) : null,
  };
}

function ggufTask(architecture: string, pooling: number | null): TaskKey {
  if (pooling === POOLING_RANK) return 'rerank';
  if ((pooling !== null && pooling > POOLING_NONE) || ENCODERS.test(architecture)) return 'embeddings';
  return 'llm';
}

export interface DirectoryFacts {
  readonly config: Record<string, unknown>;
  readonly tokenizerConfig: Record<string, unknown> | null;
  readonly fileNames: readonly string[];
  readonly headers: readonly SafetensorsHeader[];
}

/** Pure. For a directory with config.json and safetensors files; multimodal models keep the text part in `text_config`. */
export function factsFromDirectory({
  config,
  tokenizerConfig,
  fileNames,
  headers,
}: DirectoryFacts): ModelFacts {
  const text = record(config['text_config']) ?? record(config['llm_config']) ?? config;
  const architectures = Array.isArray(config['architectures'])
    ? config['architectures'].filter((name) => typeof name === 'string')
    : [];
  const [architecture = null] = architectures;
  const quantization =
    record(config['quantization_config'])?.['quant_method'] ?? config['torch_dtype'] ?? config['dtype'];
  const context = text['max_position_embeddings'] ?? text['n_positions'] ?? text['max_sequence_length'];
  return {
    format: 'safetensors',
    framework: 'transformers',
    task_key: directoryTask(architecture, fileNames),
    architecture: architecture ?? (typeof config['model_type'] === 'string' ? config['model_type'] : null),
    parameter_count: headers.reduce((sum, header) => sum + header.parameterCount, 0),
    quantization: typeof quantization === 'string' ? quantization : (headers[0]?.dtypes[0] ?? null),
    context_length: typeof context === 'number' ? context : null,
    has_chat_template:
      tokenizerConfig?.['chat_template'] !== undefined || fileNames.includes('chat_template.jinja'),
    ships_code: config['auto_map'] !== undefined || fileNames.some((name) => name.endsWith('.py')),
    title: null,
  };
}

function directoryTask(architecture: string | null, fileNames: readonly string[]): TaskKey {
  if (fileNames.includes('modules.json') || fileNames.some((name) => name.startsWith('1_Pooling/')))
    return 'embeddings';
  if (architecture === null) return 'llm';
  if (architecture.endsWith('ForSequenceClassification')) return 'rerank';
  return /(ForCausalLM|ForConditionalGeneration|LMHeadModel|ForVision2Seq)$/.test(architecture)
    ? 'llm'
    : 'embeddings';
}

function record(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}
