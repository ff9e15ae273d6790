import { onTestFinished } from 'vitest';
import { Database } from '../../src/agent/kernel/database/database.ts';

/** A real database of the newest schema; closed when the test that asked for it ends. */
export async function openDatabase(path: string): Promise<Database> {
  const database = Database.open(path);
  await database.migrate();
  onTestFinished(() => database.close());
  return database;
}
