import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { hostname } from 'node:os';
import { slugify } from '../../shared/contract/index.ts';
import type { Database } from './database/database.ts';
import { newId, sha256Hex } from './ids.ts';
import type { Signer } from './journal.ts';
import type { Secrets } from './secrets.ts';

const PRIVATE_KEY = 'node.signing_key';

/** Who this node is: an id for life and an Ed25519 key that signs its journal. */
export interface NodeIdentity {
  readonly nodeId: string;
  readonly nodeName: string;
  /** DER (SPKI); null when the key was never made because the secrets were locked from the start. */
  readonly publicKey: Buffer | null;
}

export function loadNodeIdentity(database: Database): NodeIdentity {
  const read = (key: string): string | null =>
    database.prepare<{ value: string }>('SELECT value FROM meta WHERE key = :key').get({ key })?.value ??
    null;
  const put = (key: string, value: string): void => {
    database
      .prepare('INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO NOTHING')
      .run({ key, value });
  };
  if (read('node_id') === null) {
    database.transactLazily(() => {
      put('node_id', newId());
      put('node_name', slugify(hostname()));
    });
  }
  const publicKey = read('node_public_key');
  return {
    nodeId: read('node_id') ?? '',
    nodeName: read('node_name') ?? '',
    publicKey: publicKey === null ? null : Buffer.from(publicKey, 'base64'),
  };
}

/** The signer of the node, or null while the secrets are locked. Makes the key pair the first time. */
export function loadSigner(database: Database, secrets: Secrets): Signer | null {
  if (secrets.state === 'locked') return null;
  const stored = secrets.get(PRIVATE_KEY);
  const privateKey = stored === null ? makeKey(database, secrets) : createPrivateKey(stored);
  const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return {
    publicKey,
    fingerprint: sha256Hex(publicKey),
    sign: (data) => sign(null, Buffer.from(data), privateKey).toString('base64'),
  };
}

function makeKey(database: Database, secrets: Secrets): KeyObject {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  database.transactLazily(() => {
    secrets.put(PRIVATE_KEY, privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
    database.prepare('INSERT INTO meta (key, value) VALUES (:key, :value)').run({
      key: 'node_public_key',
      value: publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
    });
  });
  return privateKey;
}
