/**
 * better-sqlite3 13 is built against Node-API 10. Node 20 has 9: opening a database there ends the process with a
 * segmentation fault and no message, so the version is asked for before the module is loaded.
 */
const MINIMUM_NODE_MAJOR = 24;

/** @throws {Error} with a sentence that says what to do, when this Node cannot open the database. */
export function assertNodeVersion(version: string = process.versions.node): void {
  const major = Number(version.split('.')[0]);
  if (major >= MINIMUM_NODE_MAJOR) return;
  throw new Error(
    `ModelOps Node needs Node.js ${MINIMUM_NODE_MAJOR} or newer; this is ${version}. ` +
      'In a checkout, `npm ci` installs the right one and `npm run -s modelops -- ...` uses it.',
  );
}
