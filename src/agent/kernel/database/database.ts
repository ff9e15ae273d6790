import BetterSqlite3 from 'better-sqlite3';
import { AppError } from '../../../shared/contract/index.ts';
import { DurabilityBarrier } from './durability.ts';
import { MIGRATIONS, SCHEMA_VERSION } from './migrations/index.ts';

export type SqlValue = string | number | bigint | Buffer | null;

export type SqlParams = Readonly<Record<string, SqlValue>>;

/** A prepared statement with named parameters and typed rows. */
export interface Statement<Row> {
  get(params: SqlParams): Row | undefined;
  all(params: SqlParams): Row[];
  run(params: SqlParams): { changes: number; lastInsertRowid: number };
  iterate(params: SqlParams): IterableIterator<Row>;
}

export type DatabaseState = 'ok' | 'checking' | 'corrupt';

/** What a use case does in its transaction, besides SQL. */
export interface UnitOfWork {
  /** Runs when the commit is durable, in order of registration. For events and effects. */
  after(effect: () => void): void;
}

/**
 * The one connection that writes. All SQL of the agent goes through it; foreign errors end here.
 *
 * Writing stops for good when SQLite reports corruption or when the disk refused to make a commit durable: going on
 * would spread the damage, and reading (and so serving) still works.
 */
export class Database {
  readonly path: string;
  readonly #sqlite: BetterSqlite3.Database;
  readonly #statements = new Map<string, BetterSqlite3.Statement>();
  readonly #onCorrupt: (message: string) => void;
  #barrier: DurabilityBarrier | null = null;
  #state: DatabaseState = 'ok';
  #stopped: AppError | null = null;
  #commits = 0;

  private constructor(path: string, sqlite: BetterSqlite3.Database, onCorrupt: (message: string) => void) {
    this.path = path;
    this.#sqlite = sqlite;
    this.#onCorrupt = onCorrupt;
  }

  /**
   * Opens the database in WAL mode. `migrate()` has to follow before anything else.
   * @throws {AppError} `database_corrupt`, `data_dir_unusable`.
   */
  static open(path: string, onCorrupt: (message: string) => void = () => undefined): Database {
    let sqlite: BetterSqlite3.Database | null = null;
    try {
      sqlite = new BetterSqlite3(path);
      sqlite.pragma('journal_mode = WAL');
      sqlite.pragma('synchronous = NORMAL');
      sqlite.pragma('wal_autocheckpoint = 0');
      sqlite.pragma('foreign_keys = ON');
      sqlite.pragma('temp_store = MEMORY');
      sqlite.pragma('cache_size = -16000');
      sqlite.pragma('trusted_schema = OFF');
      return new Database(path, sqlite, onCorrupt);
    } catch (error) {
      sqlite?.close();
      throw translate(error, path);
    }
  }

  get state(): DatabaseState {
    return this.#state;
  }

  set checking(value: boolean) {
    if (this.#state !== 'corrupt') this.#state = value ? 'checking' : 'ok';
  }

  get schemaVersion(): number {
    return this.#guard(() => this.#sqlite.pragma('user_version', { simple: true }) as number);
  }

  get sizeBytes(): number {
    return this.#guard(
      () =>
        (this.#sqlite.pragma('page_count', { simple: true }) as number) *
        (this.#sqlite.pragma('page_size', { simple: true }) as number),
    );
  }

  /** Number of commits since open; the check-pointer looks at it. */
  get commits(): number {
    return this.#commits;
  }

  /** Checks pages and indexes of a small database. @throws {AppError} `database_corrupt`. */
  quickCheck(): void {
    const rows = this.#guard(() => this.#sqlite.pragma('quick_check(1)') as { quick_check: string }[]);
    const problem = rows[0]?.quick_check;
    if (problem === undefined || problem === 'ok') return;
    throw new AppError('database_corrupt', `The database is damaged (${problem}).`);
  }

  /** Applies the missing migrations, each in a transaction of its own, then opens the durability barrier. */
  async migrate(): Promise<void> {
    for (let version = this.schemaVersion; version < SCHEMA_VERSION; version += 1) {
      this.#guard(() => {
        this.#sqlite
          .transaction(() => {
            this.#sqlite.exec(MIGRATIONS[version] ?? '');
            this.#sqlite.pragma(`user_version = ${version + 1}`);
          })
          .immediate();
      });
    }
    // The log has to exist before the barrier can hold it; a write of no consequence makes it.
    this.#guard(() => {
      this.#sqlite
        .transaction(() => {
          this.#sqlite.exec(`INSERT INTO meta (key, value) VALUES ('opened', '1')
          ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1`);
        })
        .immediate();
    });
    this.#barrier = await DurabilityBarrier.open(this.path);
    await this.#barrier.wait();
  }

  /** Prepares once per text. `Row` is what the columns are; SQLite's STRICT tables keep that true. */
  prepare<Row = unknown>(sql: string): Statement<Row> {
    const statement = this.#guard(() => {
      const known = this.#statements.get(sql);
      if (known !== undefined) return known;
      const made = this.#sqlite.prepare(sql);
      this.#statements.set(sql, made);
      return made;
    });
    const bind = (params: SqlParams): [SqlParams] | [] => (Object.keys(params).length === 0 ? [] : [params]);
    return {
      get: (params) => this.#guard(() => statement.get(...bind(params)) as Row | undefined),
      all: (params) => this.#guard(() => statement.all(...bind(params)) as Row[]),
      iterate: (params) => this.#guard(() => statement.iterate(...bind(params)) as IterableIterator<Row>),
      run: (params) =>
        this.#guard(() => {
          this.#assertWritable();
          const { changes, lastInsertRowid } = statement.run(...bind(params));
          return { changes, lastInsertRowid: Number(lastInsertRowid) };
        }),
    };
  }

  /** Rows of a statement whose text is made at run time (filters of a list). Parameters are positional. */
  query<Row>(sql: string, params: readonly SqlValue[]): Row[] {
    return this.#guard(() => {
      let statement = this.#statements.get(sql);
      if (statement === undefined) {
        statement = this.#sqlite.prepare(sql);
        this.#statements.set(sql, statement);
      }
      return statement.all(...params) as Row[];
    });
  }

  /**
   * Runs `work` in one transaction, waits until it is durable, then runs its effects.
   * A throw inside rolls everything back and runs no effect.
   */
  async transact<T>(work: (unit: UnitOfWork) => T): Promise<T> {
    const effects: (() => void)[] = [];
    const result = this.transactNow((unit) => work(unit), effects);
    await this.durable();
    for (const effect of effects) effect();
    return result;
  }

  /**
   * The same without waiting for the disk, for rows that may be lost with the last second (usage, progress, leases).
   * Effects run at once.
   */
  transactLazily<T>(work: (unit: UnitOfWork) => T): T {
    const effects: (() => void)[] = [];
    const result = this.transactNow(work, effects);
    for (const effect of effects) effect();
    return result;
  }

  /** Resolves when every commit made so far is on disk. */
  async durable(): Promise<void> {
    try {
      await this.#barrier?.wait();
    } catch (cause) {
      this.#stopped ??= new AppError(
        'storage_unavailable',
        'The disk did not keep the last change; writing has stopped.',
        {
          hint: 'Check the disk, then restart the agent.',
          cause,
        },
      );
      throw this.#stopped;
    }
  }

  async walBytes(): Promise<number> {
    return (await this.#barrier?.walBytes()) ?? 0;
  }

  /** Called by whatever found damage: the worker that checks, or any statement. */
  markCorrupt(message: string): void {
    if (this.#state === 'corrupt') return;
    this.#state = 'corrupt';
    this.#stopped = new AppError(
      'database_corrupt',
      `The database is damaged (${message}). Nothing is written any more.`,
    );
    this.#onCorrupt(message);
  }

  async close(): Promise<void> {
    await this.#barrier?.close();
    this.#barrier = null;
    this.#statements.clear();
    this.#sqlite.close();
  }

  private transactNow<T>(work: (unit: UnitOfWork) => T, effects: (() => void)[]): T {
    return this.#guard(() => {
      this.#assertWritable();
      const result = this.#sqlite
        .transaction(() => work({ after: (effect) => effects.push(effect) }))
        .immediate();
      this.#commits += 1;
      return result;
    });
  }

  #assertWritable(): void {
    if (this.#stopped !== null) throw this.#stopped;
  }

  #guard<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      const translated = translate(error, this.path);
      if (translated instanceof AppError && translated.code === 'database_corrupt')
        this.markCorrupt(translated.message);
      throw translated;
    }
  }
}

/** SQLite's result codes in the words of the error table. Anything that is not SQLite's passes unchanged. */
function translate(error: unknown, path: string): unknown {
  if (!(error instanceof BetterSqlite3.SqliteError)) return error;
  const { code, message } = error;
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
    return new AppError('database_corrupt', `SQLite reports damage in the database: ${message}.`, {
      cause: error,
    });
  }
  if (code === 'SQLITE_FULL')
    return new AppError('resource_exhausted', 'The disk with the data directory is full.', { cause: error });
  if (code.startsWith('SQLITE_CANTOPEN') || code.startsWith('SQLITE_READONLY') || code === 'SQLITE_PERM') {
    return new AppError('data_dir_unusable', `The database ${path} cannot be opened for writing.`, {
      cause: error,
    });
  }
  if (code.startsWith('SQLITE_IOERR')) {
    return new AppError('storage_unavailable', 'The disk with the data directory reports an error.', {
      cause: error,
    });
  }
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new AppError('storage_unavailable', 'Another program holds the database.', { cause: error });
  }
  return error;
}
