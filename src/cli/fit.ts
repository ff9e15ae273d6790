import type { Fit } from '../shared/contract/index.ts';
import { formatBytes, formatTable } from './output.ts';

const PARTS: Record<Fit['breakdown'][number]['part'], string> = {
  weights: 'Weights',
  kv_cache: 'KV cache',
  compute: 'Compute',
  overhead: 'Engine overhead',
};

/** What a model needs in a slot as people read it: the verdict, the parts, the places, and what else would do. */
export function describeFit(fit: Fit): string {
  const parts = fit.breakdown.map(({ part, low_bytes: low, expected_bytes: expected, high_bytes: high }) => [
    part === 'kv_cache' ? `${PARTS[part]}, ${fit.context_length} × ${fit.parallel}` : PARTS[part],
    formatBytes(low),
    formatBytes(expected),
    formatBytes(high),
  ]);
  const { low_bytes: low, total_bytes: total, high_bytes: high } = fit.required;
  const places = fit.per_gpu.map((place) => [
    place.name,
    formatBytes(place.required.total_bytes),
    place.available_bytes === null ? '—' : formatBytes(place.available_bytes),
    place.fits ? 'fits' : 'does not fit',
  ]);
  const ways = fit.ways.map(
    (way) =>
      `  ${way.label}: ${formatBytes(way.total_bytes)}, ${way.fits ? `fits with ${formatBytes(way.spare_bytes)} to spare` : 'does not fit'}`,
  );
  return [
    fit.verdict,
    '',
    formatTable(
      ['part', 'low', 'expected', 'high'],
      [...parts, ['Total', formatBytes(low), formatBytes(total), formatBytes(high)]],
    ),
    '',
    formatTable(['place', 'needed', 'free', ''], places),
    '',
    `Largest context: ${fit.max_context_length ?? '—'}. Most requests at once: ${fit.max_parallel ?? '—'}.`,
    basisOf(fit),
    ...(ways.length === 0 ? [] : ['Other ways to make it fit:', ...ways]),
    ...fit.assumptions,
  ].join('\n');
}

function basisOf({ learned }: Fit): string {
  if (learned === null)
    return 'Basis: calculated; this engine has not reported this model with these settings yet.';
  const off = learned.last_error_percent;
  const error =
    off === null ? '' : `; the last calculation was ${Math.abs(off)} % ${off >= 0 ? 'high' : 'low'}`;
  return `Basis: measured here ${learned.measurements === 1 ? 'once' : `${learned.measurements} times`} with ${learned.engine}${error}.`;
}
