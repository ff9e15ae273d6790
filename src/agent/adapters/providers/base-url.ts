import { AppError, type ProviderSlug } from '../../../shared/contract/index.ts';
import { isAllowable } from '../../kernel/address-rules.ts';

const DEFAULTS: Partial<Record<ProviderSlug, string>> = {
  openai: 'https://api.openai.com/v1',
  anthropic: 'https://api.anthropic.com/v1',
};

/**
 * The base address of a provider: what was given, or the provider's own. Lower-case host, no slash at the end. Pure.
 * @throws {AppError} `invalid_argument` naming `api_base_url`.
 */
export function baseUrlOf(provider: ProviderSlug, given: string | undefined): string {
  const text = given?.trim() ?? DEFAULTS[provider];
  if (text === undefined) throw refused(`A credential of ${provider} needs its base address.`);
  const url = URL.parse(text);
  if (url === null || !/^https?:\/\//i.test(text))
    throw refused('The base address is no http or https address.');
  if (url.username !== '' || url.password !== '')
    throw refused('The base address carries a name or a password; the key has a field of its own.');
  if (text.includes('?') || text.includes('#'))
    throw refused('The base address ends with its path: no "?" and no "#".');
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}

/** @throws {AppError} `invalid_argument` naming `allowed_ranges`, for what is no range of private addresses. */
export function assertRanges(ranges: readonly string[]): void {
  const wrong = ranges.find((range) => !isAllowable(range));
  if (wrong === undefined) return;
  throw new AppError(
    'invalid_argument',
    `${JSON.stringify(wrong.slice(0, 64))} is no range of private addresses like 10.0.0.0/8 or fd00::/8.`,
    {
      hint: 'Public addresses need no range. Name the part of the network the provider lies in, in CIDR notation.',
      details: { fields: ['allowed_ranges'] },
    },
  );
}

function refused(message: string): AppError {
  return new AppError('invalid_argument', message, {
    hint: 'Give it like https://host/v1, with the version as part of the path.',
    details: { fields: ['api_base_url'] },
  });
}
