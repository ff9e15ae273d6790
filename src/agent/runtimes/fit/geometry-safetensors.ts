import type { SafetensorsHeader } from '../../artifacts/index.ts';
import { weightBytes, type LayerGeometry, type ModelGeometry } from '../../gpus/index.ts';

type Config = Readonly<Record<string, unknown>>;

/**
 * What memory depends on, from `config.json` and the headers of the weights. Multimodal models keep the part that has a
 * KV cache in `text_config` or `llm_config`. Pure.
 */
export function geometryOfSafetensors(
  config: Config,
  headers: readonly Pick<SafetensorsHeader, 'tensors'>[],
): ModelGeometry {
  const text = part(config, 'text_config') ?? part(config, 'llm_config') ?? config;
  const number = (...keys: string[]): number | null => firstNumber(text, keys);
  const embedding = number('hidden_size', 'n_embd', 'd_model', 'dim') ?? 0;
  const count = number('num_hidden_layers', 'n_layer', 'num_layers', 'n_layers') ?? 0;
  const stored = sumTensors(headers, count);
  const isHalved = isFullPrecision(text, config) && config['quantization_config'] === undefined;
  const tensors = isHalved ? halved(stored) : stored;
  const architectures = config['architectures'];
  const architecture =
    Array.isArray(architectures) && typeof architectures[0] === 'string'
      ? architectures[0]
      : (textOf(config, 'model_type') ?? 'unknown');
  const notes: string[] = [];
  if (count === 0 || embedding === 0)
    notes.push('config.json does not tell the layers of the model; only its weights are counted.');
  if (isHalved) notes.push('Weights of 32 bits are kept in 16.');
  if (weightBytes(tensors) === 0) notes.push('The weights have no size.');
  return {
    format: 'safetensors',
    architecture,
    embedding,
    vocabulary: number('vocab_size') ?? 0,
    trainedContext: number('max_position_embeddings', 'n_positions', 'max_sequence_length', 'seq_length'),
    window: text['use_sliding_window'] === false ? 0 : (number('sliding_window') ?? 0),
    layers: Array.from({ length: count }, (_, index) => layerOf(text, index, count)),
    tensors,
    tied: tensors.output === 0,
    encoder:
      /(^Bert|Roberta|Model$|ForSequenceClassification$|ForMaskedLM$)/.test(architecture) && isEncoder(text),
    elementBytes: 2,
    notes,
  };
}

function sumTensors(
  headers: readonly Pick<SafetensorsHeader, 'tensors'>[],
  count: number,
): ModelGeometry['tensors'] {
  const layers = Array.from({ length: count }, () => 0);
  let tokenEmbedding = 0;
  let output = 0;
  let other = 0;
  for (const { tensors } of headers) {
    tokenEmbedding += tensors.tokenEmbedding;
    output += tensors.output;
    other += tensors.other;
    for (const [index, bytes] of tensors.layers.entries()) {
      if (index < count) layers[index] = (layers[index] ?? 0) + bytes;
      else other += bytes;
    }
  }
  return { tokenEmbedding, output, layers, other };
}

function layerOf(text: Config, index: number, count: number): LayerGeometry {
  const number = (...keys: string[]): number | null => firstNumber(text, keys);
  const heads = number('num_attention_heads', 'n_head', 'num_heads', 'n_heads') ?? 0;
  const embedding = number('hidden_size', 'n_embd', 'd_model', 'dim') ?? 0;
  const kvHeads =
    text['multi_query'] === true ? 1 : (number('num_key_value_heads', 'n_head_kv', 'num_kv_heads') ?? heads);
  const headSize = number('head_dim', 'attention_head_dim') ?? (heads > 0 ? embedding / heads : 0);
  const feedForward = number('intermediate_size', 'n_inner', 'ffn_dim', 'ffn_hidden_size') ?? 4 * embedding;
  const latent = number('kv_lora_rank');
  const kind = kindOf(text, index, count);
  const used = number('num_experts_per_tok', 'num_experts_per_token', 'moe_topk') ?? 0;
  const experts =
    (number('num_local_experts', 'num_experts', 'n_routed_experts') ?? 0) > 0 && used > 0
      ? { used, feedForward: number('moe_intermediate_size', 'expert_intermediate_size') ?? feedForward }
      : null;
  const common = { heads, feedForward, experts };
  if (kind === 'recurrent')
    return {
      ...common,
      kvHeads: 0,
      keyLength: 0,
      valueLength: 0,
      attention: 'none',
      recurrentElements: recurrentElements(text, embedding),
    };
  if (latent !== null)
    return {
      ...common,
      kvHeads: 1,
      keyLength: latent + (number('qk_rope_head_dim') ?? 0),
      valueLength: latent,
      attention: 'latent',
      recurrentElements: 0,
    };
  const attention = isEncoder(text) ? 'none' : kind;
  return { ...common, kvHeads, keyLength: headSize, valueLength: headSize, attention, recurrentElements: 0 };
}

/** Which layer is which: `layer_types` where it is given, else the patterns of the families. */
function kindOf(text: Config, index: number, count: number): 'full' | 'window' | 'recurrent' {
  const types = text['layer_types'] ?? text['layers_block_type'];
  if (Array.isArray(types) && types.length === count) {
    const type = String(types[index]);
    if (/sliding|chunked/.test(type)) return 'window';
    return /linear|mamba|recurrent|conv|gated_delta/.test(type) ? 'recurrent' : 'full';
  }
  const interval = firstNumber(text, ['full_attention_interval', 'attn_layer_period']);
  if (interval !== null && interval > 1) {
    const offset = firstNumber(text, ['attn_layer_offset']) ?? interval - 1;
    return index % interval === offset ? 'full' : 'recurrent';
  }
  const window = firstNumber(text, ['sliding_window']);
  if (window === null || text['use_sliding_window'] === false) return 'full';
  const pattern = firstNumber(text, ['sliding_window_pattern', '_sliding_window_pattern']);
  if (pattern !== null && pattern > 0) return (index + 1) % pattern === 0 ? 'full' : 'window';
  const from = firstNumber(text, ['max_window_layers']);
  if (from !== null) return index < from ? 'full' : 'window';
  return 'window';
}

/** Convolution and state of a Mamba or gated delta net layer. */
function recurrentElements(text: Config, embedding: number): number {
  const number = (...keys: string[]): number | null => firstNumber(text, keys);
  const kernel = number('linear_conv_kernel_dim', 'mamba_d_conv', 'conv_kernel', 'conv_L_cache') ?? 4;
  const valueHeads = number('linear_num_value_heads');
  if (valueHeads !== null) {
    const keyHeads = number('linear_num_key_heads') ?? valueHeads;
    const key = number('linear_key_head_dim') ?? 128;
    const value = number('linear_value_head_dim') ?? 128;
    return (kernel - 1) * (2 * keyHeads * key + valueHeads * value) + valueHeads * key * value;
  }
  const inner = number('mamba_d_inner', 'd_inner') ?? (number('mamba_expand', 'expand') ?? 2) * embedding;
  const state = number('mamba_d_state', 'ssm_state_size', 'state_size', 'd_state') ?? 16;
  const groups = number('mamba_n_groups', 'n_groups') ?? 1;
  return (kernel - 1) * (inner + 2 * groups * state) + inner * state;
}

function isEncoder(text: Config): boolean {
  const type = textOf(text, 'model_type') ?? '';
  return /^(bert|roberta|xlm-roberta|distilbert|mpnet|electra|deberta(-v2)?|nomic_bert|modernbert|new|gte)$/.test(
    type,
  );
}

/** Engines keep 32-bit weights as 16-bit unless they are told otherwise. */
function isFullPrecision(text: Config, config: Config): boolean {
  const dtype =
    textOf(text, 'torch_dtype') ??
    textOf(text, 'dtype') ??
    textOf(config, 'torch_dtype') ??
    textOf(config, 'dtype');
  return dtype === 'float32';
}

function halved({
  tokenEmbedding,
  output,
  layers,
  other,
}: ModelGeometry['tensors']): ModelGeometry['tensors'] {
  return {
    tokenEmbedding: tokenEmbedding / 2,
    output: output / 2,
    layers: layers.map((bytes) => bytes / 2),
    other: other / 2,
  };
}

function textOf(config: Config, key: string): string | null {
  const value = config[key];
  return typeof value === 'string' ? value : null;
}

function part(config: Config, key: string): Config | null {
  const value = config[key];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Config) : null;
}

function firstNumber(config: Config, keys: readonly string[]): number | null {
  for (const key of keys) {
    const value = config[key];
    if (typeof value === 'number' && Number.isFinite(value)) return value;
  }
  return null;
}
