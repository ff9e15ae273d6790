import { randomFillSync } from 'node:crypto';
import { open } from 'node:fs/promises';

/** Writes a file as a download does: as fast as the disk takes it, made durable every 64 MiB. Arguments: path, bytes. */
const [, , path = '', bytes = '0'] = process.argv;
const BLOCK_BYTES = 8 * 1024 * 1024;
const SYNC_BYTES = 64 * 1024 * 1024;

const file = await open(path, 'w', 0o600);
const block = randomFillSync(Buffer.allocUnsafeSlow(BLOCK_BYTES));
const total = Number(bytes);
for (let written = 0; written < total; written += BLOCK_BYTES) {
  // Another number in each block, so that no disk finds two alike.
  block.writeBigUInt64LE(BigInt(written));
  await file.write(block);
  if ((written + BLOCK_BYTES) % SYNC_BYTES === 0) await file.datasync();
}
await file.sync();
await file.close();
