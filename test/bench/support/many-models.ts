import { createHash } from 'node:crypto';
import { systemClock } from '../../../src/agent/kernel/clock.ts';
import { dataDirPaths } from '../../../src/agent/kernel/data-dir.ts';
import { Database } from '../../../src/agent/kernel/database/database.ts';
import { GLOBAL_MODEL_ID_PREFIX } from '../../../src/shared/contract/index.ts';
import { startAgent } from './agent.ts';
import type { Scope } from './scope.ts';

/** A catalogue as a company has it: real-looking names, five tags a model, owners, groups, every state. */

const BASES = ['llama', 'qwen', 'mistral', 'phi', 'gemma', 'falcon', 'bert', 'bge', 'granite', 'deepseek'];
const SIZES = ['0.5b', '1.5b', '3b', '7b', '8b', '14b', '32b', '70b'];
const KINDS = ['instruct', 'base', 'chat', 'coder', 'reasoning', 'embed'];
const QUANTS = ['q4_k_m', 'q5_k_m', 'q8_0', 'f16', 'bf16'];
const TEAMS = ['search', 'support', 'legal', 'risk', 'factory', 'research', 'sales', 'logistics'];
const STATES = ['created', 'registered', 'registered', 'validated', 'active', 'inactive', 'unregistered'];
const VERSIONS_OF_A_FAMILY = 4;
const FILE_BYTES = 4_920_734_272;

/** Seed of the numbers, so that two runs measure the same catalogue. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export interface BigCatalogue {
  readonly dataDir: string;
  /** The hex digits of one model's content. */
  readonly digest: string;
  /** A tag that 20 models carry. */
  readonly rareTag: string;
}

/** Written by SQL into the data directory of an agent that ran before. The bytes of the files are not there. */
export async function makeBigCatalogue(scope: Scope, name: string, models: number): Promise<BigCatalogue> {
  const dataDir = await scope.directory(name);
  await (await startAgent(scope, dataDir)).stop();
  const database = Database.open(dataDirPaths(dataDir).database);
  await database.migrate();
  await database.transact(() => fill(database, models));
  await database.close();
  return { dataDir, digest: digestOf(Math.floor(models / 2)), rareTag: 'run-7' };
}

function digestOf(index: number): string {
  return createHash('sha256').update(`content ${index}`).digest('hex');
}

function fill(database: Database, models: number): void {
  const now = systemClock.now();
  const next = random(7);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)]!;
  const insertPrincipal = database.prepare(
    "INSERT INTO principals (id, kind, name, role, created_at) VALUES (:id, 'person', :id, 'user', :now)",
  );
  for (const team of TEAMS) insertPrincipal.run({ id: `person-${team}`, now });
  database
    .prepare("INSERT INTO groups (id, name, created_at) VALUES ('everyone', 'everyone', :now)")
    .run({ now });
  const insertFamily = database.prepare(
    'INSERT INTO families (uid, name, task_key, latest_seq, created_at, updated_at) VALUES (:name, :name, :task, :latest, :now, :now)',
  );
  const insertVersion = database.prepare(
    `INSERT INTO versions (family_id, seq, label, content_id, kind, framework, format, source, size_bytes, inferred, published_at)
     VALUES (:family, :seq, :label, :content, 'local', 'llama.cpp', 'gguf', 'import', :size, :inferred, :now)`,
  );
  const insertFile = database.prepare(
    "INSERT INTO version_files (version_id, path, sha256, size, counted) VALUES (:version, 'model.gguf', :sha256, :size, 1)",
  );
  const insertModel = database.prepare(
    `INSERT INTO models (id, version_id, name, seq, task_key, hosting, provider, visibility_scope, owner_type, owner_user_id,
       lifecycle_state, artifact_status, description, annotations, created_at, updated_at)
     VALUES (:id, :version, :name, :seq, :task, 'local', 'llama.cpp', :scope, 'platform', :owner, :state, 'ready',
       :description, :annotations, :created, :updated)`,
  );
  const insertTag = database.prepare('INSERT OR IGNORE INTO model_tags (model_id, tag) VALUES (:id, :tag)');
  const insertUser = database.prepare(
    'INSERT INTO model_users (model_id, principal_id) VALUES (:id, :person)',
  );
  const insertGroup = database.prepare(
    "INSERT INTO model_groups (model_id, group_id) VALUES (:id, 'everyone')",
  );
  let family = 0;
  let name = '';
  let task = 'llm';
  for (let index = 0; index < models; index += 1) {
    const seq = (index % VERSIONS_OF_A_FAMILY) + 1;
    const quant = pick(QUANTS);
    if (seq === 1) {
      const [base, kind, team] = [pick(BASES), pick(KINDS), pick(TEAMS)];
      task = kind === 'embed' ? 'embeddings' : 'llm';
      name = `${base}-${pick(SIZES)}-${kind}-${team}-${index / VERSIONS_OF_A_FAMILY}`;
      const latest = Math.min(VERSIONS_OF_A_FAMILY, models - index);
      family = insertFamily.run({ name, task, latest, now }).lastInsertRowid;
    }
    const inferred = JSON.stringify({ architecture: name.split('-')[0], quantization: quant.toUpperCase() });
    const version = insertVersion.run({
      family,
      seq,
      label: `1.${seq}.0`,
      content: GLOBAL_MODEL_ID_PREFIX + digestOf(index),
      size: FILE_BYTES,
      inferred,
      now,
    }).lastInsertRowid;
    insertFile.run({ version, sha256: digestOf(index), size: FILE_BYTES });
    const id = `${name}-v${seq}`;
    const person = `person-${pick(TEAMS)}`;
    const luck = next();
    const scope = luck < 0.8 ? 'platform' : luck < 0.88 ? 'private' : luck < 0.94 ? 'user' : 'group';
    insertModel.run({
      id,
      version,
      name,
      seq,
      task,
      scope,
      owner: scope === 'private' ? person : null,
      state: pick(STATES),
      description: `Answers questions of the ${pick(TEAMS)} team about ${pick(['contracts', 'orders', 'machines', 'customers'])}.`,
      annotations: JSON.stringify({ owner_team: pick(TEAMS), ticket: `ML-${index}` }),
      created: now - (models - index) * 1000,
      updated: now - Math.floor(next() * models * 1000),
    });
    if (scope === 'user') insertUser.run({ id, person });
    if (scope === 'group') insertGroup.run({ id });
    const tags = [
      pick(TEAMS),
      pick(['prod', 'staging', 'trial', 'retired']),
      quant,
      `site-${index % 40}`,
      `run-${index % 5000}`,
    ];
    for (const tag of tags) insertTag.run({ id, tag });
  }
  // The documents again, now that the tags are there.
  database.prepare('UPDATE models SET text_rev = text_rev + 1').run({});
}
