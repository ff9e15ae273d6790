import type { Capability } from '../../../shared/contract/index.ts';
import { canonicalJson } from '../../catalog/index.ts';
import { sha256Hex } from '../../kernel/ids.ts';
import { ANSWER_SETTINGS, type EffectiveConfig } from './effective-config.ts';
import { holdsFor } from './engine-version.ts';
import type { Placeholder, RuntimeSpec, SpecTransport } from './spec.ts';

type Values = EffectiveConfig['values'];

export interface LaunchFacts {
  readonly capability: Capability;
  /** The id that `/v1/models` of the runtime shall list. */
  readonly servedName: string;
  /** Paths as the runtime sees them. */
  readonly modelDir: string;
  readonly modelFile: string;
  /** The projector for images; null when the model has none. */
  readonly mmprojFile: string | null;
  readonly socket: string;
  readonly cacheDir: string;
  /** Holds the key that the engine shall ask for; null when it is not told by a file. */
  readonly keyFile: string | null;
  readonly transport: SpecTransport;
  /** Of the engine; null when unknown, and then taken for the newest. */
  readonly version: string | null;
  readonly gpuCount: number;
}

/** The command line of a runtime. Pure; `extra_args` come last, so that a person has the last word. */
export function renderArgs(spec: RuntimeSpec, config: Values, facts: LaunchFacts): string[] {
  const known = placeholderValues(spec, config, facts);
  const fill = filler(known);
  const args = spec.args.flatMap((entry) => {
    if (Array.isArray(entry)) return entry.map(fill);
    return applies(entry, config, facts) ? entry.args.map(fill) : [];
  });
  const transport = (facts.transport.args ?? []).map(fill);
  const extra = config.extra_args ?? [];
  return [...args, ...transport, ...(spec.extra_args_placeholders ? extra.map(fill) : extra)];
}

/** The variables of a runtime: the spec's, then the slot's own, which win. Pure. */
export function renderEnv(spec: RuntimeSpec, config: Values, facts: LaunchFacts): Record<string, string> {
  const fill = filler(placeholderValues(spec, config, facts));
  const own = Object.entries(spec.env).flatMap(([name, entry]): [string, string][] => {
    if (typeof entry === 'string') return [[name, fill(entry)]];
    return applies(entry, config, facts) ? [[name, fill(entry.value)]] : [];
  });
  return { ...Object.fromEntries(own), ...config.env };
}

/** The way a runtime is reached, or null when neither this machine nor this version of the engine has any. Pure. */
export function pickTransport(
  spec: RuntimeSpec,
  config: Values,
  version: string | null,
  canUnix: boolean,
): SpecTransport | null {
  const found = spec.transports.find(
    (transport) => (transport.kind === 'tcp' || canUnix) && holdsFor(version, transport),
  );
  if (found?.kind !== 'tcp' || config.port === undefined) return found ?? null;
  return { ...found, port: config.port };
}

export interface Entrypoint {
  /** null: the image's own. */
  readonly command: readonly string[] | null;
  readonly prefix: readonly string[];
}

/** What a container is started with, given the image's own entrypoint. Pure. */
export function entrypointFor(
  spec: RuntimeSpec,
  imageEntrypoint: readonly string[] | null,
  version: string | null,
): Entrypoint {
  const rules = spec.entrypoint;
  if (rules === undefined) return { command: null, prefix: [] };
  if (isWords(rules)) return { command: imageEntrypoint === null ? rules : null, prefix: [] };
  const own = (imageEntrypoint ?? []).join(' ');
  const rule = rules.find(
    (one) => holdsFor(version, one) && (one.image === undefined || new RegExp(one.image).test(own)),
  );
  return { command: rule?.command ?? null, prefix: rule?.prefix ?? [] };
}

function isWords(rules: NonNullable<RuntimeSpec['entrypoint']>): rules is string[] {
  return typeof rules[0] === 'string';
}

interface Condition {
  readonly when?: string | undefined;
  readonly is?: string | number | boolean | undefined;
  readonly type?: 'number' | undefined;
  readonly unless?: string | undefined;
  readonly capability?: Capability | undefined;
  readonly since?: string | undefined;
  readonly before?: string | undefined;
}

function applies(entry: Condition, config: Values, facts: LaunchFacts): boolean {
  if (entry.capability !== undefined && entry.capability !== facts.capability) return false;
  if (!holdsFor(facts.version, entry)) return false;
  const valueOf = (name: string): unknown => {
    if (name === 'mmproj_file') return facts.mmprojFile;
    if (name === 'key_file') return facts.keyFile;
    return (config as Record<string, unknown>)[name];
  };
  const isSet = (name: string): boolean => ![undefined, null, false].includes(valueOf(name) as null);
  if (entry.unless !== undefined && isSet(entry.unless)) return false;
  if (entry.when === undefined) return true;
  if (entry.type !== undefined && typeof valueOf(entry.when) !== entry.type) return false;
  return entry.is === undefined ? isSet(entry.when) : valueOf(entry.when) === entry.is;
}

function placeholderValues(
  spec: RuntimeSpec,
  config: Values,
  facts: LaunchFacts,
): Record<Placeholder, string | undefined> {
  const context = config.context_length ?? spec.inferred_context_cap;
  const parallel = config.parallel ?? 1;
  return {
    model_file: facts.modelFile,
    model_dir: facts.modelDir,
    mmproj_file: facts.mmprojFile ?? undefined,
    served_name: facts.servedName,
    socket: facts.socket,
    port: facts.transport.kind === 'tcp' ? String(facts.transport.port) : undefined,
    key_file: facts.keyFile ?? undefined,
    cache_dir: facts.cacheDir,
    context_length: String(context),
    // Engines that split one context over their requests get the whole of it.
    context_total: String(context * parallel),
    parallel: String(parallel),
    threads: config.threads?.toString(),
    gpu_layers: config.gpu_layers?.toString(),
    kv_cache_type: config.kv_cache_type,
    flash_attention: config.flash_attention,
    batch_size: config.batch_size?.toString(),
    ubatch_size: config.ubatch_size?.toString(),
    dtype: config.dtype,
    quantization: config.quantization,
    tensor_parallel_size: String(config.tensor_parallel_size ?? Math.max(1, facts.gpuCount)),
    gpu_memory_utilization: config.gpu_memory_utilization?.toString(),
    kv_cache_memory_bytes: config.kv_cache_memory_bytes?.toString(),
    max_num_batched_tokens: config.max_num_batched_tokens?.toString(),
    chat_template: config.chat_template,
  };
}

/** Names nobody knows stay as they are: a spec cannot have any, and in a person's arguments they may mean something. */
function filler(known: Readonly<Record<string, string | undefined>>): (text: string) => string {
  return (text) =>
    text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in known ? (known[name] ?? '') : whole));
}

/**
 * The identity of a runtime a validation is made on: spec, engine, and the settings that can change an answer. Where it
 * runs (GPU, threads, memory, how many at once) is not part of it. Pure.
 */
export function runtimeIdentity(spec: Pick<RuntimeSpec, 'id'>, engineId: string, config: Values): string {
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
