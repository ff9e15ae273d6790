import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { z } from 'zod';
import { AppError } from '../../shared/contract/index.ts';
import type { Clock } from './clock.ts';
import type { DataDir } from './data-dir.ts';
import type { Database } from './database/database.ts';
import { exists, writeFileDurably } from './files.ts';

/**
 * Secrets at rest: AES-256-GCM under a master key. The master key never lies on disk in the clear: it is wrapped
 * under a key of its keeper, which is a 0600 file beside the database, or the desktop's OS keychain. An agent that
 * is not handed the keeper's key runs with its secrets locked and says so; it never makes a new master key instead.
 */
export type Keeper = 'file' | 'keychain';
export type SecretsState = 'unlocked' | 'locked';

const WrapSchema = z.strictObject({
  version: z.literal(1),
  key_id: z.string(),
  wrapped_by: z.enum(['file', 'keychain']),
  nonce: z.base64(),
  ciphertext: z.base64(),
});
type Wrap = z.infer<typeof WrapSchema>;

interface Sealed {
  readonly nonce: Buffer;
  readonly ciphertext: Buffer;
}

function seal(key: Buffer, plain: Buffer, context: string): Sealed {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context));
  const ciphertext = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return { nonce, ciphertext };
}

/** @returns null when the key is not the right one or the text was changed. */
function unseal(key: Buffer, { nonce, ciphertext }: Sealed, context: string): Buffer | null {
  if (ciphertext.length < 16) return null;
  const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context));
  decipher.setAuthTag(ciphertext.subarray(-16));
  try {
    return Buffer.concat([decipher.update(ciphertext.subarray(0, -16)), decipher.final()]);
  } catch {
    // GCM tells a wrong key and a changed text apart from nothing else; both mean: not this key.
    return null;
  }
}

export class Secrets {
  readonly #database: Database;
  readonly #paths: DataDir;
  readonly #clock: Clock;
  #wrap: Wrap;
  #master: Buffer | null;

  private constructor(database: Database, paths: DataDir, clock: Clock, wrap: Wrap, master: Buffer | null) {
    this.#database = database;
    this.#paths = paths;
    this.#clock = clock;
    this.#wrap = wrap;
    this.#master = master;
  }

  /**
   * Opens the secrets of a data directory; makes the master key on the very first start.
   * @param offered the keychain's key, when the desktop handed one over; it also becomes the keeper of a new key.
   */
  static async open(
    database: Database,
    paths: DataDir,
    clock: Clock,
    offered: Buffer | null,
  ): Promise<Secrets> {
    const known = await readWrap(paths);
    if (known === null) {
      if (hasSecrets(database)) {
        // Making a new key now would bury what the old one opens.
        const lost: Wrap = { version: 1, key_id: 'lost', wrapped_by: 'file', nonce: '', ciphertext: '' };
        return new Secrets(database, paths, clock, lost, null);
      }
      const master = randomBytes(32);
      const keeper: Keeper = offered === null ? 'file' : 'keychain';
      const keeperKey = offered ?? (await makeFileKey(paths));
      const wrap = await writeWrap(paths, keeper, keeperKey, master);
      return new Secrets(database, paths, clock, wrap, master);
    }
    const keeperKey = known.wrapped_by === 'file' ? await readFileKey(paths) : offered;
    const master = keeperKey === null ? null : unwrap(known, keeperKey);
    return new Secrets(database, paths, clock, known, master);
  }

  get state(): SecretsState {
    return this.#master === null ? 'locked' : 'unlocked';
  }

  get wrappedBy(): Keeper {
    return this.#wrap.wrapped_by;
  }

  /** @throws {AppError} `forbidden` when the key does not open them. */
  unlock(offered: Buffer): void {
    if (this.#master !== null) return;
    const master = unwrap(this.#wrap, offered);
    if (master === null) {
      throw new AppError('forbidden', 'This key does not open the secrets of this node.', {
        hint: 'Use the desktop app and the operating system account that made them.',
      });
    }
    this.#master = master;
  }

  /** Moves the master key to another keeper. @throws {AppError} `secrets_locked`, `storage_unavailable`. */
  async rewrap(keeper: Keeper, offered: Buffer | null): Promise<void> {
    const master = this.#requireMaster();
    const keeperKey =
      keeper === 'file' ? ((await readFileKey(this.#paths)) ?? (await makeFileKey(this.#paths))) : offered;
    if (keeperKey === null)
      throw new AppError('invalid_argument', 'Moving to the keychain needs its key.', {
        details: { fields: ['key'] },
      });
    this.#wrap = await writeWrap(this.#paths, keeper, keeperKey, master);
    // Only now does nothing need the file any more.
    if (keeper === 'keychain') await rm(this.#paths.secretsKey, { force: true });
  }

  has(name: string): boolean {
    return (
      this.#database.prepare<object>('SELECT 1 FROM secrets WHERE name = :name').get({ name }) !== undefined
    );
  }

  /** Writes inside the caller's transaction. @throws {AppError} `secrets_locked`. */
  put(name: string, value: string): void {
    const { nonce, ciphertext } = seal(this.#requireMaster(), Buffer.from(value), name);
    this.#database
      .prepare(
        `INSERT INTO secrets (name, key_id, nonce, ciphertext, updated_at) VALUES (:name, :key_id, :nonce, :ciphertext, :at)
         ON CONFLICT (name) DO UPDATE SET key_id = excluded.key_id, nonce = excluded.nonce,
           ciphertext = excluded.ciphertext, updated_at = excluded.updated_at`,
      )
      .run({ name, key_id: this.#wrap.key_id, nonce, ciphertext, at: this.#clock.now() });
  }

  /** Erases inside the caller's transaction; works while locked. */
  remove(name: string): void {
    this.#database.prepare('DELETE FROM secrets WHERE name = :name').run({ name });
  }

  /** @returns null when there is no such secret. @throws {AppError} `secrets_locked`, `database_corrupt`. */
  get(name: string): string | null {
    const row = this.#database
      .prepare<Sealed>('SELECT nonce, ciphertext FROM secrets WHERE name = :name')
      .get({ name });
    if (row === undefined) return null;
    const plain = unseal(this.#requireMaster(), row, name);
    if (plain === null)
      throw new AppError(
        'database_corrupt',
        `The secret ${name} does not open; it was changed from outside.`,
      );
    return plain.toString();
  }

  #requireMaster(): Buffer {
    if (this.#master !== null) return this.#master;
    throw new AppError(
      'secrets_locked',
      `The secrets of this node are kept by the ${this.#wrap.wrapped_by}, which did not open them.`,
    );
  }
}

function hasSecrets(database: Database): boolean {
  return database.prepare<object>('SELECT 1 FROM secrets LIMIT 1').get({}) !== undefined;
}

function unwrap(wrap: Wrap, keeperKey: Buffer): Buffer | null {
  if (wrap.ciphertext === '') return null;
  const sealed = {
    nonce: Buffer.from(wrap.nonce, 'base64'),
    ciphertext: Buffer.from(wrap.ciphertext, 'base64'),
  };
  return unseal(kek(keeperKey), sealed, wrapContext(wrap.key_id, wrap.wrapped_by));
}

/** Whatever length the keeper's key has, the cipher gets 256 bits of it. */
function kek(keeperKey: Buffer): Buffer {
  return createHash('sha256').update('modelops.secrets.kek.v1\0').update(keeperKey).digest();
}

function wrapContext(keyId: string, keeper: Keeper): string {
  return `modelops.secrets.wrap.v1 ${keyId} ${keeper}`;
}

async function writeWrap(paths: DataDir, keeper: Keeper, keeperKey: Buffer, master: Buffer): Promise<Wrap> {
  const keyId = createHash('sha256')
    .update('modelops.secrets.id.v1\0')
    .update(master)
    .digest('hex')
    .slice(0, 16);
  const { nonce, ciphertext } = seal(kek(keeperKey), master, wrapContext(keyId, keeper));
  const wrap: Wrap = {
    version: 1,
    key_id: keyId,
    wrapped_by: keeper,
    nonce: nonce.toString('base64'),
    ciphertext: ciphertext.toString('base64'),
  };
  await writeFileDurably(paths.secretsWrap, `${JSON.stringify(wrap)}\n`, 0o600);
  return wrap;
}

async function readWrap(paths: DataDir): Promise<Wrap | null> {
  if (!(await exists(paths.secretsWrap))) return null;
  const parsed = WrapSchema.safeParse(JSON.parse(await readFile(paths.secretsWrap, 'utf8')));
  if (!parsed.success)
    throw new AppError('data_dir_unusable', `${paths.secretsWrap} is not what the agent wrote.`);
  return parsed.data;
}

async function makeFileKey(paths: DataDir): Promise<Buffer> {
  const key = randomBytes(32);
  await writeFileDurably(paths.secretsKey, `${key.toString('base64')}\n`, 0o600);
  return key;
}

async function readFileKey(paths: DataDir): Promise<Buffer | null> {
  if (!(await exists(paths.secretsKey))) return null;
  const key = Buffer.from((await readFile(paths.secretsKey, 'utf8')).trim(), 'base64');
  return key.length === 32 ? key : null;
}
