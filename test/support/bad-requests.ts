import fc from 'fast-check';
import type { z } from 'zod';
import type { Endpoint } from '../../src/shared/contract/index.ts';

/**
 * Bad requests made from the contract: a good request of a row is built from its schemas, then one place in it is
 * spoiled. What the schemas still take after that was not bad and is not sent.
 */

interface Definition {
  readonly type: string;
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly element?: z.ZodType;
  readonly options?: readonly z.ZodType[];
  readonly innerType?: z.ZodType;
  readonly valueType?: z.ZodType;
  readonly keyType?: z.ZodType;
}

/** Values that one or the other leaf of the contract takes. */
const CANDIDATES: readonly unknown[] = [
  'alpha',
  'x',
  '1.2.0',
  '/tmp/alpha.gguf',
  '2099-01-01',
  '2099-01-01T00:00:00.000Z',
  'https://provider.example/v1',
  '10.0.0.0/8',
  '1',
  'alpha@example.com',
  1,
  16,
  0,
  1_073_741_824,
  0.5,
  true,
  null,
  {},
  [],
];

/** A value that a schema takes, with every optional key filled. @throws {Error} naming what no candidate fits. */
export function sampleOf(schema: z.ZodType, option = 0): unknown {
  const definition = (schema as unknown as { def: Definition }).def;
  const { type, shape, element, options, innerType, keyType, valueType } = definition;
  if (type === 'object' && shape !== undefined)
    return Object.fromEntries(Object.entries(shape).map(([key, inner]) => [key, sampleOf(inner, option)]));
  if (type === 'array' && element !== undefined) {
    const one = sampleOf(element, option);
    const lengths = [[one], [one, one], []];
    const fitting = lengths.find((value) => schema.safeParse(value).success);
    if (fitting !== undefined) return fitting;
  }
  if (type === 'record' && valueType !== undefined) {
    const key = ['alpha', 'ALPHA'].find((name) => keyType?.safeParse(name).success !== false) ?? 'alpha';
    return { [key]: sampleOf(valueType, option) };
  }
  if (type === 'union' && options !== undefined) return sampleOf(options[option % options.length]!, option);
  if (innerType !== undefined && type !== 'readonly') return sampleOf(innerType, option);
  const literal = (schema as unknown as { values?: Iterable<unknown> }).values;
  const enumerated = (schema as unknown as { options?: readonly unknown[] }).options;
  const known = [...(literal ?? []), ...(Array.isArray(enumerated) ? enumerated : []), ...CANDIDATES];
  const found = known.find((value) => typeof value !== 'object' && schema.safeParse(value).success);
  if (found !== undefined) return found;
  const rest = known.find((value) => schema.safeParse(value).success);
  if (rest !== undefined) return rest;
  throw new Error(`no sample for a schema of type ${type}`);
}

/** How many samples of a schema differ because a union in it has several branches. */
export function samplesOf(schema: z.ZodType): unknown[] {
  const texts = new Set([0, 1, 2].map((option) => JSON.stringify(sampleOf(schema, option))));
  return [...texts].map((text) => JSON.parse(text) as unknown);
}

type Path = readonly (string | number)[];

/** Every place in a value, the value itself included. */
function placesIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => placesIn(inner, [...path, key]))];
}

/** The value with another one in a place. */
function spoil(value: unknown, [key, ...rest]: Path, put: unknown): unknown {
  if (key === undefined) return put;
  if (Array.isArray(value))
    return value.map((inner, i) => (i === Number(key) ? spoil(inner, rest, put) : inner));
  const object = value as Record<string, unknown>;
  return { ...object, [key]: spoil(object[key], rest, put) };
}

function nested(depth: number): unknown {
  let value: unknown = 'deep';
  for (let i = 0; i < depth; i += 1) value = i % 2 === 0 ? [value] : { a: value };
  return value;
}

/** JSON values that are wrong nearly everywhere. */
const BAD_VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  Number.MAX_SAFE_INTEGER + 2,
  '',
  ' ',
  'no-such-value',
  '../../etc/passwd',
  'a/b',
  '%2e%2e%2f',
  "'; DROP TABLE models; --",
  'with\0zero',
  'half \ud800 a pair',
  'ÜNÏCODE',
  'x'.repeat(300_000),
  [],
  {},
  [[]],
  [{}],
  Array.from({ length: 10_000 }, (_, i) => i),
  Array.from({ length: 300 }, (_, i) => `id-${i}`),
  { no_such_key: 1 },
  JSON.parse('{"__proto__":{"role":"superadmin"}}'),
  { constructor: { prototype: { role: 'superadmin' } } },
];

/** Deeper than a walk by recursion goes. A function, because fast-check prints what it chose. */
function deep(): unknown {
  return nested(1500);
}

function withUnknownKey(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? { ...value, no_such_key: 1 } : { no_such_key: 1 };
}

export interface Spoiled {
  readonly sample: unknown;
  readonly path: Path;
  readonly put: unknown;
}

/** One place of a sample, and what is put there: from the list above, or any JSON. */
export function spoiled(samples: readonly unknown[]): fc.Arbitrary<Spoiled> {
  return fc.constantFrom(...samples).chain((sample) =>
    fc.record({
      sample: fc.constant(sample),
      path: fc.constantFrom(...placesIn(sample)),
      put: fc.oneof(
        { arbitrary: fc.constantFrom(...BAD_VALUES), weight: 8 },
        { arbitrary: fc.jsonValue(), weight: 2 },
        { arbitrary: fc.constantFrom<unknown>(deep, withUnknownKey), weight: 3 },
      ),
    }),
  );
}

/** The spoiled value itself. */
export function valueOf({ sample, path, put }: Spoiled): unknown {
  if (typeof put !== 'function') return spoil(sample, path, put);
  const before = path.reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], sample);
  return spoil(sample, path, (put as (value: unknown) => unknown)(before));
}

/** Text that no row takes anywhere, however free the text is. */
export function isUncleanText(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('\0') || !value.isWellFormed();
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, inner]) => isUncleanText(key) || isUncleanText(inner));
}

/** Whether a row has to refuse a body. `deep` values are told apart, because walking them here would not end well. */
export function mustRefuseBody(row: Endpoint, body: unknown): boolean {
  if (isDeep(body)) return true;
  const text = JSON.stringify(body);
  // What arrives is what JSON carries.
  const arrived = text === undefined ? undefined : (JSON.parse(text) as unknown);
  if (row.kind !== 'openai' && isUncleanText(arrived)) return true;
  return row.body === undefined ? !isEmptyObject(arrived) : !row.body.safeParse(arrived).success;
}

function isEmptyObject(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0
  );
}

function isDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; depth < 200; depth += 1) {
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []));
    if (level.length === 0) return false;
    if (level.length > 100_000) return false;
  }
  return true;
}

/** Whether a refusal names the place that was spoiled, or what it lies in. */
export function names(fields: readonly string[], path: Path, section: string): boolean {
  const place = path.join('.');
  return fields.some(
    (field) =>
      field === place ||
      place.startsWith(`${field}.`) ||
      field.startsWith(`${place}.`) ||
      (place === '' && field !== '') ||
      field === section,
  );
}
