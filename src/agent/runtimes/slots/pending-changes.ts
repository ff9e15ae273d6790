import { canonicalJson } from '../../catalog/index.ts';

/** What a runtime was started with, as far as a person can change it. Kept with its attempt. */
export interface RuntimeSettings {
  readonly runtime_spec: string;
  readonly gpu_ids: readonly string[];
  readonly config: Readonly<Record<string, unknown>>;
}

/** The names of settings that are wished for otherwise than a runtime has them. Pure. */
export function pendingChanges(has: RuntimeSettings, wanted: RuntimeSettings): string[] {
  const keys = new Set([...Object.keys(has.config), ...Object.keys(wanted.config)]);
  const changed = [...keys].filter((key) => !same(has.config[key], wanted.config[key]));
  if (has.runtime_spec !== wanted.runtime_spec) changed.push('runtime_spec');
  if (!same(has.gpu_ids, wanted.gpu_ids)) changed.push('gpu_ids');
  return changed.toSorted();
}

function same(a: unknown, b: unknown): boolean {
  return canonicalJson(a ?? null) === canonicalJson(b ?? null);
}
