import { appendFile, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { ENDPOINTS, IMPORT_MODEL } from '../../src/shared/contract/index.ts';
import { importModel, startTestAgent } from '../support/agent.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { readOnly, tmpfs } from '../support/mount.ts';
import { cli, serve } from '../support/process.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
beforeEach(async () => {
  directory = await temporaryDirectory();
  return () => directory[Symbol.asyncDispose]();
});
const MiB = 1024 * 1024;

/** Writes until the disk says no. */
async function fill(path: string): Promise<void> {
  const file = await open(path, 'w');
  const block = Buffer.alloc(MiB, 1);
  try {
    for (;;) await file.write(block);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    await file.close();
  }
}

describe('a disk that is too small', () => {
  it('is told before a byte is copied, with both numbers', async () => {
    await using disk = await tmpfs(join(directory.path, 'd'), 200);
    await using agent = await startTestAgent(join(disk.path, 'data'));
    const path = await writeSpeakingModel(join(directory.path, 'big.gguf'), 'big');
    await appendFile(path, Buffer.alloc(300 * MiB));
    const { job } = await agent.call(IMPORT_MODEL, { body: { path } });
    const done = await agent.job(job.id);
    expect(done).toMatchObject({
      state: 'failed',
      error: {
        error: 'resource_exhausted',
        message: expect.stringMatching(/300\.2 MiB are needed, \d+\.\d MiB are free/),
      },
    });
    expect(await readdir(join(disk.path, 'data', 'store', 'partials'))).toEqual([]);
  });
});

describe('a disk that fills up in the middle of an import', () => {
  it('fails the import with what to do, keeps what it has, and the same import goes on when there is room again', async () => {
    await using disk = await tmpfs(join(directory.path, 'd'), 1600);
    await using agent = await startTestAgent(join(disk.path, 'data'));
    const path = await writeSpeakingModel(join(directory.path, 'big.gguf'), 'big');
    await appendFile(path, Buffer.alloc(1200 * MiB, 3));
    const filler = join(disk.path, 'filler');
    const { job } = await agent.call(IMPORT_MODEL, { body: { path } });
    await fill(filler);
    // The database cannot write either now; it says so and nothing is half done.
    const refused = await agent.request('POST', '/v1/modelops/slots', {
      body: { capability: 'llm_inference', runtime_spec: 'embedded-llama', id: 'x'.repeat(100) },
    });
    expect([201, 507]).toContain(refused.status);
    if (refused.status === 507) expect(refused.body).toMatchObject({ error: 'resource_exhausted' });
    await rm(filler);
    const failed = await agent.job(job.id);
    expect(failed).toMatchObject({
      state: 'failed',
      error: { error: 'resource_exhausted', hint: expect.any(String) },
    });
    expect((await agent.call(ENDPOINTS.listModels, {})).models).toEqual([]);
    const kept = (await readdir(join(disk.path, 'data', 'store', 'partials'))).filter((name) =>
      name.endsWith('.part'),
    );
    expect(kept).toHaveLength(1);
    const model = await importModel(agent, path);
    expect(model.artifact).toMatchObject({ artifact_status: 'ready' });
    expect(await agent.call(ENDPOINTS.verifyAudit, {})).toMatchObject({ ok: true });
  });
});

describe('a data directory on a read-only disk', () => {
  it('ends serve with 6', async () => {
    const data = join(directory.path, 'data');
    await (await serve(data)).end('SIGTERM');
    await using frozen = await readOnly(directory.path);
    const { code, stderr } = await cli(join(frozen.path, 'data'), ['serve', '--port', '0', '--json']);
    expect(code).toBe(6);
    expect(JSON.parse(stderr)).toMatchObject({
      error: 'data_dir_unusable',
      message: expect.stringContaining('read-only'),
    });
  });
});
