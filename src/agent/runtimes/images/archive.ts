import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { Readable, pipeline, Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { z } from 'zod';
import { AppError } from '../../../shared/contract/index.ts';
import { fsError } from '../../kernel/files.ts';
import { FileCursor, StreamCursor, tarFile, walkTar, type TarCursor, type TarEntry } from './tar.ts';

/** Archives of images, in the layouts that `docker save`, `podman save`, skopeo and buildx write. */

export interface ArchivedImage {
  /** `repo:tag`; empty for an image without a name. */
  readonly references: readonly string[];
  /** `sha256:` of its configuration, which is the image's id in Docker's own store. */
  readonly configDigest: string | null;
  readonly architecture: string | null;
}

export interface Archive {
  readonly compression: Compression;
  readonly layout: 'docker' | 'oci';
  readonly images: readonly ArchivedImage[];
  /** What Docker's own store needs besides to load an OCI layout; null where the archive has it itself. */
  readonly manifest: Buffer | null;
}

export type Compression = 'none' | 'gzip' | 'zstd';

/** Small enough to be a manifest or a configuration; layers are larger or are not JSON. */
const KEPT_BYTES = 1024 * 1024;
const KEPT_TOTAL_BYTES = 64 * 1024 * 1024;

const DockerManifest = z.array(
  z.object({
    Config: z.string(),
    RepoTags: z.array(z.string()).nullish(),
    Layers: z.array(z.string()).nullish(),
  }),
);
const Descriptor = z.object({
  mediaType: z.string().optional(),
  digest: z.string().regex(/^sha(256|512):[0-9a-f]+$/),
  platform: z.object({ architecture: z.string().optional(), os: z.string().optional() }).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});
const OciIndex = z.object({ manifests: z.array(Descriptor) });
const OciManifest = z.object({ config: Descriptor, layers: z.array(Descriptor) });
const ImageConfig = z.object({ architecture: z.string().optional() });

/** What tells an archive of images from another tar, by the name of its first file. */
const FIRST_NAMES =
  /^(manifest\.json|index\.json|oci-layout|repositories|blobs(\/.*)?|[0-9a-f]{64}(\.json|\/.*|\.tar)?|VERSION|json|layer\.tar)$/;

/**
 * What can be said of a file at once: a tar that is not compressed is looked through, of another one the start.
 * @throws {AppError} `not_found`, `permission_denied`, `unsupported_format`.
 */
export async function sniffArchive(
  path: string,
  arch: string,
  signal: AbortSignal,
): Promise<{ sizeBytes: number; archive: Archive | null }> {
  try {
    const info = await stat(path);
    if (!info.isFile())
      throw new AppError('unsupported_format', `${path} is no file.`, {
        hint: 'Give the file that `docker save` made.',
      });
    const compression = await compressionOf(path);
    if (compression === 'none')
      return { sizeBytes: info.size, archive: await inspectArchive(path, arch, signal) };
    await assertFirstName(path, compression, signal);
    return { sizeBytes: info.size, archive: null };
  } catch (error) {
    throw fsError(error, path);
  }
}

/**
 * Looks through the whole archive. Of a compressed one every byte is read, so that a cut file is found before the
 * engine is asked; of another one only headers and manifests.
 * @throws {AppError} `unsupported_format` with what is wrong with it.
 */
export async function inspectArchive(
  path: string,
  arch: string,
  signal: AbortSignal,
  onBytes: (done: number) => void = () => undefined,
): Promise<Archive> {
  const compression = await compressionOf(path);
  if (compression === 'none') {
    await using cursor = await FileCursor.open(path);
    return { compression, ...describe(await collect(cursor, signal), arch) };
  }
  const stream = openTar(path, compression, signal, onBytes);
  try {
    return { compression, ...describe(await collect(new StreamCursor(stream), signal), arch) };
  } catch (error) {
    throw archiveError(error, path);
  } finally {
    stream.destroy();
  }
}

/** The archive as the engine takes it: a plain tar, with the manifest that it lacks in front. */
export function archiveStream(
  path: string,
  archive: Pick<Archive, 'compression' | 'manifest'>,
  signal: AbortSignal,
  onBytes: (done: number) => void,
): Readable {
  const tar = openTar(path, archive.compression, signal, onBytes);
  const { manifest } = archive;
  if (manifest === null) return tar;
  async function* withManifest(head: Buffer): AsyncGenerator<Buffer> {
    yield tarFile('manifest.json', head);
    yield* tar as AsyncIterable<Buffer>;
  }
  return Readable.from(withManifest(manifest), { objectMode: false });
}

async function compressionOf(path: string): Promise<Compression> {
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(4);
    await file.read(head, 0, 4, 0);
    if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
    return head.readUInt32LE(0) === 0xfd2fb528 ? 'zstd' : 'none';
  } finally {
    await file.close();
  }
}

function openTar(
  path: string,
  compression: Compression,
  signal: AbortSignal,
  onBytes: (done: number) => void,
): Readable {
  let done = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      done += chunk.length;
      onBytes(done);
      next(null, chunk);
    },
  });
  const file = createReadStream(path, { signal, highWaterMark: 1024 * 1024 });
  // Whoever reads the last one hears of the error.
  const quiet = (): void => undefined;
  if (compression === 'none') return pipeline(file, counted, quiet);
  const unpacked = compression === 'gzip' ? createGunzip() : createZstdDecompress();
  return pipeline(file, counted, unpacked, quiet);
}

/** What reading an archive failed with, in the words of the error table: the disk, or what unpacks it. */
export function archiveError(error: unknown, path: string): unknown {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (!/^(Z_|ZSTD_|ERR_ZSTD)/.test(code)) return fsError(error, path);
  return new AppError('unsupported_format', `${path} is cut or damaged: it cannot be unpacked to its end.`, {
    hint: 'Copy the file again and compare its size with the original.',
    details: { reason: 'truncated' },
    cause: error,
  });
}

async function assertFirstName(path: string, compression: Compression, signal: AbortSignal): Promise<void> {
  const stream = openTar(path, compression, signal, () => undefined);
  try {
    for await (const { entry } of walkTar(new StreamCursor(stream))) {
      if (FIRST_NAMES.test(entry.name.replace(/\/$/, ''))) return;
      throw notImages(entry.name);
    }
    throw notImages(null);
  } catch (error) {
    throw archiveError(error, path);
  } finally {
    stream.destroy();
  }
}

interface Contents {
  readonly names: ReadonlySet<string>;
  readonly kept: ReadonlyMap<string, Buffer>;
}

async function collect(cursor: TarCursor, signal: AbortSignal): Promise<Contents> {
  const names = new Set<string>();
  const kept = new Map<string, Buffer>();
  let total = 0;
  for await (const { entry, read } of walkTar(cursor)) {
    signal.throwIfAborted();
    names.add(entry.name);
    if (!isKept(entry) || total + entry.size > KEPT_TOTAL_BYTES) continue;
    total += entry.size;
    kept.set(entry.name, await read());
  }
  return { names, kept };
}

function isKept({ name, type, size }: TarEntry): boolean {
  if (type !== 'file' || size > KEPT_BYTES) return false;
  return /^(manifest\.json|index\.json|oci-layout|repositories|[0-9a-f]{64}\.json|blobs\/sha(256|512)\/[0-9a-f]+)$/.test(
    name,
  );
}

/** What an archive holds, from its names and its small files. Pure. @throws {AppError} `unsupported_format`. */
function describe({ names, kept }: Contents, arch: string): Omit<Archive, 'compression'> {
  const manifest = kept.get('manifest.json');
  if (manifest !== undefined) return describeDocker(manifest, names, kept);
  const index = kept.get('index.json');
  if (index !== undefined) return describeOci(index, names, kept, arch);
  if (kept.has('repositories'))
    throw new AppError(
      'unsupported_format',
      'This archive has the layout of Docker before 1.10, without a manifest.',
      {
        hint: 'Load it with a Docker of today and save it again.',
        details: { reason: 'too_old' },
      },
    );
  throw notImages([...names][0] ?? null);
}

function describeDocker(
  manifest: Buffer,
  names: ReadonlySet<string>,
  kept: ReadonlyMap<string, Buffer>,
): Omit<Archive, 'compression'> {
  const entries = parseJson(manifest, 'manifest.json', DockerManifest);
  if (entries.length === 0) throw empty();
  for (const { Config, Layers } of entries)
    for (const name of [Config, ...(Layers ?? [])]) if (!names.has(name)) throw missing(name);
  return {
    layout: 'docker',
    images: entries.map(({ Config, RepoTags }) => ({
      references: RepoTags ?? [],
      configDigest: digestOf(Config),
      architecture: architectureOf(kept.get(Config)),
    })),
    manifest: null,
  };
}

function describeOci(
  index: Buffer,
  names: ReadonlySet<string>,
  kept: ReadonlyMap<string, Buffer>,
  arch: string,
): Omit<Archive, 'compression'> {
  const top = parseJson(index, 'index.json', OciIndex).manifests;
  const found = top.flatMap((descriptor) => {
    const image = oneImage(descriptor, names, kept, arch);
    return image === null ? [] : [{ ...image, reference: nameOf(descriptor.annotations) }];
  });
  if (found.length === 0) throw empty();
  const docker = found.map(({ config, layers, reference }) => ({
    Config: blobPath(config),
    RepoTags: reference === null ? null : [reference],
    Layers: layers.map(blobPath),
  }));
  return {
    layout: 'oci',
    images: found.map(({ config, reference }) => ({
      references: reference === null ? [] : [reference],
      configDigest: config,
      architecture: architectureOf(kept.get(blobPath(config))),
    })),
    manifest: Buffer.from(JSON.stringify(docker)),
  };
}

/** Follows an index to the manifest for this machine; attestations are no images. */
function oneImage(
  descriptor: z.infer<typeof Descriptor>,
  names: ReadonlySet<string>,
  kept: ReadonlyMap<string, Buffer>,
  arch: string,
  depth = 0,
): { config: string; layers: string[] } | null {
  if (
    descriptor.platform?.os === 'unknown' ||
    descriptor.annotations?.['vnd.docker.reference.type'] !== undefined
  )
    return null;
  const path = blobPath(descriptor.digest);
  const text = kept.get(path);
  if (text === undefined) throw missing(path);
  const value = parseJson(text, path, z.union([OciManifest, OciIndex]));
  if ('manifests' in value) {
    if (depth > 1) return null;
    const fits = value.manifests.filter((one) => one.platform?.architecture === arch);
    for (const one of fits.length > 0 ? fits : value.manifests) {
      const image = names.has(blobPath(one.digest)) ? oneImage(one, names, kept, arch, depth + 1) : null;
      if (image !== null) return image;
    }
    return null;
  }
  const layers = value.layers.map((layer) => layer.digest);
  for (const digest of [value.config.digest, ...layers])
    if (!names.has(blobPath(digest))) throw missing(blobPath(digest));
  return { config: value.config.digest, layers };
}

/** containerd writes the full name; others only the tag, which alone names nothing. */
function nameOf(annotations: Readonly<Record<string, string>> = {}): string | null {
  const full = annotations['io.containerd.image.name'] ?? annotations['org.opencontainers.image.ref.name'];
  if (full === undefined || !full.includes(':')) return null;
  return full.replace(/^docker\.io\/(library\/)?/, '');
}

function blobPath(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

function digestOf(config: string): string | null {
  const hex = /([0-9a-f]{64})(\.json)?$/.exec(config)?.[1];
  return hex === undefined ? null : `sha256:${hex}`;
}

function architectureOf(config: Buffer | undefined): string | null {
  if (config === undefined) return null;
  const parsed = ImageConfig.safeParse(jsonOrNull(config));
  return parsed.success ? (parsed.data.architecture ?? null) : null;
}

function jsonOrNull(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString('utf8')) as unknown;
  } catch {
    // What is no JSON has no fields; whoever needs one says so.
    return null;
  }
}

function parseJson<T>(text: Buffer, name: string, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(jsonOrNull(text));
  if (parsed.success) return parsed.data;
  throw new AppError('unsupported_format', `${name} of this archive is not what an archive of images has.`, {
    hint: 'Save the image again.',
    details: { reason: 'bad_manifest', file: name },
  });
}

function missing(name: string): AppError {
  return new AppError('unsupported_format', `The archive names ${name}, which is not in it.`, {
    hint: 'Save the image again; the file may have been cut.',
    details: { reason: 'incomplete', file: name },
  });
}

function empty(): AppError {
  return new AppError('unsupported_format', 'The archive holds no image for this machine.', {
    hint: 'Save one with `docker save NAME -o FILE`.',
    details: { reason: 'no_image' },
  });
}

function notImages(first: string | null): AppError {
  const what = first === null ? 'it is empty' : `it starts with ${first.slice(0, 80)}`;
  return new AppError('unsupported_format', `This tar holds no images of containers: ${what}.`, {
    hint: 'Give a file that `docker save` or `modelops images export` made. `docker export` writes a file system, which is something else.',
    details: { reason: 'no_image' },
  });
}
