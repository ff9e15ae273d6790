import type { ModelFiles } from '../../artifacts/index.ts';
import { ggufHeader, ggufText, readmeFrontMatter } from './model-texts.ts';
import type { Finding, Validator } from './validator.ts';

interface Licence {
  /** An SPDX id or the Hub's name, lower-case; null when only the text is there and nobody knows it. */
  readonly id: string | null;
  readonly name: string | null;
  readonly where: string;
  /** The publisher gives the files out only after somebody agreed to terms. */
  readonly gated: boolean;
}

/** Free to use for anything, with attribution at most. */
const FREE =
  /^(apache-2\.0|mit|mit-0|isc|bsd(-\d-clause.*)?|bsl-1\.0|cc0-1\.0|cc-by-[234]\.\d|unlicense|zlib|wtfpl|afl-3\.0|ms-pl|artistic-2\.0|ecl-2\.0|odc-by|pddl|postgresql|ncsa)$/;
const SHARE_ALIKE = /^(a?gpl|lgpl|mpl|epl|eupl|osl|cc-by-sa|odbl|cecill)/;
const NON_COMMERCIAL = /(^|-)nc(-|$)|non-?commercial|research|cc-by-nd/;

const LICENCE_TEXTS: readonly (readonly [RegExp, string])[] = [
  [/non-?commercial/i, 'non-commercial'],
  [/Apache License\s+Version 2\.0/i, 'apache-2.0'],
  [/Permission is hereby granted, free of charge/i, 'mit'],
  [/Redistribution and use in source and binary forms/i, 'bsd'],
  [/LLAMA[\w. ]* COMMUNITY LICENSE/i, 'llama'],
  [/GNU AFFERO GENERAL PUBLIC LICENSE/i, 'agpl'],
  [/GNU GENERAL PUBLIC LICENSE/i, 'gpl'],
  [/Creative Commons Attribution 4\.0/i, 'cc-by-4.0'],
];

/** What the model may be used for, as its files say. Told only: whether that suits is for people to decide. */
export const licence: Validator = {
  kind: 'licence',
  title: 'Licence',
  description: 'What the files say about the licence, and whether access to them is gated.',
  required: false,
  hosting: ['local'],
  applies: () => true,
  run: async ({ files }, signal) => judge(await findLicence(files, signal)),
};

function judge(found: Licence | null): Finding {
  if (found === null)
    return {
      result: 'warning',
      summary: 'The files do not say under which licence the model may be used.',
      details: { licence: null, reason: 'unknown' },
    };
  const { id, name, where, gated } = found;
  const shown = name ?? id ?? 'a licence of its own';
  const details = { licence: id, licence_name: name, source: where, gated };
  const agreed = gated ? ' Its publisher gives it out only to those who agreed to terms.' : '';
  const warn = (reason: string, sentence: string): Finding => ({
    result: 'warning',
    summary: `${sentence}${agreed}`,
    details: { ...details, reason },
  });
  if (id === null || id === 'other' || id === 'unknown')
    return warn('unknown', `Its licence (${shown}, from ${where}) is not a known one; read its terms.`);
  if (NON_COMMERCIAL.test(id))
    return warn(
      'non_commercial',
      `${shown} does not allow every use: commercial use or changes are excluded.`,
    );
  if (SHARE_ALIKE.test(id))
    return warn('share_alike', `${shown} asks that what is made from it is passed on under the same terms.`);
  if (!FREE.test(id)) return warn('own_terms', `${shown} has terms of its own; read them before use.`);
  if (gated) return warn('gated', `${shown}, as ${where} says.`);
  return { result: 'success', summary: `${shown}, as ${where} says.`, details };
}

async function findLicence(files: ModelFiles, signal: AbortSignal): Promise<Licence | null> {
  const readme = await readmeFrontMatter(files, signal);
  const gated =
    readme !== null &&
    (isGate(readme['gated']) || Object.keys(readme).some((key) => key.startsWith('extra_gated_')));
  const stated = text(readme?.['license']);
  if (stated !== null)
    return {
      id: stated.toLowerCase(),
      name: text(readme?.['license_name']) ?? (stated.toLowerCase() === 'other' ? null : stated),
      where: 'the README',
      gated,
    };
  const header = await ggufHeader(files, signal);
  const inHeader = ggufText(header, 'general.license');
  if (inHeader !== null)
    return {
      id: inHeader.trim().toLowerCase().slice(0, 100),
      name: (ggufText(header, 'general.license.name') ?? inHeader).trim().slice(0, 100),
      where: 'the GGUF header',
      gated,
    };
  return fromFile(files, gated, signal);
}

async function fromFile(files: ModelFiles, gated: boolean, signal: AbortSignal): Promise<Licence | null> {
  const file = files.list.find((one) => /^(licen[cs]e|copying|use_policy)([._-].*)?$/i.test(one.path));
  if (file === undefined) return gated ? { id: null, name: null, where: 'the README', gated } : null;
  const start = (await files.head(file, 20_000, signal)).toString('utf8');
  const known = LICENCE_TEXTS.find(([pattern]) => pattern.test(start));
  return { id: known?.[1] ?? null, name: null, where: file.path, gated };
}

/** The Hub writes `false`, `true`, `auto` or `manual`. */
function isGate(value: unknown): boolean {
  return value === true || value === 'auto' || value === 'manual';
}

function text(value: unknown): string | null {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' && first.trim() !== '' ? first.trim().slice(0, 100) : null;
}
