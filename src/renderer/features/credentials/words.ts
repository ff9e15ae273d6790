import type { Credential, Model, Probe, ProviderSlug } from '../../../shared/contract/index.ts';
import { formatDuration } from '../../parts/format.ts';
import type { StateOf } from '../../parts/glyphs.tsx';
import { t } from '../../strings/text.ts';

export type CredentialState = 'works' | 'unknown' | 'fails' | 'revoked';

/** How a credential stands, by the last answer of its provider. Pure. */
export function credentialState({
  is_active: active,
  last_probe: probe,
}: Pick<Credential, 'is_active' | 'last_probe'>): CredentialState {
  if (!active) return 'revoked';
  if (probe === null) return 'unknown';
  return probe.ok ? 'works' : 'fails';
}

export const CREDENTIAL_GLYPHS: Record<CredentialState, StateOf<'check'>> = {
  works: 'ok',
  unknown: 'skipped',
  fails: 'failed',
  revoked: 'skipped',
};

/** `200 in 84 ms`, or that nobody answered. Pure. */
export function answerWords(probe: Probe): string {
  if (probe.status_code === null) return t('credentials.answerNoCode');
  if (probe.latency_ms === null) return String(probe.status_code);
  return t('credentials.answerOk', {
    code: String(probe.status_code),
    latency: formatDuration(probe.latency_ms),
  });
}

/** What a provider said to a key, in one sentence. Pure. */
export function probeSentence(probe: Probe): string {
  const code = probe.status_code === null ? 'none' : String(probe.status_code);
  if (!probe.ok) return t('credentials.probeBad', { code });
  return t('credentials.probeOk', {
    code: String(probe.status_code ?? ''),
    latency: formatDuration(probe.latency_ms),
    models: probe.model_count ?? -1,
  });
}

/** Models that are called with a credential. Pure. */
export function modelsOf(credentialId: string, models: readonly Model[]): readonly Model[] {
  return models.filter(
    (model) => model.credential.id === credentialId && model.lifecycle_state !== 'deleted',
  );
}

/** The base address a form sends; undefined where the provider's own is meant, null when it is none. Pure. */
export function baseOf(provider: ProviderSlug, typed: string): string | null | undefined {
  const text = typed.trim();
  if (text === '') return provider === 'openai_compatible' ? null : undefined;
  return /^https?:\/\/[^\s/]+/.test(text) ? text : null;
}

const CIDR = /^([0-9]{1,3}(\.[0-9]{1,3}){3}\/[0-9]{1,2}|[0-9a-f:]*:[0-9a-f:]*\/[0-9]{1,3})$/i;

/** Ranges as typed, one after the other; the first that is none instead. Pure. */
export function rangesOf(typed: string): { readonly ranges: readonly string[]; readonly bad: string | null } {
  const ranges = typed.split(/[\s,]+/).filter((range) => range !== '');
  return { ranges, bad: ranges.find((range) => !CIDR.test(range)) ?? null };
}
