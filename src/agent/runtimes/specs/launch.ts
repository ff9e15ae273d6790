import type { Capability } from '../../../shared/contract/index.ts';
import { canonicalJson } from '../../catalog/index.ts';
import { sha256Hex } from '../../kernel/ids.ts';
import { ANSWER_SETTINGS, type EffectiveConfig } from './effective-config.ts';
import type { Placeholder, RuntimeSpec } from './spec.ts';

export interface LaunchFacts {
  readonly capability: Capability;
  /** The id that `/v1/models` of the runtime shall list. */
  readonly servedName: string;
  /** As the runtime sees them. */
  readonly modelDir: string;
  readonly modelFile: string;
  readonly socket: string;
}

/** The command line of a runtime. Pure; `extra_args` come last, so that a person has the last word. */
export function renderArgs(
  spec: RuntimeSpec,
  config: EffectiveConfig['values'],
  facts: LaunchFacts,
): string[] {
  const context = config.context_length ?? spec.inferred_context_cap;
  const parallel = config.parallel ?? 1;
  const known: Record<Placeholder, string | undefined> = {
    model_file: facts.modelFile,
    model_dir: facts.modelDir,
    served_name: facts.servedName,
    socket: facts.socket,
    context_length: String(context),
    // Engines that split one context over their requests get the whole of it.
    context_total: String(context * parallel),
    parallel: String(parallel),
    threads: config.threads?.toString(),
    kv_cache_type: config.kv_cache_type,
    chat_template: config.chat_template,
  };
  const fill = (text: string): string =>
    text.replace(/\{(\w+)\}/g, (_match, name: string) => known[name as Placeholder] ?? '');
  const args = spec.args.flatMap((entry) => {
    if (Array.isArray(entry)) return entry.map(fill);
    if (entry.when !== undefined && (config as Record<string, unknown>)[entry.when] === undefined) return [];
    if (entry.capability !== undefined && entry.capability !== facts.capability) return [];
    return entry.args.map(fill);
  });
  return [...args, ...(config.extra_args ?? [])];
}

/**
 * The identity of a runtime a validation is made on: spec, engine, and the settings that can change an answer. Where it
 * runs (GPU, threads, memory, how many at once) is not part of it. Pure.
 */
export function runtimeIdentity(
  spec: Pick<RuntimeSpec, 'id'>,
  engineId: string,
  config: EffectiveConfig['values'],
): string {
  const settings = Object.fromEntries(
    ANSWER_SETTINGS.map((key) => [key, (config as Record<string, unknown>)[key]]),
  );
  return sha256Hex(
    canonicalJson({ schema: 'modelops.runtime.v1', spec: spec.id, engine: engineId, settings }),
  );
}

/** What a running container has to match to be adopted instead of started again. Pure. */
export function configHash(parts: Record<string, unknown>): string {
  return sha256Hex(canonicalJson(parts));
}

/** Settings of a slot that its spec does not take, for a refusal instead of silence. Pure. */
export function unsupportedSettings(spec: RuntimeSpec, config: Record<string, unknown>): string[] {
  const taken: readonly string[] = spec.settings;
  return Object.keys(config).filter(
    (key) => !taken.includes(key === 'max_model_len' ? 'context_length' : key),
  );
}
