import { createHash } from 'node:crypto';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';

/** Written whenever somebody calls, whatever he asks: when a key was last used. */
const BESIDES: Readonly<Record<string, readonly string[]>> = { api_keys: ['last_used_at'] };

/** What a data directory holds, table by table, so that a test sees whether anything was written. */
export class DatabaseDigest implements Disposable {
  readonly #sqlite: BetterSqlite3.Database;
  readonly #tables: readonly string[];

  constructor(dataDir: string) {
    this.#sqlite = new BetterSqlite3(join(dataDir, 'modelops.db'), { readonly: true });
    this.#tables = this.#sqlite
      .prepare<[], { name: string }>(
        // Shadow tables of a full-text index follow from what they index.
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name",
      )
      .all()
      .map(({ name }) => name);
  }

  /** Rows and a digest of each table, and the head of the journal. */
  take(): Record<string, string> {
    return Object.fromEntries(this.#tables.map((table) => [table, this.#digest(table)]));
  }

  #digest(table: string): string {
    const hash = createHash('sha256');
    let rows = 0;
    for (const row of this.#sqlite
      .prepare<[], Record<string, unknown>>(`SELECT * FROM "${table}"`)
      .iterate()) {
      for (const column of BESIDES[table] ?? []) delete row[column];
      hash.update(JSON.stringify(row));
      rows += 1;
    }
    return `${rows} rows ${hash.digest('hex').slice(0, 16)}`;
  }

  [Symbol.dispose](): void {
    this.#sqlite.close();
  }
}
