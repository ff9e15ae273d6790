/** The page's own address, and what it may reach from there. Pure. */

export const APP_SCHEME = 'app';
export const APP_ORIGIN = 'app://modelops';
/** The scheme of links that other programs follow: `modelops://<path of the page>`. */
export const LINK_SCHEME = 'modelops';

const APP_HOST = 'modelops';
const MAX_LINK_LENGTH = 2048;
/** How long after a click or a key a page may still act on it, as browsers have it. */
const GESTURE_MS = 5000;

function parse(url: string): URL | null {
  return URL.canParse(url) ? new URL(url) : null;
}

export function isAppUrl(url: string): boolean {
  const parsed = parse(url);
  return (
    parsed !== null &&
    parsed.protocol === `${APP_SCHEME}:` &&
    parsed.host === APP_HOST &&
    parsed.username === '' &&
    parsed.password === ''
  );
}

/** Whether a path belongs to the agent and not to the page's files. */
export function isAgentPath(pathname: string): boolean {
  return pathname === '/v1' || pathname.startsWith('/v1/') || pathname === '/healthz';
}

/** Where a window may go. The agent's answers are data, never a page. */
export function isNavigationAllowed(url: string): boolean {
  const parsed = parse(url);
  return isAppUrl(url) && parsed !== null && !isAgentPath(parsed.pathname);
}

/** What a page may load or call, online and offline alike. Developer tools are part of an app that is not packaged. */
export function isPageRequestAllowed(url: string, isPackaged: boolean): boolean {
  if (isAppUrl(url)) return true;
  if (url.startsWith(`blob:${APP_ORIGIN}/`) || url.startsWith('data:')) return true;
  return !isPackaged && (url.startsWith('devtools:') || url.startsWith('chrome-extension:'));
}

export interface ExternalRequest {
  readonly url: string;
  /** Since the last click or key in the page; null when there was none. */
  readonly msSinceInput: number | null;
  readonly profile: 'online' | 'offline' | null;
}

/**
 * Whether a link may be handed to the system's browser: https, wanted by a person, and only while the node may speak
 * to the world at all; a profile that nobody told us counts as offline.
 */
export function mayOpenExternal({ url, msSinceInput, profile }: ExternalRequest): boolean {
  const parsed = parse(url);
  if (parsed === null || parsed.protocol !== 'https:') return false;
  if (parsed.username !== '' || parsed.password !== '') return false;
  return profile === 'online' && msSinceInput !== null && msSinceInput <= GESTURE_MS;
}

/**
 * The page's path that a `modelops://` link names. A link opens a page and does nothing else: what would reach the
 * agent, or sign somebody in, is no such link.
 * @returns null when it is not one.
 */
export function pathOfLink(link: string): string | null {
  const rest = /^modelops:(.*)$/i.exec(link)?.[1];
  if (rest === undefined || link.length > MAX_LINK_LENGTH) return null;
  const url = parse(`${APP_ORIGIN}/${rest.replace(/^[\\/]+/, '')}`);
  if (url === null || url.host !== APP_HOST || isAgentPath(url.pathname)) return null;
  const pathname = url.pathname === '/' ? '/' : url.pathname.replace(/\/+$/, '');
  const hash = /^#code(=|$)/i.test(url.hash) ? '' : url.hash;
  return `${pathname}${url.search}${hash}`;
}

/** The link among the arguments of a start, as Windows and Linux hand it over. */
export function linkAmong(argv: readonly string[]): string | null {
  return argv.find((argument) => argument.toLowerCase().startsWith(`${LINK_SCHEME}:`)) ?? null;
}

/** Whether a path from the page may be shown in the file manager: a local one, so that no server is asked for it. */
export function isLocalAbsolutePath(path: unknown, platform: NodeJS.Platform): path is string {
  if (typeof path !== 'string' || path.includes('\0')) return false;
  return platform === 'win32' ? /^[a-z]:[\\/]/i.test(path) : path.startsWith('/');
}
