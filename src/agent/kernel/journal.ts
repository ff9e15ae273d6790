import { createPublicKey, verify } from 'node:crypto';
import { AppError } from '../../shared/contract/index.ts';
import type { Clock } from './clock.ts';
import type { Database, Statement, UnitOfWork } from './database/database.ts';
import { sha256Hex } from './ids.ts';

/** One change, as the use case tells it. `data` holds ids and digests only, never names, prompts or secrets. */
export interface JournalEntry {
  readonly actorId: string | null;
  /** `<what>.<done>`, for example `model.activated`. */
  readonly action: string;
  /** `<kind>:<id>`. */
  readonly subject: string | null;
  readonly data?: Record<string, unknown>;
  /** What a person wrote about it. Kept apart, so that it can be erased and the chain still verifies. */
  readonly note?: string | undefined;
}

export interface JournalRecord {
  readonly seq: number;
  readonly at: number;
  readonly actor_id: string | null;
  readonly action: string;
  readonly subject: string | null;
  readonly data: string | null;
  readonly data_hash: string;
  readonly prev_hash: string;
  readonly hash: string;
  readonly note: string | null;
  readonly actor_name: string | null;
}

export interface Signer {
  readonly fingerprint: string;
  /** DER (SPKI) of the public key, for whoever verifies. */
  readonly publicKey: Buffer;
  sign(data: string): string;
}

export interface Verification {
  readonly ok: boolean;
  readonly rows: number;
  readonly head_seq: number;
  readonly head_hash: string;
  /** The last row a valid signature vouches for; 0 when none does. */
  readonly signed_seq: number;
  readonly key_fingerprint: string | null;
  readonly broken_at: number | null;
  readonly problem: string | null;
}

const GENESIS = '0'.repeat(64);
const SIGN_EVERY = 1000;
const VERIFY_BATCH = 5000;

/** What the chain covers. JSON of an array keeps the fields apart whatever is in them. */
function rowHash(
  row: Pick<JournalRecord, 'seq' | 'at' | 'actor_id' | 'action' | 'subject' | 'data_hash' | 'prev_hash'>,
): string {
  return sha256Hex(
    JSON.stringify([row.prev_hash, row.seq, row.at, row.actor_id, row.action, row.subject, row.data_hash]),
  );
}

function headText(seq: number, hash: string): string {
  return `modelops.journal.head.v1\n${seq}\n${hash}`;
}

/**
 * The hash-chained journal: audit log and durable event stream in one. A row is appended in the transaction of the
 * change it tells; listeners hear of it when that transaction is durable.
 */
export class Journal {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #listeners = new Set<(record: JournalRecord) => void>();
  readonly #insert: Statement<never>;
  readonly #insertNote: Statement<never>;
  #signer: Signer | null = null;
  #head: { seq: number; hash: string; at: number };

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
    this.#insert =
      database.prepare(`INSERT INTO journal (seq, at, actor_id, action, subject, data, data_hash, prev_hash, hash)
      VALUES (:seq, :at, :actor_id, :action, :subject, :data, :data_hash, :prev_hash, :hash)`);
    this.#insertNote = database.prepare('INSERT INTO journal_notes (seq, note) VALUES (:seq, :note)');
    this.#head = this.#readHead();
  }

  /** Number of the last row. */
  get headSeq(): number {
    return this.#head.seq;
  }

  set signer(signer: Signer | null) {
    this.#signer = signer;
  }

  get signerFingerprint(): string | null {
    return this.#signer?.fingerprint ?? null;
  }

  /** Appends inside the caller's transaction. */
  append(unit: UnitOfWork, entry: JournalEntry): JournalRecord {
    // Another transaction may have been rolled back since; the table knows.
    const head = this.#readHead();
    const data = JSON.stringify(entry.data ?? {});
    const base = {
      seq: head.seq + 1,
      // A clock that is set back must not turn the order of the rows around.
      at: Math.max(this.#clock.now(), head.at),
      actor_id: entry.actorId,
      action: entry.action,
      subject: entry.subject,
      data,
      data_hash: sha256Hex(data),
      prev_hash: head.hash,
    };
    const row = { ...base, hash: rowHash(base) };
    this.#insert.run(row);
    const note = entry.note === undefined || entry.note.trim() === '' ? null : entry.note;
    if (note !== null) this.#insertNote.run({ seq: row.seq, note });
    unit.after(() => {
      this.#head = { seq: row.seq, hash: row.hash, at: row.at };
      const record: JournalRecord = { ...row, note, actor_name: null };
      for (const listener of this.#listeners) listener(record);
      if (row.seq % SIGN_EVERY === 0) this.signHead();
    });
    return { ...row, note, actor_name: null };
  }

  /** Calls back for every row, in order, once it is durable. */
  listen(listener: (record: JournalRecord) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Rows after `seq`, oldest first. */
  after(seq: number, limit: number): JournalRecord[] {
    return this.#database
      .prepare<JournalRecord>(
        `SELECT journal.*, note, NULLIF(principals.name, '') AS actor_name FROM journal
         LEFT JOIN journal_notes USING (seq) LEFT JOIN principals ON principals.id = actor_id
         WHERE journal.seq > :seq ORDER BY journal.seq LIMIT :limit`,
      )
      .all({ seq, limit });
  }

  /** Rows before `seq`, newest first; of one subject or action when asked. */
  before(
    seq: number,
    limit: number,
    filter: { subject?: string | undefined; action?: string | undefined },
  ): JournalRecord[] {
    return this.#database
      .prepare<JournalRecord>(
        `SELECT journal.*, note, NULLIF(principals.name, '') AS actor_name FROM journal
         LEFT JOIN journal_notes USING (seq) LEFT JOIN principals ON principals.id = actor_id
         WHERE journal.seq < :seq AND (:subject IS NULL OR subject = :subject) AND (:action IS NULL OR action = :action)
         ORDER BY journal.seq DESC LIMIT :limit`,
      )
      .all({ seq, limit, subject: filter.subject ?? null, action: filter.action ?? null });
  }

  /** Signs the last row with the node's key. Does nothing without a key or when it is signed already. */
  signHead(): void {
    const signer = this.#signer;
    const head = this.#readHead();
    if (signer === null || head.seq === 0) return;
    this.#database.transactLazily(() =>
      this.#database
        .prepare(
          `INSERT INTO journal_heads (seq, hash, signed_at, key_fingerprint, signature)
           VALUES (:seq, :hash, :at, :fingerprint, :signature) ON CONFLICT (seq) DO NOTHING`,
        )
        .run({
          seq: head.seq,
          hash: head.hash,
          at: this.#clock.now(),
          fingerprint: signer.fingerprint,
          signature: signer.sign(headText(head.seq, head.hash)),
        }),
    );
  }

  /**
   * Recomputes the chain from the first row and checks the signed heads against the public key.
   * Yields to the event loop between batches. @param signal stops it.
   */
  async verify(publicKey: Buffer | null, signal: AbortSignal): Promise<Verification> {
    const key = publicKey === null ? null : createPublicKey({ key: publicKey, format: 'der', type: 'spki' });
    const fingerprint = publicKey === null ? null : sha256Hex(publicKey);
    const heads = new Map(
      this.#database
        .prepare<{ seq: number; hash: string; signature: string }>(
          'SELECT seq, hash, signature FROM journal_heads',
        )
        .all({})
        .map((head) => [head.seq, head]),
    );
    let previous = GENESIS;
    let seq = 0;
    let signed = 0;
    const fail = (at: number, problem: string): Verification => ({
      ok: false,
      rows: seq,
      head_seq: seq,
      head_hash: previous,
      signed_seq: signed,
      key_fingerprint: fingerprint,
      broken_at: at,
      problem,
    });
    for (;;) {
      if (signal.aborted) throw new AppError('shutting_down', 'The verification was stopped.');
      const rows = this.after(seq, VERIFY_BATCH);
      for (const row of rows) {
        if (row.seq !== seq + 1) return fail(seq + 1, `Row ${seq + 1} is missing.`);
        if (row.prev_hash !== previous) return fail(row.seq, `Row ${row.seq} does not follow row ${seq}.`);
        if (row.data !== null && sha256Hex(row.data) !== row.data_hash)
          return fail(row.seq, `The data of row ${row.seq} was changed.`);
        if (rowHash(row) !== row.hash) return fail(row.seq, `Row ${row.seq} was changed.`);
        const head = heads.get(row.seq);
        if (head !== undefined) {
          if (head.hash !== row.hash) return fail(row.seq, `The signed head ${row.seq} is of another chain.`);
          if (key !== null) {
            if (
              !verify(
                null,
                Buffer.from(headText(row.seq, row.hash)),
                key,
                Buffer.from(head.signature, 'base64'),
              )
            ) {
              return fail(row.seq, `The signature of head ${row.seq} is wrong.`);
            }
            signed = row.seq;
          }
          heads.delete(row.seq);
        }
        previous = row.hash;
        seq = row.seq;
      }
      if (rows.length < VERIFY_BATCH) break;
      await new Promise((resolve) => setImmediate(resolve));
    }
    const [beyond] = [...heads.keys()].toSorted((a, b) => a - b);
    if (beyond !== undefined)
      return fail(beyond, `Head ${beyond} was signed, but the journal ends at ${seq}.`);
    return {
      ok: true,
      rows: seq,
      head_seq: seq,
      head_hash: previous,
      signed_seq: signed,
      key_fingerprint: fingerprint,
      broken_at: null,
      problem: null,
    };
  }

  #readHead(): { seq: number; hash: string; at: number } {
    const row = this.#database
      .prepare<{ seq: number; hash: string; at: number }>(
        'SELECT seq, hash, at FROM journal ORDER BY seq DESC LIMIT 1',
      )
      .get({});
    return row ?? { seq: 0, hash: GENESIS, at: 0 };
  }
}
