import type { SlotConfig } from '../../../shared/contract/index.ts';
import type { RuntimeSpec } from './spec.ts';

export interface SettingProblem {
  readonly fields: readonly string[];
  readonly message: string;
  readonly allowed: readonly string[];
}

/** What is wrong with the settings of a slot for its spec, for a refusal instead of silence; null when nothing is. Pure. */
export function settingProblem(
  spec: RuntimeSpec,
  config: SlotConfig,
  gpuIds: readonly string[],
): SettingProblem | null {
  const taken: readonly string[] = spec.settings;
  const unsupported = Object.keys(config).filter(
    (key) => !taken.includes(key === 'max_model_len' ? 'context_length' : key),
  );
  if (unsupported.length > 0) {
    return {
      fields: unsupported.map((key) => `config.${key}`),
      message: `${spec.name} does not take ${unsupported.join(', ')}.`,
      allowed: taken,
    };
  }
  return choiceProblem(spec, config) ?? gpuProblem(spec, config, gpuIds);
}

function choiceProblem(spec: RuntimeSpec, config: SlotConfig): SettingProblem | null {
  for (const [key, allowed] of Object.entries(spec.choices)) {
    const value = (config as Record<string, string | number | boolean | undefined>)[key];
    if (value === undefined || allowed.includes(String(value))) continue;
    return {
      fields: [`config.${key}`],
      message: `${spec.name} does not take ${String(value)} for ${key}.`,
      allowed,
    };
  }
  return null;
}

function gpuProblem(spec: RuntimeSpec, config: SlotConfig, gpuIds: readonly string[]): SettingProblem | null {
  if (spec.gpus === 'none' && gpuIds.length > 0)
    return { fields: ['gpu_ids'], message: `${spec.name} runs on the processor.`, allowed: [] };
  if (new Set(gpuIds).size !== gpuIds.length)
    return { fields: ['gpu_ids'], message: 'A GPU is named twice.', allowed: [] };
  const parallel = config.tensor_parallel_size;
  if (parallel === undefined || gpuIds.length === 0 || parallel === gpuIds.length) return null;
  return {
    fields: ['config.tensor_parallel_size', 'gpu_ids'],
    message: `tensor_parallel_size is ${parallel}, but the slot names ${gpuIds.length} GPU${gpuIds.length === 1 ? '' : 's'}.`,
    allowed: [String(gpuIds.length)],
  };
}
