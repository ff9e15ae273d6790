import {
  chmod,
  link,
  mkdir,
  readFile,
  stat,
  symlink,
  utimes,
  writeFile,
  readdir,
  rm,
} from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../shared/contract/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../../test/support/temporary.ts';
import { writeSafetensorsModel, writeSpeakingModel } from '../../../test/support/models.ts';
import { systemClock } from '../kernel/clock.ts';
import { Database } from '../kernel/database/database.ts';
import { sha256Hex } from '../kernel/ids.ts';
import { adoptFile, partialPath } from './adopt.ts';
import { BlobStore } from './blob-store.ts';
import { inspectSource } from './import-source.ts';
import { onTestFinished } from 'vitest';

const signal = new AbortController().signal;
const quiet = { signal, onProgress: () => undefined, link: false };
let directory: TemporaryDirectory;

beforeEach(async () => {
  directory = await temporaryDirectory();
  return () => directory[Symbol.asyncDispose]();
});

async function openStore(): Promise<{ store: BlobStore; database: Database }> {
  const database = Database.open(join(directory.path, 'db'));
  await database.migrate();
  onTestFinished(() => database.close());
  return { store: new BlobStore(database, join(directory.path, 'store'), systemClock), database };
}

const refused = async (run: Promise<unknown>): Promise<AppError> =>
  run.then(
    () => Promise.reject(new Error('it was accepted')),
    (error: unknown) => error as AppError,
  );

describe('what a path holds', () => {
  it('is a GGUF file, named after the file', async () => {
    const path = await writeSpeakingModel(join(directory.path, 'Tiny-Model.gguf'), 'tiny');
    const source = await inspectSource(path, signal);
    expect(source).toMatchObject({ name: 'tiny-model', facts: { format: 'gguf', task_key: 'llm' } });
    expect(source.files).toEqual([{ path, name: 'model.gguf', size: source.sizeBytes, counted: true }]);
  });

  it('is every part of a split when one is named', async () => {
    for (const part of [1, 2])
      await writeSpeakingModel(join(directory.path, `big-0000${part}-of-00002.gguf`), `part${part}`);
    const source = await inspectSource(join(directory.path, 'big-00001-of-00002.gguf'), signal);
    expect(source.name).toBe('big');
    expect(source.files.map((file) => file.name)).toEqual([
      'model-00001-of-00002.gguf',
      'model-00002-of-00002.gguf',
    ]);
  });

  it('is refused when a part is missing', async () => {
    await writeSpeakingModel(join(directory.path, 'big-00002-of-00003.gguf'), 'x');
    expect(
      await refused(inspectSource(join(directory.path, 'big-00002-of-00003.gguf'), signal)),
    ).toMatchObject({ code: 'unsupported_format', details: { reason: 'incomplete' } });
  });

  it('is a directory with safetensors; pickles and dotfiles stay out, the README does not count', async () => {
    const model = await writeSafetensorsModel(join(directory.path, 'My Model'));
    await writeFile(join(model, 'pytorch_model.bin'), 'x');
    await mkdir(join(model, '.git'));
    await writeFile(join(model, '.git', 'HEAD'), 'x');
    const source = await inspectSource(model, signal);
    expect(source).toMatchObject({
      name: 'my-model',
      facts: {
        format: 'safetensors',
        architecture: 'LlamaForCausalLM',
        context_length: 4096,
        has_chat_template: true,
        parameter_count: 16,
      },
    });
    expect(source.files.map((file) => [file.name, file.counted])).toEqual([
      ['README.md', false],
      ['config.json', true],
      ['model.safetensors', true],
      ['tokenizer_config.json', true],
    ]);
  });

  it('follows the links of a Hub cache', async () => {
    const blob = await writeSpeakingModel(join(directory.path, 'blobs', 'abc'), 'linked');
    await mkdir(join(directory.path, 'snapshot'));
    await symlink(blob, join(directory.path, 'snapshot', 'model.gguf'));
    expect((await inspectSource(join(directory.path, 'snapshot'), signal)).files).toHaveLength(1);
  });

  it('names the choices when there are several', async () => {
    await writeSpeakingModel(join(directory.path, 'q', 'm-q4.gguf'), 'a');
    await writeSpeakingModel(join(directory.path, 'q', 'm-q8.gguf'), 'b');
    const error = await refused(inspectSource(join(directory.path, 'q'), signal));
    expect(error.code).toBe('ambiguous_source');
    expect(
      (error.details?.['choices'] as { path: string }[] | undefined)?.map((choice) => choice.path),
    ).toEqual([join(directory.path, 'q', 'm-q4.gguf'), join(directory.path, 'q', 'm-q8.gguf')]);
  });

  it.each([
    ['nothing', 'not_found', async (path: string) => void path],
    ['an empty directory', 'unsupported_format', (path: string) => mkdir(path)],
    [
      'pickles only',
      'unsupported_format',
      async (path: string) => {
        await mkdir(path);
        await writeFile(join(path, 'pytorch_model.bin'), 'x');
      },
    ],
    ['an empty file', 'unsupported_format', (path: string) => writeFile(path, '')],
    [
      'a broken link',
      'unsupported_format',
      async (path: string) => {
        await mkdir(path);
        await symlink('/nowhere', join(path, 'model.gguf'));
      },
    ],
  ])('is refused when it is %s', async (_name, code, make) => {
    const path = join(directory.path, 'x');
    await make(path);
    expect((await refused(inspectSource(path, signal))).code).toBe(code);
  });

  it('is refused when a weight file of the index is missing', async () => {
    const model = await writeSafetensorsModel(join(directory.path, 'sharded'));
    await writeFile(
      join(model, 'model.safetensors.index.json'),
      JSON.stringify({ weight_map: { a: 'model.safetensors', b: 'model-2.safetensors' } }),
    );
    expect(await refused(inspectSource(model, signal))).toMatchObject({
      details: { reason: 'incomplete', missing: ['model-2.safetensors'] },
    });
  });
});

describe('adopting a file', () => {
  const content = Buffer.from('weights '.repeat(200_000));

  it('stores the bytes once under their digest, read-only, and shows them to runtimes by hard link', async () => {
    const { store } = await openStore();
    const source = join(directory.path, 'a');
    await writeFile(source, content);
    using adoption = store.adoption();
    const { sha256, size } = await adoption.adopt({ ...quiet, source });
    expect(sha256).toBe(sha256Hex(content));
    expect(await readFile(store.blobPath(sha256))).toEqual(content);
    expect((await stat(store.blobPath(sha256))).mode & 0o777).toBe(0o400);
    const model = await adoption.linkModel('f'.repeat(64), [{ path: 'sub/model.bin', sha256, size }]);
    expect((await stat(join(model, 'sub', 'model.bin'))).ino).toBe((await stat(store.blobPath(sha256))).ino);
    expect(await readdir(store.partials)).toEqual([]);
  });

  it('links a file when asked, and leaves its mode alone', async () => {
    const { store } = await openStore();
    const source = join(directory.path, 'a');
    await writeFile(source, content);
    await chmod(source, 0o644);
    using adoption = store.adoption();
    const { sha256 } = await adoption.adopt({ ...quiet, source, link: true });
    expect((await stat(store.blobPath(sha256))).ino).toBe((await stat(source)).ino);
    expect((await stat(source)).mode & 0o777).toBe(0o644);
    expect(store.get(sha256)?.adopted).toBe('link');
  });

  it('goes on from the last checkpoint, hashing what is there again', async () => {
    const source = join(directory.path, 'a');
    await writeFile(source, content);
    const { dev, ino, mtimeNs } = await stat(source, { bigint: true });
    const partials = join(directory.path, 'partials');
    const part = partialPath(partials, source);
    await mkdir(partials);
    await writeFile(
      part,
      Buffer.concat([content.subarray(0, 500_000), Buffer.from('junk after the checkpoint')]),
    );
    await writeFile(
      `${part}.json`,
      JSON.stringify({
        path: source,
        dev: String(dev),
        ino: String(ino),
        size: content.length,
        mtime_ns: String(mtimeNs),
        bytes: 500_000,
      }),
    );
    const adopted = await adoptFile({ ...quiet, source, partials });
    expect(adopted.sha256).toBe(sha256Hex(content));
    expect(await readFile(part)).toEqual(content);
  });

  it('starts again when the source is another file now', async () => {
    const source = join(directory.path, 'a');
    const partials = join(directory.path, 'partials');
    const part = partialPath(partials, source);
    await mkdir(partials);
    await writeFile(part, 'x'.repeat(1000));
    await writeFile(
      `${part}.json`,
      JSON.stringify({ path: source, dev: '1', ino: '1', size: content.length, mtime_ns: '1', bytes: 1000 }),
    );
    await writeFile(source, content);
    expect((await adoptFile({ ...quiet, source, partials })).sha256).toBe(sha256Hex(content));
  });

  it('notices that a file changes while it is read, and leaves nothing behind', async () => {
    const source = join(directory.path, 'a');
    const partials = join(directory.path, 'partials');
    await writeFile(source, content);
    const run = refused(adoptFile({ ...quiet, source, partials }));
    const reading = { ended: false };
    void run.finally(() => (reading.ended = true));
    // Starting the worker alone takes longer than many of these.
    for (let second = 1; !reading.ended; second += 1) await utimes(source, second, second);
    expect(await run).toMatchObject({ code: 'conflict', details: { reason: 'source_changed' } });
    expect(await readdir(partials)).toEqual([]);
  });

  it('notices that a file shrank', async () => {
    const source = join(directory.path, 'a');
    await writeFile(source, content);
    const stale = await stat(source);
    await writeFile(source, content.subarray(0, 1000));
    const { hashFile } = await import('./hash-file.ts');
    expect(await refused(hashFile({ source, size: stale.size, signal }))).toMatchObject({
      code: 'conflict',
      details: { reason: 'source_changed' },
    });
  });

  it('stops when it is told to', async () => {
    const source = join(directory.path, 'a');
    await writeFile(source, content);
    const controller = new AbortController();
    controller.abort(new AppError('shutting_down', 'enough'));
    await expect(
      adoptFile({ ...quiet, source, partials: join(directory.path, 'p'), signal: controller.signal }),
    ).rejects.toMatchObject({ code: 'shutting_down' });
  });
});

describe('the store', () => {
  const adopt = async (store: BlobStore, text: string): Promise<string> => {
    const source = join(directory.path, `source-${text}`);
    await writeFile(source, text);
    using adoption = store.adoption();
    return (await adoption.adopt({ ...quiet, source })).sha256;
  };

  it('sees that a blob was changed, or is gone', async () => {
    const { store } = await openStore();
    const sha256 = await adopt(store, 'one');
    const file = { path: 'm', size: 3, sha256 };
    expect(await store.observe([file])).toBe('ready');
    await chmod(store.blobPath(sha256), 0o600);
    await writeFile(store.blobPath(sha256), 'two');
    expect(await store.observe([file])).toBe('verifying');
    await rm(store.blobPath(sha256));
    expect(await store.observe([file])).toBe('missing');
  });

  it('reads a blob again that changed, and says what it is', async () => {
    const { store } = await openStore();
    const sha256 = await adopt(store, 'one');
    const other = await adopt(store, 'other');
    const file = { path: 'm', size: 3, sha256 };
    const files = [file, { path: 'o', size: 5, sha256: other }];
    const verify = async (others: AbortSignal | null) => {
      const { states, hashed } = await store.verify(files, others, signal);
      return { m: states.get('m'), o: states.get('o'), hashed };
    };
    expect(await verify(null)).toEqual({ m: 'ready', o: 'ready', hashed: 0 });
    expect(await verify(signal)).toEqual({ m: 'ready', o: 'ready', hashed: 2 });
    // Touched: read again, and known as the same from then on.
    await utimes(store.blobPath(sha256), 1, 1);
    expect(await store.observe([file])).toBe('verifying');
    expect(await verify(null)).toEqual({ m: 'ready', o: 'ready', hashed: 1 });
    expect(await store.observe([file])).toBe('ready');
    // Other bytes stay corrupt until the right ones are back, whatever their time says.
    await chmod(store.blobPath(sha256), 0o600);
    await writeFile(store.blobPath(sha256), 'two');
    expect(await verify(null)).toEqual({ m: 'corrupt', o: 'ready', hashed: 1 });
    expect(await store.observe([file])).toBe('corrupt');
    await writeFile(store.blobPath(sha256), 'one');
    expect(await verify(null)).toEqual({ m: 'ready', o: 'ready', hashed: 1 });
    // No more time for what looks unchanged: it counts as it was stored.
    expect(await verify(AbortSignal.abort())).toEqual({ m: 'ready', o: 'ready', hashed: 0 });
    await rm(store.blobPath(sha256));
    expect(await verify(null)).toEqual({ m: 'missing', o: 'ready', hashed: 0 });
    expect(store.verifiedAt(files)).toEqual(expect.any(Number));
  });

  it('collects what no version needs, but nothing an adoption holds', async () => {
    const { store } = await openStore();
    const loose = await adopt(store, 'loose');
    const source = join(directory.path, 'held');
    await writeFile(source, 'held');
    const adoption = store.adoption();
    const { sha256: held } = await adoption.adopt({ ...quiet, source });
    await adoption.linkModel('a'.repeat(64), [{ path: 'm', size: 4, sha256: held }]);
    expect(await store.collect()).toBe(5);
    expect(store.get(loose)).toBeUndefined();
    expect(store.get(held)).toBeDefined();
    expect((await stat(store.modelDirectory('a'.repeat(64)))).isDirectory()).toBe(true);
    adoption[Symbol.dispose]();
    await store.collect();
    expect(store.get(held)).toBeUndefined();
    await expect(stat(store.modelDirectory('a'.repeat(64)))).rejects.toThrow('ENOENT');
  });

  it('sweeps files that no row knows', async () => {
    const { store } = await openStore();
    const sha256 = await adopt(store, 'one');
    const stray = store.blobPath('e'.repeat(64));
    await mkdir(join(stray, '..'), { recursive: true });
    await link(store.blobPath(sha256), stray);
    await store.sweep(false);
    await expect(stat(stray)).rejects.toThrow('ENOENT');
    expect(await store.observe([{ path: 'm', size: 3, sha256 }])).toBe('ready');
  });
});
