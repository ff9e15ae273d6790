import type { RuntimeSpec } from './spec.ts';

export interface ImageFacts {
  /** `repo[:tag][@digest]` as it was asked for. */
  readonly reference: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The version of the engine in an image, as numbers with dots, from the first place of the spec that has it; null when
 * none has. Pure. The first group of a pattern is the version, or the whole match where it has no group.
 */
export function engineVersion(spec: Pick<RuntimeSpec, 'version'>, image: ImageFacts): string | null {
  for (const source of spec.version) {
    const text =
      source.from === 'tag'
        ? tagOf(image.reference)
        : (source.from === 'label' ? image.labels : image.env)[source.name];
    const match = text === undefined ? null : new RegExp(source.pattern).exec(text);
    if (match !== null) return match[1] ?? match[0];
  }
  return null;
}

/** `v1.2` of `host:5000/repo:v1.2@sha256:...`; undefined without a tag. Pure. */
function tagOf(reference: string): string | undefined {
  const name = reference.split('@')[0]?.split('/').at(-1) ?? '';
  return name.includes(':') ? name.slice(name.indexOf(':') + 1) : undefined;
}

/** Below 0 when `a` is older than `b`. Missing parts are 0; what is no number ends a part. Pure. */
export function compareVersions(a: string, b: string): number {
  const parts = (version: string): number[] =>
    version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  const [left, right] = [parts(a), parts(b)];
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const order = (left[index] ?? 0) - (right[index] ?? 0);
    if (order !== 0) return order;
  }
  return 0;
}

/** Whether something that holds from `since` on and no more from `before` on holds; an unknown version is the newest. Pure. */
export function holdsFor(
  version: string | null,
  { since, before }: { readonly since?: string | undefined; readonly before?: string | undefined },
): boolean {
  if (version === null) return before === undefined;
  if (since !== undefined && compareVersions(version, since) < 0) return false;
  return before === undefined || compareVersions(version, before) < 0;
}
