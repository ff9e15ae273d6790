import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Agent, Pool, type buildConnector, type Dispatcher } from 'undici';
import { AppError } from '../../shared/contract/index.ts';
import { isInRanges, isPublic, isRange, judgeAddress } from './address-rules.ts';
import type { Clock } from './clock.ts';
import {
  bareHost,
  ConnectFailed,
  established,
  originOf,
  portOf,
  secured,
  timedOut,
  tunnel,
  type ConnectOptions,
} from './dial.ts';
import type { Profile } from './profile.ts';

/**
 * Every connection the agent opens is opened here; a lint rule forbids `fetch`, `node:http`, `node:net` and undici
 * everywhere else in the agent. Offline, the destination named in the request decides, so a proxy on loopback does
 * not pass; a name is resolved once, and the connection goes to the address that was judged. Destinations that a user
 * named (`request`) are judged by address as well, and their redirects are never followed.
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

/** Where a runtime that a driver started listens. Drivers alone make these. */
export type RuntimeAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | {
      readonly kind: 'tcp';
      /** An address of this machine or of a container network; never a name. */
      readonly host: string;
      readonly port: number;
      /** What the engine asks for as a bearer key; null when it asks for none. */
      readonly key: string | null;
    };

/** For people: a path, or a URL. Pure. */
export function runtimeAddressText(address: RuntimeAddress): string {
  if (address.kind === 'unix') return address.path;
  return `http://${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
}

export interface EgressFacts {
  readonly profile: Profile;
  /** Origins that are allowed offline, and wherever their address is. */
  readonly allowedPeers: readonly string[];
  readonly proxy?: ProxySettings;
}

/** `HTTPS_PROXY` and `NO_PROXY`. */
export interface ProxySettings {
  readonly httpsProxy: string | null;
  readonly noProxy: readonly string[];
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

/**
 * Pure. The proxy a destination is reached through, or null. Only https to a name or a public address goes through one:
 * what a private address is, the proxy would judge from another place of the network.
 */
export function proxyFor(origin: string, proxy: ProxySettings | undefined): string | null {
  const { protocol, hostname, port } = new URL(origin);
  const host = bareHost(hostname);
  if (proxy === undefined || proxy.httpsProxy === null || protocol !== 'https:') return null;
  if (host === 'localhost' || (isIP(host) !== 0 && !isPublic(host))) return null;
  const excepted = proxy.noProxy.some((entry) => {
    if (entry === '*') return true;
    if (isRange(entry)) return isInRanges(host, [entry]);
    const [, name = '', only] = /^\*?\.?(.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
    if (only !== undefined && only !== (port === '' ? '443' : port)) return false;
    return name !== '' && (host === name || host.endsWith(`.${name}`));
  });
  return excepted ? null : proxy.httpsProxy;
}

/** A request to an origin that a user named. */
export interface GuardedRequest extends Omit<Dispatcher.RequestOptions, 'origin'> {
  /** Ranges of non-public addresses that were allowed for it, in CIDR notation. */
  readonly allowedRanges: readonly string[];
}

const CONNECT_MS = 10_000;
/** Where container engines take the addresses of their networks from. */
const CONTAINER_RANGES = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'];

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
  readonly #resolve: (name: string) => Promise<readonly LookupAddress[]>;
  readonly #refused: RefusedAttempt[] = [];
  readonly #onRefused = new Set<() => void>();
  /** Connections to origins that users named, by the ranges allowed for them. */
  readonly #guarded = new Map<string, Agent>();
  #refusedCount = 0;

  /** @param resolve all addresses of a name; the system's resolver unless told otherwise. */
  constructor(
    facts: () => EgressFacts,
    clock: Clock,
    resolve: (name: string) => Promise<readonly LookupAddress[]> = (name) => lookup(name, { all: true }),
  ) {
    this.#facts = facts;
    this.#clock = clock;
    this.#resolve = resolve;
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

  /** Whether a destination may be reached now. Nothing is counted: for those who wait until it may. */
  allows(destination: Destination): boolean {
    return decideEgress(destination, this.#facts()).ok;
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

  /**
   * A pool of connections to one runtime: a Unix socket, a named pipe, or the very address and port that its container
   * has. Whatever a request names, nothing else is connected to, so it never leaves the machine and is not asked.
   * @throws {AppError} `forbidden` for an address that no container of this machine can have.
   */
  runtimePool(address: RuntimeAddress, connections: number): Pool {
    const options = {
      connections,
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 60_000,
    };
    if (address.kind === 'unix')
      return new Pool('http://runtime', { ...options, connect: { socketPath: address.path } });
    const { host, port, key } = address;
    if (isIP(host) === 0 || !(isLoopback(host) || isInRanges(host, CONTAINER_RANGES))) {
      throw new AppError('forbidden', `Nothing was sent to ${host}: it is no address of a container.`, {
        details: { host, purpose: 'runtime' },
      });
    }
    const connect: buildConnector.connector = (_options, callback) => {
      established(connectTcp({ host, port }), false).then(
        (socket) => {
          socket.setNoDelay(true);
          callback(null, socket);
        },
        (error: Error) => callback(error, null),
      );
    };
    return key === null
      ? new Pool('http://runtime', { ...options, connect })
      : new KeyedPool('http://runtime', { ...options, connect }, key);
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
      connect: (options, callback) =>
        this.#connect({ purpose, origin: originOf(options) }, options, callback),
    });
  }

  /**
   * A request to an origin that a user named. Redirects come back as they are; times are the caller's to watch.
   * @throws {AppError} `runtime_profile_blocks_internet`; `forbidden` for an address that is not public and not allowed.
   * @throws {ConnectFailed} when no connection came about.
   */
  async request(destination: Destination, request: GuardedRequest): Promise<Dispatcher.ResponseData> {
    this.assertAllowed(destination);
    const { allowedRanges, ...options } = request;
    return this.#guardedAgent(destination.purpose, allowedRanges).request({
      ...options,
      origin: destination.origin,
    });
  }

  /** Cuts the connections that the profile does not allow any more. */
  async dropForbidden(): Promise<void> {
    if (this.#facts().profile === 'online') return;
    const agents = [...this.#guarded.values()];
    this.#guarded.clear();
    const reason = new AppError('runtime_profile_blocks_internet', 'This node went offline.');
    await Promise.all(agents.map((agent) => agent.destroy(reason)));
  }

  async close(): Promise<void> {
    const agents = [...this.#guarded.values()];
    this.#guarded.clear();
    await Promise.all(agents.map((agent) => agent.destroy()));
  }

  #guardedAgent(purpose: EgressPurpose, allowedRanges: readonly string[]): Agent {
    const key = [purpose, ...allowedRanges].join(' ');
    let agent = this.#guarded.get(key);
    if (agent === undefined) {
      agent = new Agent({
        connect: (options, callback) =>
          this.#connect({ purpose, origin: originOf(options) }, options, callback, allowedRanges),
        pipelining: 1,
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      this.#guarded.set(key, agent);
    }
    return agent;
  }

  #connect(
    destination: Destination,
    options: ConnectOptions,
    callback: buildConnector.Callback,
    allowedRanges?: readonly string[],
  ): void {
    const opened =
      allowedRanges === undefined
        ? this.#open(destination, options)
        : this.#openGuarded(destination, options, allowedRanges);
    opened.then(
      (socket) => {
        socket.setNoDelay(true);
        callback(null, socket);
      },
      (error: Error) => callback(error, null),
    );
  }

  #addressesOf(host: string, deadline: AbortSignal): Promise<readonly LookupAddress[]> {
    const family = isIP(host);
    if (family !== 0) return Promise.resolve([{ address: host, family }]);
    const late = new Promise<never>((_resolve, reject) => {
      deadline.addEventListener('abort', () => reject(timedOut()), { once: true });
    });
    return Promise.race([this.#resolve(host), late]);
  }

  /** To a destination that the agent itself names. */
  async #open(destination: Destination, options: ConnectOptions): Promise<Socket> {
    this.assertAllowed(destination);
    const host = bareHost(options.hostname);
    const address = isIP(host) === 0 ? (await lookup(host)).address : host;
    const port = portOf(options);
    const secure = options.protocol === 'https:';
    const socket = secure
      ? connectTls({
          host: address,
          port,
          servername: options.servername ?? host,
          ALPNProtocols: ['http/1.1'],
        })
      : connectTcp({ host: address, port });
    return established(socket, secure);
  }

  /** To a destination that a user named: each address of the name is judged, and only allowed ones are connected to. */
  async #openGuarded(
    destination: Destination,
    options: ConnectOptions,
    allowedRanges: readonly string[],
  ): Promise<Socket> {
    this.assertAllowed(destination);
    const host = bareHost(options.hostname);
    const port = portOf(options);
    const secure = options.protocol === 'https:';
    const { allowedPeers, proxy } = this.#facts();
    const through = proxyFor(destination.origin, proxy);
    const deadline = AbortSignal.timeout(CONNECT_MS);
    const open = async (): Promise<Socket> => {
      if (through !== null)
        return established(secured(await tunnel(through, host, port, deadline), host), true, deadline);
      const isPeer = allowedPeers.includes(destination.origin);
      const answers = (await this.#addressesOf(host, deadline)).map((answer) => ({
        ...answer,
        verdict: judgeAddress(answer.address, { allowedRanges, isPeer, secure }),
      }));
      const addresses = answers.filter(({ verdict }) => verdict.ok);
      const refused = answers.find(({ verdict }) => !verdict.ok)?.verdict;
      if (addresses.length === 0 && refused?.ok === false) throw addressRefusal(destination, refused);
      const judged: LookupFunction = (_name, wanted, callback) => {
        const [first] = addresses;
        if (wanted.all === true)
          callback(
            null,
            addresses.map(({ address, family }) => ({ address, family })),
          );
        else callback(null, first?.address ?? '', first?.family ?? 4);
      };
      const tcp = await established(
        connectTcp({ host, port, lookup: judged, autoSelectFamily: true }),
        false,
        deadline,
      );
      return secure ? established(secured(tcp, host), true, deadline) : tcp;
    };
    return open().catch((error: unknown) => {
      throw error instanceof AppError ? error : new ConnectFailed(host, error);
    });
  }
}

/** Sends a key with every request, whoever makes it. */
class KeyedPool extends Pool {
  readonly #authorization: string;

  constructor(origin: string, options: Pool.Options, key: string) {
    super(origin, options);
    this.#authorization = `Bearer ${key}`;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const given = new Headers();
    const headers = options.headers ?? {};
    if (Array.isArray(headers)) {
      for (let at = 0; at + 1 < headers.length; at += 2)
        given.append(headers[at] ?? '', headers[at + 1] ?? '');
    } else {
      const entries = Symbol.iterator in headers ? headers : Object.entries(headers);
      for (const [name, value] of entries as Iterable<[string, string | string[] | undefined]>)
        for (const one of value === undefined ? [] : [value].flat()) given.append(name, one);
    }
    given.set('authorization', this.#authorization);
    return super.dispatch({ ...options, headers: Object.fromEntries(given) }, handler);
  }
}

function addressRefusal(
  { origin, purpose }: Destination,
  { range, reason }: { range: string | null; reason: string },
): AppError {
  const { host } = new URL(origin);
  const details = { host, purpose, range, fields: ['api_base_url'] };
  if (range === null)
    return new AppError('forbidden', `Nothing was sent to ${host}: it is ${reason}.`, {
      hint: 'Use an https address. Over http only addresses of this network can be allowed.',
      details,
    });
  return new AppError('forbidden', `Nothing was sent to ${host}: it lies in ${range}, which is ${reason}.`, {
    hint: 'A superadmin can allow that range for the credential (allowed_ranges), or the origin in allowed_peers.',
    details,
  });
}
