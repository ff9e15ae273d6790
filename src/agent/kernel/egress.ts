import { lookup } from 'node:dns/promises';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Agent, Pool, type buildConnector } from 'undici';
import { AppError } from '../../shared/contract/index.ts';
import type { Clock } from './clock.ts';
import type { Profile } from './profile.ts';

/**
 * Every connection the agent opens is opened here; a lint rule forbids `fetch`, `node:http`, `node:net` and undici
 * everywhere else in the agent. Offline, the destination named in the request decides, so a proxy on loopback does
 * not pass; a name is resolved once, and the connection goes to the address that was judged.
 */
export type EgressPurpose = 'runtime' | 'docker' | 'hub' | 'provider' | 'federation' | 'image_pull';

/** Purposes that mean the internet wherever their host is: refused offline as such. */
const INTERNET_PURPOSES: ReadonlySet<EgressPurpose> = new Set([
  'hub',
  'provider',
  'federation',
  'image_pull',
]);

export interface Destination {
  readonly purpose: EgressPurpose;
  /** `scheme://host[:port]`. */
  readonly origin: string;
}

export interface EgressFacts {
  readonly profile: Profile;
  /** Origins that are allowed offline. */
  readonly allowedPeers: readonly string[];
}

export type EgressVerdict = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** Pure. Whether a destination may be reached under a profile. */
export function decideEgress(
  { purpose, origin }: Destination,
  { profile, allowedPeers }: EgressFacts,
): EgressVerdict {
  if (profile === 'online' || allowedPeers.includes(origin)) return { ok: true };
  if (INTERNET_PURPOSES.has(purpose))
    return { ok: false, reason: `${purpose} is refused while this node is offline` };
  const { hostname } = new URL(origin);
  if (hostname === 'localhost' || isLoopback(hostname.replace(/^\[|\]$/g, ''))) return { ok: true };
  return { ok: false, reason: `${hostname} is beyond this machine` };
}

/** 127.0.0.0/8, ::1, and ::1 written as a mapped address. */
export function isLoopback(address: string): boolean {
  if (isIP(address) === 4) return address.startsWith('127.');
  const lower = address.toLowerCase();
  return lower === '::1' || lower.startsWith('::ffff:127.');
}

export interface RefusedAttempt {
  readonly at: number;
  readonly purpose: EgressPurpose;
  readonly host: string;
  readonly reason: string;
}

const KEPT_ATTEMPTS = 200;

export class Egress {
  readonly #facts: () => EgressFacts;
  readonly #clock: Clock;
  readonly #refused: RefusedAttempt[] = [];
  readonly #onRefused = new Set<() => void>();
  #refusedCount = 0;

  constructor(facts: () => EgressFacts, clock: Clock) {
    this.#facts = facts;
    this.#clock = clock;
  }

  get refusedCount(): number {
    return this.#refusedCount;
  }

  /** The latest, newest first. */
  get refusedAttempts(): readonly RefusedAttempt[] {
    return this.#refused;
  }

  onRefused(listener: () => void): () => void {
    this.#onRefused.add(listener);
    return () => this.#onRefused.delete(listener);
  }

  /** Asks before connecting. @throws {AppError} `runtime_profile_blocks_internet`; the attempt is counted. */
  assertAllowed(destination: Destination): void {
    const verdict = decideEgress(destination, this.#facts());
    if (verdict.ok) return;
    const { host } = new URL(destination.origin);
    this.noteRefused({ purpose: destination.purpose, host, reason: verdict.reason });
    throw new AppError('runtime_profile_blocks_internet', `Nothing was sent to ${host}: ${verdict.reason}.`, {
      details: { host, purpose: destination.purpose },
    });
  }

  /**
   * Counts an attempt that a rule refused before anybody came to a connection: a cloud model that was activated, tested
   * or called while the node is offline. `assertAllowed` counts its own.
   * @param attempt `host` as in a URL, with the port where it is not the usual one; no path and no secret
   */
  noteRefused(attempt: Omit<RefusedAttempt, 'at'>): void {
    this.#refusedCount += 1;
    this.#refused.unshift({ at: this.#clock.now(), ...attempt });
    this.#refused.length = Math.min(this.#refused.length, KEPT_ATTEMPTS);
    for (const listener of this.#onRefused) listener();
  }

  /** A pool of connections to one Unix socket or named pipe: never leaves the machine, so it is not asked. */
  localPool(socketPath: string, connections: number): Pool {
    return new Pool('http://runtime', {
      connect: { socketPath },
      connections,
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 60_000,
    });
  }

  /** A pool to one TCP origin: judged now and again at every new connection. */
  originPool(destination: Destination, connections: number): Pool {
    this.assertAllowed(destination);
    return new Pool(destination.origin, {
      connect: (options, callback) => this.#connect(destination, options, callback),
      connections,
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** A dispatcher for requests to any origin of one purpose. */
  dispatcher(purpose: EgressPurpose): Agent {
    return new Agent({
      connect: (options, callback) => {
        const port = options.port === '' ? '' : `:${options.port}`;
        this.#connect(
          { purpose, origin: `${options.protocol}//${options.hostname}${port}` },
          options,
          callback,
        );
      },
    });
  }

  #connect(
    destination: Destination,
    {
      hostname,
      port,
      protocol,
      servername,
    }: { hostname: string; port: string; protocol: string; servername?: string },
    callback: buildConnector.Callback,
  ): void {
    const secure = protocol === 'https:';
    const number = port === '' ? (secure ? 443 : 80) : Number(port);
    const bare = hostname.replace(/^\[|\]$/g, '');
    const open = async (): Promise<Socket> => {
      this.assertAllowed(destination);
      const address = isIP(bare) === 0 ? (await lookup(bare)).address : bare;
      return secure
        ? connectTls({
            host: address,
            port: number,
            servername: servername ?? bare,
            ALPNProtocols: ['http/1.1'],
          })
        : connectTcp({ host: address, port: number });
    };
    open().then(
      (socket) => {
        const failed = (error: Error): void => callback(error, null);
        socket.once('error', failed);
        socket.once(secure ? 'secureConnect' : 'connect', () => {
          socket.off('error', failed);
          socket.setNoDelay(true);
          callback(null, socket);
        });
      },
      (error: Error) => callback(error, null),
    );
  }
}
