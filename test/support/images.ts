import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { arch } from 'node:process';
import { gzipSync } from 'node:zlib';
import { tarFile } from '../../src/agent/runtimes/images/tar.ts';

/** Images of a few kilobytes, made by hand: nothing runs in them, but Docker takes them for what they are. */

export interface Blob {
  readonly digest: string;
  readonly bytes: Buffer;
}

export interface HandmadeImage {
  /** The id that Docker's own store gives it. */
  readonly id: string;
  readonly config: Blob;
  /** Compressed, as registries have them. */
  readonly layers: readonly Blob[];
  /** As `docker save` has them. */
  readonly plainLayers: readonly Blob[];
  readonly manifest: Blob & { readonly mediaType: string };
}

const TAR_END = Buffer.alloc(1024);
const OCI = 'application/vnd.oci.image';
const DOCKER = 'application/vnd.docker';

export function blobOf(bytes: Buffer): Blob {
  return { digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, bytes };
}

/** @param layerBytes content of each layer; random, so that no two images are the same and nothing compresses */
export function makeImage(
  layerBytes: readonly number[] = [2000],
  { flavour = 'docker', version }: { flavour?: 'docker' | 'oci'; version?: string } = {},
): HandmadeImage {
  const plainLayers = layerBytes.map((size, index) =>
    blobOf(Buffer.concat([tarFile(`data-${index}`, randomBytes(size)), TAR_END])),
  );
  const layers = plainLayers.map(({ bytes }) => blobOf(gzipSync(bytes)));
  const config = blobOf(
    Buffer.from(
      JSON.stringify({
        architecture: arch === 'arm64' ? 'arm64' : 'amd64',
        os: 'linux',
        created: '2026-01-02T03:04:05Z',
        config: {
          Cmd: ['/data-0'],
          ...(version === undefined ? {} : { Labels: { 'org.opencontainers.image.version': version } }),
        },
        rootfs: { type: 'layers', diff_ids: plainLayers.map(({ digest }) => digest) },
        history: plainLayers.map(() => ({ created: '2026-01-02T03:04:05Z', created_by: 'test' })),
      }),
    ),
  );
  const isOci = flavour === 'oci';
  const mediaType = isOci ? `${OCI}.manifest.v1+json` : `${DOCKER}.distribution.manifest.v2+json`;
  const manifest = blobOf(
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType,
        config: {
          mediaType: isOci ? `${OCI}.config.v1+json` : `${DOCKER}.container.image.v1+json`,
          digest: config.digest,
          size: config.bytes.length,
        },
        layers: layers.map(({ digest, bytes }) => ({
          mediaType: isOci ? `${OCI}.layer.v1.tar+gzip` : `${DOCKER}.image.rootfs.diff.tar.gzip`,
          digest,
          size: bytes.length,
        })),
      }),
    ),
  );
  return { id: config.digest, config, layers, plainLayers, manifest: { ...manifest, mediaType } };
}

const hex = (digest: string): string => digest.slice('sha256:'.length);
const json = (name: string, value: unknown): Buffer => tarFile(name, Buffer.from(JSON.stringify(value)));

/** What `docker save` of an older engine writes. */
export function dockerArchive(image: HandmadeImage, reference: string): Buffer {
  const [repository = '', tag = ''] = reference.split(/:(?=[^:]*$)/);
  const names = image.plainLayers.map(({ digest }) => `${hex(digest)}/layer.tar`);
  return Buffer.concat([
    ...image.plainLayers.map(({ bytes }, index) => tarFile(names[index] ?? '', bytes)),
    tarFile(`${hex(image.id)}.json`, image.config.bytes),
    json('manifest.json', [{ Config: `${hex(image.id)}.json`, RepoTags: [reference], Layers: names }]),
    json('repositories', { [repository]: { [tag]: hex(image.plainLayers.at(-1)?.digest ?? '') } }),
    TAR_END,
  ]);
}

/** An OCI layout without Docker's own manifest, as skopeo and buildx write it. */
export function ociArchive(image: HandmadeImage, reference: string | null): Buffer {
  const blobs = [image.config, image.manifest, ...image.layers];
  return Buffer.concat([
    ...blobs.map(({ digest, bytes }) => tarFile(`blobs/sha256/${hex(digest)}`, bytes)),
    json('index.json', {
      schemaVersion: 2,
      manifests: [
        {
          mediaType: image.manifest.mediaType,
          digest: image.manifest.digest,
          size: image.manifest.bytes.length,
          ...(reference === null ? {} : { annotations: { 'io.containerd.image.name': reference } }),
        },
      ],
    }),
    json('oci-layout', { imageLayoutVersion: '1.0.0' }),
    TAR_END,
  ]);
}

export async function writeArchive(path: string, bytes: Buffer): Promise<string> {
  await writeFile(path, bytes);
  return path;
}
