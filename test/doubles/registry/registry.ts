import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HandmadeImage } from '../../support/images.ts';

/**
 * A registry that speaks the distribution protocol (`/v2/`) as far as a pull needs it: manifests by tag or digest, blobs.
 * It goes wrong on request. Docker takes registries on 127.0.0.0/8 without TLS.
 */
export type RegistryFault =
  /** Every request wants a login, and none is offered. */
  | 'unauthorized'
  /** The manifest is there, its blobs are not. */
  | 'blob-missing'
  /** Blobs end in the middle, and the connection with them. */
  | 'cut'
  /** Layers begin, and nothing more comes until `release`. */
  | 'hold'
  | 'rate-limit'
  | 'error';

/** Configurations are smaller. */
const HELD_BYTES = 10_000;

export class Registry implements AsyncDisposable {
  readonly host: string;
  readonly #server: Server;
  readonly #images = new Map<string, HandmadeImage>();
  readonly #requests: string[] = [];
  readonly #held = new Set<() => void>();
  #holding = Promise.withResolvers<void>();
  #fault: RegistryFault | null = null;

  private constructor(server: Server) {
    this.#server = server;
    this.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (request, response) => this.#answer(request, response));
  }

  static async start(): Promise<Registry> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Registry(server);
  }

  /** @param name `repository:tag` @returns the reference to pull it by */
  serve(name: string, image: HandmadeImage): string {
    this.#images.set(name, image);
    return `${this.host}/${name}`;
  }

  set fault(fault: RegistryFault | null) {
    this.#fault = fault;
    this.#holding = Promise.withResolvers<void>();
  }

  /** `GET /v2/...`, in order. */
  get requests(): readonly string[] {
    return this.#requests;
  }

  /** Resolves once a blob is held back. */
  get holding(): Promise<void> {
    return this.#holding.promise;
  }

  /** Lets what is held back go on. */
  release(): void {
    this.#fault = null;
    for (const go of this.#held) go();
    this.#held.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '';
    this.#requests.push(`${request.method} ${path}`);
    if (this.#fault === 'unauthorized')
      return refuse(response, 401, 'UNAUTHORIZED', 'authentication required');
    if (this.#fault === 'error') return refuse(response, 500, 'UNKNOWN', 'the disk of the registry is away');
    if (path === '/v2/') return void response.end('{}');
    const manifest = /^\/v2\/(.+)\/manifests\/(.+)$/.exec(path);
    if (manifest !== null)
      return this.#manifest(response, request.method, manifest[1] ?? '', manifest[2] ?? '');
    const blob = /^\/v2\/(.+)\/blobs\/(sha256:[0-9a-f]+)$/.exec(path);
    if (blob !== null) return this.#blob(response, blob[2] ?? '');
    return refuse(response, 404, 'NAME_UNKNOWN', 'no such path');
  }

  #manifest(
    response: ServerResponse,
    method: string | undefined,
    repository: string,
    reference: string,
  ): void {
    if (this.#fault === 'rate-limit')
      return refuse(
        response,
        429,
        'TOOMANYREQUESTS',
        'toomanyrequests: you have reached your pull rate limit',
      );
    const image = [...this.#images].find(
      ([name, { manifest }]) =>
        name === `${repository}:${reference}` ||
        (name.startsWith(`${repository}:`) && manifest.digest === reference),
    )?.[1];
    if (image === undefined) return refuse(response, 404, 'MANIFEST_UNKNOWN', 'manifest unknown');
    response.setHeader('content-type', image.manifest.mediaType);
    response.setHeader('docker-content-digest', image.manifest.digest);
    response.setHeader('content-length', image.manifest.bytes.length);
    response.end(method === 'HEAD' ? undefined : image.manifest.bytes);
  }

  #blob(response: ServerResponse, digest: string): void {
    const blob = [...this.#images.values()]
      .flatMap(({ config, layers }) => [config, ...layers])
      .find((one) => one.digest === digest);
    if (blob === undefined || this.#fault === 'blob-missing')
      return refuse(response, 404, 'BLOB_UNKNOWN', 'blob unknown to registry');
    response.setHeader('content-type', 'application/octet-stream');
    response.setHeader('content-length', blob.bytes.length);
    const half = Math.floor(blob.bytes.length / 2);
    if (this.#fault === 'cut') {
      response.write(blob.bytes.subarray(0, half), () => response.destroy());
    } else if (this.#fault === 'hold' && blob.bytes.length > HELD_BYTES) {
      response.write(blob.bytes.subarray(0, half));
      this.#held.add(() => response.end(blob.bytes.subarray(half)));
      this.#holding.resolve();
    } else response.end(blob.bytes);
  }
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response.statusCode = status;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ errors: [{ code, message }] }));
}
