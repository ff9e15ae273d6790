import { KV_CACHE_TYPES, type SlotConfig } from '../../../../shared/contract/index.ts';
import { formatBytes, formatCount, parseBytes, parseCount } from '../../../parts/format.ts';
import { t } from '../../../strings/text.ts';

/** The settings of a slot as text that people type, and back. Pure. */

export type Kind = 'count' | 'bytes' | 'number' | 'text' | 'layers' | 'switch' | 'choice' | 'lines' | 'pairs';

export interface Setting {
  readonly key: keyof SlotConfig;
  readonly kind: Kind;
  readonly choices?: readonly string[];
}

/** In the order of the editor: what decides about memory first. */
export const SETTINGS: readonly Setting[] = [
  { key: 'context_length', kind: 'count' },
  { key: 'parallel', kind: 'count' },
  { key: 'kv_cache_type', kind: 'choice', choices: KV_CACHE_TYPES },
  { key: 'gpu_layers', kind: 'layers' },
  { key: 'gpu_memory_utilization', kind: 'number' },
  { key: 'tensor_parallel_size', kind: 'count' },
  { key: 'flash_attention', kind: 'choice', choices: ['auto', 'on', 'off'] },
  { key: 'dtype', kind: 'text' },
  { key: 'quantization', kind: 'text' },
  { key: 'kv_cache_memory_bytes', kind: 'bytes' },
  { key: 'batch_size', kind: 'count' },
  { key: 'ubatch_size', kind: 'count' },
  { key: 'max_num_batched_tokens', kind: 'count' },
  { key: 'enforce_eager', kind: 'switch' },
  { key: 'trust_remote_code', kind: 'switch' },
  { key: 'threads', kind: 'count' },
  { key: 'shm_bytes', kind: 'bytes' },
  { key: 'memory_limit_bytes', kind: 'bytes' },
  { key: 'image', kind: 'text' },
  { key: 'port', kind: 'count' },
  { key: 'env', kind: 'pairs' },
  { key: 'extra_args', kind: 'lines' },
];

export type Texts = Readonly<Record<string, string>>;

/** What is set in this slot, as text. */
export function textsOf(config: SlotConfig, settings: readonly Setting[] = SETTINGS): Texts {
  return Object.fromEntries(
    settings.flatMap(({ key }) => {
      const value = config[key];
      return value === undefined ? [] : [[key, textOf(value)]];
    }),
  );
}

function textOf(value: NonNullable<SlotConfig[keyof SlotConfig]>): string {
  if (Array.isArray(value)) return value.join('\n');
  if (typeof value === 'object')
    return Object.entries(value)
      .map(([name, text]) => `${name}=${text}`)
      .join('\n');
  return String(value);
}

/** The settings again; what is empty comes from elsewhere. */
export function configOf(
  config: SlotConfig,
  texts: Texts,
  settings: readonly Setting[] = SETTINGS,
): SlotConfig {
  const next: Record<string, unknown> = { ...config };
  for (const { key, kind } of settings) {
    const text = (texts[key] ?? '').trim();
    if (text === '') delete next[key];
    else next[key] = valueOf(kind, text);
  }
  return next;
}

function valueOf(kind: Kind, text: string): unknown {
  switch (kind) {
    case 'count':
      return parseCount(text);
    case 'bytes':
      return parseBytes(text);
    case 'number':
      return Number(text);
    case 'layers':
      return text === 'all' || text === 'auto' ? text : parseCount(text);
    case 'switch':
      return text === 'true';
    case 'lines':
      return linesOf(text);
    case 'pairs':
      return Object.fromEntries(
        linesOf(text).map((line) => {
          const at = line.indexOf('=');
          return [line.slice(0, at), line.slice(at + 1)];
        }),
      );
    case 'text':
    case 'choice':
      return text;
  }
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}

const VARIABLE = /^[A-Z_][A-Z0-9_]{0,127}=/;

/** Why a text cannot be taken, or null. */
export function problemOf({ kind }: Setting, text: string): string | null {
  if (text.trim() === '') return null;
  switch (kind) {
    case 'count':
      return parseCount(text) === null ? t('config.notCount') : null;
    case 'bytes':
      return parseBytes(text) === null ? t('config.notBytes') : null;
    case 'layers':
      return text !== 'all' && text !== 'auto' && parseCount(text) === null ? t('config.notLayers') : null;
    case 'number':
      return Number(text) > 0 && Number(text) <= 1 ? null : t('config.notShare');
    case 'pairs':
      return linesOf(text).every((line) => VARIABLE.test(line)) ? null : t('config.notPairs');
    case 'switch':
    case 'lines':
    case 'text':
    case 'choice':
      return null;
  }
}

/** A change of settings by somebody else's advice, as text; null takes a setting away. */
export function withPatch(texts: Texts, patch: Readonly<Record<string, unknown>>): Texts {
  const next: Record<string, string> = { ...texts };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null || value === undefined) delete next[key];
    else next[key] = textOf(value as NonNullable<SlotConfig[keyof SlotConfig]>);
  }
  return next;
}

/** A text as people read it: `65536` as `65,536`. What is no number stays. */
export function shown(kind: Kind, value: string): string {
  if (kind === 'bytes') return isExact(value) ? formatBytes(parseBytes(value)) : value;
  if (kind !== 'count' && kind !== 'layers') return value;
  const count = parseCount(value);
  return count === null ? value : formatCount(count);
}

/** `64k` as `65536`, the way it is stored. */
export function plain(kind: Kind, value: string): string {
  const meant =
    kind === 'bytes' ? parseBytes(value) : kind === 'count' || kind === 'layers' ? parseCount(value) : null;
  return meant === null ? value : String(meant);
}

/** Whether three digits tell it without loss. */
function isExact(value: string): boolean {
  const bytes = parseBytes(value);
  return bytes !== null && parseBytes(formatBytes(bytes)) === bytes;
}
