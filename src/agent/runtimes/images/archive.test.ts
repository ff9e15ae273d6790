import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import { blobOf, dockerArchive, makeImage, ociArchive } from '../../../../test/support/images.ts';
import { archiveStream, inspectArchive, sniffArchive } from './archive.ts';
import { parseTarHeader, tarFile } from './tar.ts';

const signal = AbortSignal.timeout(20_000);
const ARCH = 'amd64';
const END = Buffer.alloc(1024);
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mo-archive-'));
  return () => rm(directory, { recursive: true, force: true });
});
const write = async (bytes: Buffer): Promise<string> => {
  const path = join(directory, 'file');
  await writeFile(path, bytes);
  return path;
};
const inspect = async (bytes: Buffer) => inspectArchive(await write(bytes), ARCH, signal);
const json = (name: string, value: unknown): Buffer => tarFile(name, Buffer.from(JSON.stringify(value)));

describe('an archive of images', () => {
  it('of Docker is described by its manifest', async () => {
    const image = makeImage([100, 200]);
    expect(await inspect(dockerArchive(image, 'a/b:1'))).toMatchObject({
      layout: 'docker',
      compression: 'none',
      manifest: null,
      images: [{ references: ['a/b:1'], configDigest: image.id }],
    });
  });

  it('of OCI gets the manifest that Docker needs', async () => {
    const image = makeImage([100], { flavour: 'oci' });
    const archive = await inspect(ociArchive(image, 'docker.io/library/b:1'));
    expect(archive).toMatchObject({
      layout: 'oci',
      images: [{ references: ['b:1'], configDigest: image.id }],
    });
    const hex = (digest: string): string => digest.replace('sha256:', 'blobs/sha256/');
    expect(JSON.parse(String(archive.manifest))).toEqual([
      { Config: hex(image.id), RepoTags: ['b:1'], Layers: image.layers.map(({ digest }) => hex(digest)) },
    ]);
    const path = join(directory, 'file');
    const head = await archiveStream(path, archive, signal, () => undefined)
      .take(1)
      .toArray();
    expect(parseTarHeader(head[0] as Buffer)?.name).toBe('manifest.json');
  });

  it('of several processors is the one of this machine; attestations are none', async () => {
    const mine = makeImage([100], { flavour: 'oci' });
    const other = makeImage([100], { flavour: 'oci' });
    const attestation = makeImage([100], { flavour: 'oci' });
    const one = ({ manifest }: typeof mine, architecture: string, os = 'linux') => ({
      digest: manifest.digest,
      platform: { architecture, os },
    });
    const nested = blobOf(
      Buffer.from(
        JSON.stringify({
          manifests: [one(other, 'riscv64'), one(mine, ARCH), one(attestation, 'unknown', 'unknown')],
        }),
      ),
    );
    const blobs = [mine, other, attestation].flatMap((image) => [
      image.config,
      image.manifest,
      ...image.layers,
    ]);
    const tar = Buffer.concat([
      ...[nested, ...blobs].map(({ digest, bytes }) =>
        tarFile(digest.replace('sha256:', 'blobs/sha256/'), bytes),
      ),
      json('index.json', {
        manifests: [{ digest: nested.digest, annotations: { 'org.opencontainers.image.ref.name': 'x/y:2' } }],
      }),
      END,
    ]);
    expect((await inspect(tar)).images).toEqual([
      { references: ['x/y:2'], configDigest: mine.id, architecture: expect.any(String) },
    ]);
  });

  it.each<[string, () => Buffer, RegExp, string]>([
    ['nothing', () => Buffer.alloc(0), /no tar/, 'not_tar'],
    ['text', () => Buffer.from('x'.repeat(3000)), /no tar/, 'not_tar'],
    [
      'another tar',
      () => Buffer.concat([tarFile('readme.md', Buffer.from('x')), END]),
      /starts with readme/,
      'no_image',
    ],
    [
      'a manifest without its layer',
      () =>
        Buffer.concat([
          json('manifest.json', [
            { Config: `${'a'.repeat(64)}.json`, RepoTags: ['a:1'], Layers: ['x/layer.tar'] },
          ]),
          END,
        ]),
      /not in it/,
      'incomplete',
    ],
    [
      'a manifest of something else',
      () => Buffer.concat([json('manifest.json', { a: 1 }), END]),
      /not what/,
      'bad_manifest',
    ],
    ['no image', () => Buffer.concat([json('manifest.json', []), END]), /no image/, 'no_image'],
    [
      'the layout of Docker before 1.10',
      () => Buffer.concat([json('repositories', {}), END]),
      /before 1\.10/,
      'too_old',
    ],
    [
      'a cut in the middle',
      () => dockerArchive(makeImage([5000]), 'a:1').subarray(0, 3000),
      /cut or damaged/,
      'truncated',
    ],
    [
      'a cut after gzip',
      () => gzipSync(dockerArchive(makeImage([50_000]), 'a:1')).subarray(0, 20_000),
      /cut or damaged/,
      'truncated',
    ],
  ])('is refused: %s', async (_name, bytes, words, reason) => {
    await expect(inspect(bytes())).rejects.toMatchObject({
      code: 'unsupported_format',
      message: expect.stringMatching(words),
      details: { reason },
    });
  });

  it('that is compressed is looked at by its first name at once', async () => {
    const fine = await write(gzipSync(dockerArchive(makeImage(), 'a:1')));
    expect(await sniffArchive(fine, ARCH, signal)).toMatchObject({ archive: null });
    const other = await write(gzipSync(Buffer.concat([tarFile('etc/passwd', Buffer.from('x')), END])));
    await expect(sniffArchive(other, ARCH, signal)).rejects.toMatchObject({ code: 'unsupported_format' });
    await expect(sniffArchive(directory, ARCH, signal)).rejects.toMatchObject({ code: 'unsupported_format' });
    await expect(sniffArchive(join(directory, 'no'), ARCH, signal)).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  it('has names longer than a header, in GNU and in pax', async () => {
    const long = `blobs/sha256/${'f'.repeat(120)}`;
    const gnu = tarFile('././@LongLink', Buffer.from(`${long}\0`));
    gnu[156] = 'L'.charCodeAt(0);
    const record = ` path=${long}\n`;
    const pax = tarFile('PaxHeaders/x', Buffer.from(`${record.length + 3}${record}`));
    pax[156] = 'x'.charCodeAt(0);
    for (const header of [gnu, pax]) {
      header.write('        ', 148);
      const sum = header.subarray(0, 512).reduce((all, byte) => all + byte, 0);
      header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
      const tar = Buffer.concat([
        header,
        tarFile('short', Buffer.from('{}')),
        json('manifest.json', [{ Config: long, RepoTags: ['a:1'], Layers: [long] }]),
        END,
      ]);
      expect((await inspect(tar)).images).toMatchObject([{ references: ['a:1'] }]);
    }
  });
});
