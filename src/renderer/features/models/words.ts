import type { Model } from '../../../shared/contract/index.ts';
import type { StateOf } from '../../parts/glyphs.tsx';
import { known, t } from '../../strings/text.ts';

/** A model as it is named everywhere: never without its version. Pure. */
export function modelTitle(model: Pick<Model, 'name' | 'seq'>): string {
  return `${model.name} v${model.seq}`;
}

/** `v3, 1.2.0`. Pure. */
export function versionWords(model: Pick<Model, 'seq' | 'label'>): string {
  return model.label === null ? `v${model.seq}` : `v${model.seq}, ${model.label}`;
}

/** The validation axis from the facts the agent sends. Pure. */
export function validationState(
  model: Pick<Model, 'is_validation_current' | 'validation_error' | 'last_validation_status'>,
): StateOf<'validation'> {
  if (model.is_validation_current) return 'current';
  if (model.validation_error !== null) return 'stale';
  return model.last_validation_status === 'failure' ? 'failed' : 'never';
}

/** `GGUF, Q4_K_M`. Pure. */
export function formatWords(model: Pick<Model, 'format' | 'quantization'>): string {
  if (model.format === null) return '—';
  const format = model.format === 'gguf' ? 'GGUF' : model.format;
  return model.quantization === null ? format : `${format}, ${model.quantization}`;
}

/** Where its bytes came from, in words. Pure. */
export function sourceWords(model: Pick<Model, 'source' | 'source_id'>): string {
  if (model.source_id !== null) return model.source_id;
  if (model.source === 'import') return t('model.source.import');
  return model.source === 'sample' ? t('model.source.sample') : model.source;
}

/** A provider as people say it. Pure. */
export function providerWords(provider: string): string {
  return known(`provider.${provider}`) ?? provider;
}

/** What a local model is made of; who runs one that is not. Pure. */
export function formatOrProvider(
  model: Pick<Model, 'format' | 'quantization' | 'hosting' | 'provider'>,
): string {
  return model.hosting === 'cloud' ? providerWords(model.provider) : formatWords(model);
}

/** `openai-prod, …9x3K`. Pure. */
export function credentialWords(credential: {
  readonly display_name: string;
  readonly api_key_last4: string;
}): string {
  return `${credential.display_name}, …${credential.api_key_last4}`;
}
