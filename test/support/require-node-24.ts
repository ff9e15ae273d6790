import { assertNodeVersion } from '../../src/agent/kernel/node-version.ts';

/** better-sqlite3 ends an older Node with a segmentation fault; this ends it with a sentence. */
export default function setup(): void {
  assertNodeVersion();
}
