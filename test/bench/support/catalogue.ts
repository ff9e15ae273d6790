import { createHash } from 'node:crypto';
import { systemClock } from '../../../src/agent/kernel/clock.ts';
import { dataDirPaths } from '../../../src/agent/kernel/data-dir.ts';
import { Database } from '../../../src/agent/kernel/database/database.ts';
import { Journal } from '../../../src/agent/kernel/journal.ts';
import { ModelStore, VersionStore } from '../../../src/agent/catalog/index.ts';
import { contentIdOf } from '../../../src/agent/catalog/publish.ts';
import type { ModelFacts } from '../../../src/agent/artifacts/index.ts';
import { startAgent } from './agent.ts';
import type { Scope } from './scope.ts';

const FACTS: ModelFacts = {
  format: 'gguf',
  framework: 'llama.cpp',
  task_key: 'llm',
  architecture: 'llama',
  parameter_count: 8_030_261_248,
  quantization: 'Q4_K_M',
  context_length: 131_072,
  has_chat_template: true,
  ships_code: false,
  title: null,
};
const FILE_BYTES = 4_920_734_272;
const STATES = ['created', 'registered', 'inactive', 'registered'] as const;
/** Families have a few versions each, as a registry that grew has. */
const VERSIONS_OF_A_FAMILY = 4;

/**
 * A data directory of an agent that has run before, with `models` registered models: families, versions, files,
 * blobs, journal, through the catalogue's own stores. The bytes of the files are not there.
 */
export async function makeDataDir(scope: Scope, name: string, models: number): Promise<string> {
  const dataDir = await scope.directory(name);
  const agent = await startAgent(scope, dataDir);
  await agent.stop();
  if (models > 0) await fill(dataPathOf(dataDir), models);
  return dataDir;
}

function dataPathOf(dataDir: string): string {
  return dataDirPaths(dataDir).database;
}

async function fill(path: string, models: number): Promise<void> {
  const database = Database.open(path);
  await database.migrate();
  const store = new ModelStore(database, systemClock);
  const versions = new VersionStore(database, systemClock);
  const journal = new Journal(database, systemClock);
  const blob = database.prepare(
    `INSERT INTO blobs (sha256, size, state, dev, ino, mtime_ns, adopted, created_at, verified_at)
     VALUES (:sha256, :size, 'ready', '1', :ino, '1', 'copy', :now, :now)`,
  );
  await database.transact((unit) => {
    for (let index = 0; index < models; index += 1) {
      const name = `bench-model-${String(Math.floor(index / VERSIONS_OF_A_FAMILY)).padStart(5, '0')}`;
      const sha256 = createHash('sha256').update(`file ${index}`).digest('hex');
      const files = [{ path: 'model.gguf', sha256, size: FILE_BYTES, counted: true }];
      const contentId = contentIdOf(files);
      blob.run({ sha256, size: FILE_BYTES, ino: String(index), now: systemClock.now() });
      const version = versions.publish(versions.ensureFamily(name, 'llm'), {
        contentId,
        label: null,
        facts: FACTS,
        source: 'import',
        sourceId: null,
        sizeBytes: FILE_BYTES,
        files,
      });
      const id = `${name}-v${version.seq}`;
      store.insert({
        id,
        version_id: version.id,
        name,
        seq: version.seq,
        task_key: 'llm',
        provider: FACTS.framework,
        lifecycle_state: STATES[index % STATES.length] ?? 'created',
        artifact_status: 'ready',
        is_sample: 0,
        description: `Model ${index} of the benchmark.`,
      });
      journal.append(unit, {
        actorId: null,
        action: 'model.created',
        subject: `model:${id}`,
        data: { content_id: contentId, seq: version.seq, source: 'import' },
      });
    }
  });
  await database.close();
}
