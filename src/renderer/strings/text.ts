import IntlMessageFormat, { type FormatXMLElementFn } from 'intl-messageformat';
import type { ReactNode } from 'react';
import { en } from './en/index.ts';
import { LOCALE } from './locale.ts';

export type TextKey = keyof typeof en;
export type TextValues = Readonly<Record<string, string | number>>;

const compiled = new Map<TextKey, IntlMessageFormat>();

function message(key: TextKey): IntlMessageFormat {
  let found = compiled.get(key);
  if (found === undefined) {
    found = new IntlMessageFormat(en[key], LOCALE);
    compiled.set(key, found);
  }
  return found;
}

/**
 * A whole sentence or label of the catalogue with its values filled in.
 * @throws when a value that the message names is missing: a hole in a sentence is a bug, not a style.
 */
export function t(key: TextKey, values?: TextValues): string {
  // Most are plain; the formatter is for those with holes.
  const text: string = en[key];
  if (values === undefined && !text.includes('{')) return text;
  return String(message(key).format<string>({ ...values }));
}

/** The same with elements inside: values may be nodes, and `<tag>` in the message calls the function of that name. */
export function rich(
  key: TextKey,
  values: Readonly<Record<string, ReactNode | ((parts: ReactNode[]) => ReactNode)>>,
): ReactNode {
  const parts = message(key).format<ReactNode>(
    values as Record<string, ReactNode | FormatXMLElementFn<ReactNode>>,
  );
  return parts;
}

/** The text under a key that is made at run time, or null when the catalogue has none. */
export function known(key: string, values?: TextValues): string | null {
  return Object.hasOwn(en, key) ? t(key as TextKey, values) : null;
}
