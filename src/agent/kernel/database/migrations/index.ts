import { sql as first } from './0001-first.ts';
import { sql as governance } from './0002-governance.ts';
import { sql as search } from './0003-search.ts';
import { sql as runtimes } from './0004-runtimes.ts';

/** In order; the position is the `user_version` after it. Never change one that was released. */
export const MIGRATIONS: readonly string[] = [first, governance, search, runtimes];

export const SCHEMA_VERSION = MIGRATIONS.length;
