import type { ModelConfig, Origin, SlotConfig } from '../../../shared/contract/index.ts';
import type { RuntimeSpec } from './spec.ts';

export interface ConfigLayers {
  readonly slot: SlotConfig;
  readonly override: ModelConfig;
  readonly overrideRevision: number;
  readonly declared: ModelConfig;
  readonly inferred: ModelConfig;
}

export interface EffectiveConfig {
  readonly values: SlotConfig & { chat_template?: string | undefined };
  readonly origins: Readonly<Record<string, Origin>>;
}

/**
 * Slot over model override over declared model.yaml over inferred over the spec's default, each value with its origin.
 * `context_length` is what one request may have. Pure.
 */
export function effectiveConfig(spec: RuntimeSpec, layers: ConfigLayers): EffectiveConfig {
  const values: Record<string, unknown> = {};
  const origins: Record<string, Origin> = {};
  const lay = (config: Record<string, unknown>, origin: (key: string) => Origin): void => {
    for (const [key, value] of Object.entries(config)) {
      if (value === undefined) continue;
      values[key] = value;
      origins[key] = origin(key);
    }
  };
  lay(spec.defaults, () => ({ from: 'default', note: spec.name }));
  lay(layers.inferred, () => ({ from: 'inferred', note: 'file header' }));
  capContext(spec, values, origins);
  lay(layers.declared, () => ({ from: 'declared', note: 'model.yaml' }));
  lay(layers.override, () => ({ from: 'override', note: `revision ${layers.overrideRevision}` }));
  const { max_model_len: alias, ...slot } = layers.slot;
  lay({ ...(alias === undefined ? {} : { context_length: alias }), ...slot }, () => ({ from: 'slot' }));
  return { values: values, origins };
}

/** What a model was trained for is more than most machines have memory for, so nobody gets it without asking. */
function capContext(
  spec: RuntimeSpec,
  values: Record<string, unknown>,
  origins: Record<string, Origin>,
): void {
  const trained = values['context_length'];
  const isInferred = origins['context_length']?.from === 'inferred';
  if (typeof trained === 'number' && isInferred && trained > spec.inferred_context_cap) {
    values['context_length'] = spec.inferred_context_cap;
    origins['context_length'] = { from: 'inferred', note: `trained for ${trained}` };
  }
  if (trained === undefined) {
    values['context_length'] = spec.inferred_context_cap;
    origins['context_length'] = { from: 'default', note: spec.name };
  }
}

/** Settings that can change an answer; a change of the others leaves a validation alone (docs/architecture.md). */
export const ANSWER_SETTINGS = [
  'context_length',
  'kv_cache_type',
  'dtype',
  'chat_template',
  'trust_remote_code',
  'extra_args',
] as const;
