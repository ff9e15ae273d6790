import { AppError } from '../shared/contract/index.ts';

/**
 * A page of another site must not reach the agent through the browser of whoever sits at this machine: neither by a
 * name that resolves to loopback (DNS rebinding, seen in Host) nor by a plain cross-site request (seen in Origin).
 */
export interface OriginRules {
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
}

const DESKTOP_ORIGIN = 'app://modelops';
const LOOPBACK_NAMES = new Set(['127.0.0.1', 'localhost', '[::1]']);

function hostName(host: string): string {
  return host.toLowerCase().replace(/:\d+$/, '');
}

/** @throws {AppError} `forbidden`. */
export function assertSameSite(
  host: string | undefined,
  origin: string | undefined,
  rules: OriginRules,
): void {
  const name = host === undefined ? '' : hostName(host);
  const known =
    LOOPBACK_NAMES.has(name) ||
    rules.allowedHosts.some(
      (allowed) => allowed.toLowerCase() === name || allowed.toLowerCase() === host?.toLowerCase(),
    );
  if (host === undefined || !known) {
    throw new AppError('forbidden', `This agent is not called ${host ?? 'that'}.`, {
      hint: 'Use http://127.0.0.1, or start the agent with --allowed-host and the name that clients use.',
      details: { host: host ?? null },
    });
  }
  if (origin === undefined || origin === DESKTOP_ORIGIN || rules.allowedOrigins.includes(origin)) return;
  const same =
    origin.toLowerCase() === `http://${host.toLowerCase()}` ||
    origin.toLowerCase() === `https://${host.toLowerCase()}`;
  if (same) return;
  throw new AppError('forbidden', `Pages of ${origin} may not call this agent.`, {
    hint: 'Add the origin to allowed_origins in the configuration if you trust it.',
    details: { origin },
  });
}
