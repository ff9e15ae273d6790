import type { ModelConfig, Origin } from '../../shared/contract/index.ts';
import type { ModelFacts } from '../artifacts/index.ts';
import { sha256Hex } from '../kernel/ids.ts';

/** JSON with sorted keys, so that equal values give equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

/** What a validation of a model holds for, apart from the runtime: bytes, configuration, credential. Pure. */
export function modelFingerprint(parts: {
  contentId: string;
  config: ModelConfig;
  credentialVersion: string | null;
}): string {
  return sha256Hex(
    canonicalJson({
      schema: 'modelops.fingerprint.v1',
      content: parts.contentId,
      config: parts.config,
      credential: parts.credentialVersion,
    }),
  );
}

export interface EffectiveModelConfig {
  readonly values: ModelConfig;
  readonly origins: Readonly<Record<string, Origin>>;
}

/** The configuration of a model with the origin of each value: override over declared. Pure. */
export function effectiveModelConfig(
  declared: ModelConfig,
  override: ModelConfig,
  revision: number,
): EffectiveModelConfig {
  const origins: Record<string, Origin> = {};
  for (const key of Object.keys(declared)) origins[key] = { from: 'declared', note: 'model.yaml' };
  for (const key of Object.keys(override)) origins[key] = { from: 'override', note: `revision ${revision}` };
  return { values: { ...declared, ...override }, origins };
}

/** What the files themselves suggest. Below everything a person or a model.yaml says. Pure. */
export function inferredConfig(facts: Pick<ModelFacts, 'context_length'>): ModelConfig {
  return facts.context_length === null ? {} : { context_length: facts.context_length };
}
