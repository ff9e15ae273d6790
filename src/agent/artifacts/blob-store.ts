import { link, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GLOBAL_MODEL_ID_PREFIX, type ContentFile } from '../../shared/contract/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Database } from '../kernel/database/database.ts';
import { exists, fsyncDirectory } from '../kernel/files.ts';
import { newId } from '../kernel/ids.ts';
import { hashFile } from './hash-file.ts';
import {
  adoptFile,
  discardPartial,
  partialPath,
  promote,
  sameStamp,
  stampOf,
  type Adopted,
  type AdoptOptions,
  type FileStamp,
} from './adopt.ts';

export type BlobState = 'ready' | 'verifying' | 'missing' | 'corrupt' | 'quarantined';

export interface BlobRow {
  readonly sha256: string;
  readonly size: number;
  readonly state: BlobState;
  readonly dev: string;
  readonly ino: string;
  readonly mtime_ns: string;
  readonly adopted: 'copy' | 'reflink' | 'link';
  readonly created_at: number;
  readonly verified_at: number;
}

/** A partial file that nobody came back for in this time is removed at start. */
const STALE_PARTIAL_MS = 7 * 86_400_000;

/** What a version that is gone may leave behind. */
export interface Leavings {
  readonly contentHex: string;
  readonly digests: readonly string[];
}

/** An import under way: what it adopts is kept from the collector until it is disposed. */
export interface Adoption extends Disposable {
  /** Takes a file in and returns its digest; the bytes are stored once however often they come. */
  adopt(options: Omit<AdoptOptions, 'partials'>): Promise<{ sha256: string; size: number }>;
  /** Keeps a blob that is here already. @returns false when it is not, or not intact. */
  keep(sha256: string): Promise<boolean>;
  linkModel(contentHex: string, files: readonly ContentFile[]): Promise<string>;
}

/**
 * The content-addressed store: `blobs/<2 hex>/<64 hex>`, `models/<content id>/<path>` as hard links for runtimes, and
 * `partials/` for what is still arriving. A blob has a row only once it is whole and durable.
 */
export class BlobStore {
  readonly #database: Database;
  readonly #root: string;
  readonly #clock: Clock;
  /** Digests and content ids in the hands of an adoption, with how many hold them. */
  readonly #pins = new Map<string, number>();

  constructor(database: Database, root: string, clock: Clock) {
    this.#database = database;
    this.#root = root;
    this.#clock = clock;
  }

  get root(): string {
    return this.#root;
  }

  get partials(): string {
    return join(this.#root, 'partials');
  }

  blobPath(sha256: string): string {
    return join(this.#root, 'blobs', sha256.slice(0, 2), sha256);
  }

  /** The directory a runtime is shown for a content id. */
  modelDirectory(contentHex: string): string {
    return join(this.#root, 'models', contentHex);
  }

  get(sha256: string): BlobRow | undefined {
    return this.#database.prepare<BlobRow>('SELECT * FROM blobs WHERE sha256 = :sha256').get({ sha256 });
  }

  /** Bytes of all blobs, each once. */
  totalBytes(): number {
    return (
      this.#database.prepare<{ n: number }>('SELECT COALESCE(SUM(size), 0) AS n FROM blobs').get({})?.n ?? 0
    );
  }

  /** Starts an adoption; dispose it when a version refers to the bytes, or when nothing will. */
  adoption(): Adoption {
    const pins: string[] = [];
    const pin = (name: string): void => {
      pins.push(name);
      this.#pins.set(name, (this.#pins.get(name) ?? 0) + 1);
    };
    return {
      adopt: async (options) => {
        const present = await this.#presentAlready(options);
        if (present !== null) {
          pin(present.sha256);
          return present;
        }
        const adopted = await adoptFile({ ...options, partials: this.partials });
        pin(adopted.sha256);
        const known = this.get(adopted.sha256);
        if (known !== undefined && (await this.#isIntact(known))) await discardPartial(adopted.part);
        else await this.#place(adopted);
        return { sha256: adopted.sha256, size: adopted.size };
      },
      keep: async (sha256) => {
        pin(sha256);
        const known = this.get(sha256);
        return known !== undefined && this.#isIntact(known);
      },
      linkModel: (contentHex, files) => {
        pin(contentHex);
        return this.#linkModel(contentHex, files);
      },
      [Symbol.dispose]: () => {
        for (const name of pins) {
          const count = (this.#pins.get(name) ?? 1) - 1;
          if (count === 0) this.#pins.delete(name);
          else this.#pins.set(name, count);
        }
      },
    };
  }

  /**
   * A file of the same size as a blob may be that blob: hashing it is cheaper than copying it to find out.
   * A file whose copy has begun goes on being copied.
   */
  async #presentAlready({
    source,
    signal,
    onProgress,
  }: Omit<AdoptOptions, 'partials'>): Promise<{ sha256: string; size: number } | null> {
    const before = await stat(source, { bigint: true });
    const size = Number(before.size);
    const candidates = this.#database
      .prepare<{ n: number }>("SELECT COUNT(*) AS n FROM blobs WHERE size = :size AND state = 'ready'")
      .get({ size });
    if (candidates === undefined || candidates.n === 0 || (await exists(partialPath(this.partials, source))))
      return null;
    const sha256 = await hashFile({ source, size, signal, onProgress });
    const known = this.get(sha256);
    const unchanged = sameStamp(stampOf(before), stampOf(await stat(source, { bigint: true })));
    return unchanged && known !== undefined && (await this.#isIntact(known)) ? { sha256, size } : null;
  }

  async #place(adopted: Adopted): Promise<void> {
    const path = this.blobPath(adopted.sha256);
    await promote(adopted, path);
    const stamp = stampOf(await stat(path, { bigint: true }));
    const now = this.#clock.now();
    await this.#database.transact(() =>
      this.#database
        .prepare(
          `INSERT INTO blobs (sha256, size, state, dev, ino, mtime_ns, adopted, created_at, verified_at)
           VALUES (:sha256, :size, 'ready', :dev, :ino, :mtime_ns, :adopted, :now, :now)
           ON CONFLICT (sha256) DO UPDATE SET state = 'ready', dev = excluded.dev, ino = excluded.ino,
             mtime_ns = excluded.mtime_ns, adopted = excluded.adopted, verified_at = excluded.verified_at`,
        )
        .run({
          sha256: adopted.sha256,
          size: adopted.size,
          dev: stamp.dev,
          ino: stamp.ino,
          mtime_ns: stamp.mtime_ns,
          adopted: adopted.how,
          now,
        }),
    );
  }

  /** Forgets the partial copy of a source that is not wanted any more. */
  async discard(source: string): Promise<void> {
    await discardPartial(partialPath(this.partials, source));
  }

  /**
   * Compares device, inode, size and time of each blob with what was hashed.
   * @returns the worst of `ready`, `verifying` (changed from outside, has to be hashed again) and `missing`.
   */
  async observe(
    files: readonly ContentFile[],
  ): Promise<'ready' | 'verifying' | 'missing' | 'corrupt' | 'quarantined'> {
    let worst: 'ready' | 'verifying' = 'ready';
    for (const file of files) {
      const row = this.get(file.sha256);
      if (row === undefined || row.state === 'missing') return 'missing';
      if (row.state === 'corrupt' || row.state === 'quarantined') return row.state;
      const found = await stat(this.blobPath(file.sha256), { bigint: true }).catch(
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT') return null;
          throw error;
        },
      );
      if (found === null) return 'missing';
      if (!sameStamp({ ...row }, stampOf(found))) worst = 'verifying';
    }
    return worst;
  }

  /**
   * Reads files again whose stamp changed, and records what they are. A file with the bytes it was stored under is ready
   * again; one with others is corrupt until the right bytes are imported.
   * @param others files that look as they were stored are read too, until this signal; null leaves them
   * @returns what each file is, and how many were read. @throws the reason of `signal`.
   */
  async verify(
    files: readonly ContentFile[],
    others: AbortSignal | null,
    signal: AbortSignal,
  ): Promise<{ states: Map<string, BlobState>; hashed: number }> {
    const states = new Map<string, BlobState>();
    let hashed = 0;
    for (const file of files) {
      const row = this.get(file.sha256);
      const path = this.blobPath(file.sha256);
      const found = await stat(path, { bigint: true }).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null;
        throw error;
      });
      if (row === undefined || found === null) {
        states.set(file.path, 'missing');
        continue;
      }
      const stamp = stampOf(found);
      const asStored = row.state === 'ready' && sameStamp({ ...row }, stamp);
      states.set(file.path, row.state);
      if (row.state === 'quarantined' || (asStored && (others === null || others.aborted))) continue;
      const until = asStored && others !== null ? AbortSignal.any([signal, others]) : signal;
      let sha256: string;
      try {
        sha256 = await hashFile({ source: path, size: Number(found.size), signal: until });
      } catch (error) {
        if (asStored && others?.aborted === true && !signal.aborted) continue;
        throw error;
      }
      hashed += 1;
      const state = sha256 === file.sha256 ? 'ready' : 'corrupt';
      states.set(file.path, state);
      await this.#recordVerified(file.sha256, state, stamp);
    }
    return { states, hashed };
  }

  async #recordVerified(sha256: string, state: 'ready' | 'corrupt', stamp: FileStamp): Promise<void> {
    // The stamp of bytes that are wrong is not what was stored; keeping the old one keeps them recognisable.
    const stampSql = state === 'ready' ? ', dev = :dev, ino = :ino, mtime_ns = :mtime_ns' : '';
    const { size: _size, ...stamps } = stamp;
    await this.#database.transact(() =>
      this.#database
        .prepare(`UPDATE blobs SET state = :state, verified_at = :now${stampSql} WHERE sha256 = :sha256`)
        .run({ sha256, state, now: this.#clock.now(), ...(state === 'ready' ? stamps : {}) }),
    );
  }

  /** When the bytes of these files were last read and compared with their digests: the oldest of them. */
  verifiedAt(files: readonly ContentFile[]): number | null {
    const times = files.map((file) => this.get(file.sha256)?.verified_at ?? null);
    return times.some((time) => time === null) || times.length === 0
      ? null
      : Math.min(...(times as number[]));
  }

  /** Makes the directory that runtimes see: one hard link a file, built aside and moved into place. */
  async #linkModel(contentHex: string, files: readonly ContentFile[]): Promise<string> {
    const target = this.modelDirectory(contentHex);
    if (await this.#isComplete(target, files)) return target;
    const aside = `${target}.${newId()}`;
    for (const file of files) {
      const path = join(aside, ...file.path.split('/'));
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await link(this.blobPath(file.sha256), path);
      await fsyncDirectory(dirname(path));
    }
    await rm(target, { recursive: true, force: true });
    await rename(aside, target);
    await fsyncDirectory(dirname(target));
    return target;
  }

  /**
   * Removes blobs and model directories that no version needs any more. `version_files` of live versions decide.
   * @param of only what these left behind; without it everything is looked at, which takes long in a large store
   * @returns the bytes given back.
   */
  async collect(of?: readonly Leavings[]): Promise<number> {
    const among = of?.flatMap((one) => one.digests);
    const orphans = this.#database
      .prepare<{ sha256: string; size: number }>(
        `SELECT sha256, size FROM blobs
         WHERE ${among === undefined ? '' : 'sha256 IN (SELECT value FROM json_each(:among)) AND'} NOT EXISTS (
           SELECT 1 FROM version_files JOIN versions ON versions.id = version_id
           WHERE version_files.sha256 = blobs.sha256 AND tombstoned_at IS NULL)`,
      )
      .all(among === undefined ? {} : { among: JSON.stringify(among) })
      .filter(({ sha256 }) => !this.#pins.has(sha256));
    if (orphans.length > 0) {
      await this.#database.transact(() => {
        const statement = this.#database.prepare('DELETE FROM blobs WHERE sha256 = :sha256');
        for (const { sha256 } of orphans) statement.run({ sha256 });
      });
    }
    await this.#sweepModels(of?.map((one) => one.contentHex) ?? (await list(join(this.#root, 'models'))));
    for (const { sha256 } of orphans) await rm(this.blobPath(sha256), { force: true });
    return orphans.reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * At start: removes what a crash left that no row knows.
   * @param collect false while an interrupted import will go on and needs what it adopted already.
   */
  async sweep(collect: boolean): Promise<void> {
    for (const prefix of await list(join(this.#root, 'blobs'))) {
      for (const sha256 of await list(join(this.#root, 'blobs', prefix))) {
        if (this.get(sha256) === undefined) await rm(this.blobPath(sha256), { force: true });
      }
    }
    for (const name of await list(this.partials)) {
      const path = join(this.partials, name);
      const { mtimeMs } = await stat(path);
      if (this.#clock.now() - mtimeMs > STALE_PARTIAL_MS) await rm(path, { force: true });
    }
    if (collect) await this.collect();
  }

  async #sweepModels(names: readonly string[]): Promise<void> {
    const statement = this.#database.prepare(
      'SELECT 1 FROM versions WHERE content_id = :content_id AND tombstoned_at IS NULL LIMIT 1',
    );
    for (const name of names) {
      const wanted =
        this.#pins.has(name) || statement.get({ content_id: GLOBAL_MODEL_ID_PREFIX + name }) !== undefined;
      if (!wanted) await rm(join(this.#root, 'models', name), { recursive: true, force: true });
    }
  }

  async #isIntact(row: BlobRow): Promise<boolean> {
    if (row.state !== 'ready') return false;
    return (await this.observe([{ path: '', size: row.size, sha256: row.sha256 }])) === 'ready';
  }

  async #isComplete(directory: string, files: readonly ContentFile[]): Promise<boolean> {
    for (const file of files) {
      const path = join(directory, ...file.path.split('/'));
      if (!(await exists(path))) return false;
      const row = this.get(file.sha256);
      if (row === undefined || String((await stat(path, { bigint: true })).ino) !== row.ino) return false;
    }
    return true;
  }
}

async function list(directory: string): Promise<string[]> {
  return readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
}
