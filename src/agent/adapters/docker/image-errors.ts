import { AppError } from '../../../shared/contract/index.ts';

interface Failure {
  readonly statusCode?: number;
  readonly json?: { readonly message?: string };
  readonly message?: string;
}

/** The sentence of an engine's failure, whether it came as a status or in the middle of a stream. */
function sentenceOf(error: unknown): string {
  const { json, message } = error as Failure;
  return (json?.message ?? message ?? '').replace(/^\(HTTP code \d+\)\s*/, '').trim();
}

/**
 * What went wrong with a pull, in the words of the error table; null when it is nothing of a registry. The engine tells
 * all of it in sentences: a status says little (an unknown host is a 500), and some come after HTTP 200.
 */
export function pullError(error: unknown, reference: string): AppError | null {
  if (error instanceof AppError) return null;
  const said = sentenceOf(error);
  const found = PULL.find(([pattern]) => pattern.test(said));
  if (found === undefined) return null;
  const [, code, sentence, hint] = found;
  return new AppError(code, sentence(reference), {
    hint: hint(reference),
    details: { reference, registry: registryOf(reference), said: said.slice(0, 500) },
    cause: error,
  });
}

type Row = readonly [
  RegExp,
  'not_found' | 'permission_denied' | 'rate_limited' | 'upstream_failed' | 'image_missing',
  (reference: string) => string,
  (reference: string) => string,
];

const PULL: readonly Row[] = [
  [
    /toomanyrequests|rate limit/i,
    'rate_limited',
    (reference) => `${registryOf(reference)} takes no more pulls from this address for now.`,
    () => 'Wait, or pull on another machine and import the saved image.',
  ],
  [
    /no matching manifest|does not match the specified platform/i,
    'image_missing',
    (reference) => `${reference} exists, but not for this kind of processor.`,
    () => 'Name an image for this machine.',
  ],
  [
    /manifest unknown|manifest for .* not found|repository does not exist|pull access denied|name unknown|not found: manifest/i,
    'not_found',
    (reference) => `${registryOf(reference)} has no image ${reference}.`,
    () => 'Check the name and the tag; a private repository looks the same without a login.',
  ],
  [
    /unauthorized|authentication required|no basic auth credentials|\bdenied\b|forbidden/i,
    'permission_denied',
    (reference) => `${registryOf(reference)} wants a login for ${reference}.`,
    (reference) =>
      `Sign in with \`docker login ${registryOf(reference)}\` and \`docker pull\` it on a shell, or import a saved image.`,
  ],
  [
    /no such host|dial tcp|connection refused|i\/o timeout|TLS handshake|EOF|connection reset|request canceled|context deadline|x509|server gave HTTP response|network is unreachable|unexpected status|received unexpected HTTP|error pulling image|filesystem layer verification failed|failed to (copy|do request)|http: /i,
    'upstream_failed',
    (reference) => `${registryOf(reference)} could not be read.`,
    () =>
      'Check the network of the Docker service, its proxy and its certificates; layers that came are kept.',
  ],
];

/** The registry a reference leads to; Docker's own where it names none. Pure. */
export function registryOf(reference: string): string {
  const [first = ''] = reference.split('/');
  const named =
    reference.includes('/') && (first.includes('.') || first.includes(':') || first === 'localhost');
  return named ? first : 'docker.io';
}

/** What went wrong with a load; null when it is nothing of the file. */
export function loadError(error: unknown, path: string): AppError | null {
  if (error instanceof AppError) return null;
  const said = sentenceOf(error);
  const match =
    /unexpected EOF|invalid tar header|archive\/tar|manifest\.json: no such file|repositories: no such file|invalid (diffID|manifest|checksum)|unexpected end of JSON|error unmarshalling|cannot load|open .*docker-import.*no such file|failed to verify|invalid character/i.test(
      said,
    );
  if (!match) return null;
  return new AppError('unsupported_format', `Docker could not read ${path}: ${shortened(said)}.`, {
    hint: 'Save the image again with `docker save`, and compare the size of the file after it was copied.',
    details: { reason: 'broken_archive', said: said.slice(0, 500) },
    cause: error,
  });
}

function shortened(said: string): string {
  const plain = said.replace(/\/\S*docker-import-\d+\/?/g, '').replace(/\.$/, '');
  return plain.length > 200 ? `${plain.slice(0, 199)}…` : plain;
}
