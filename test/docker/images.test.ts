import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Image, type Job } from '../../src/shared/contract/index.ts';
import type { Connection } from '../../src/cli/agent-connection.ts';
import { LLAMA_IMAGE } from '../../tools/llama-image.ts';
import { readEvents, waitForJob } from '../../src/cli/events.ts';
import { importModel, serveModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { docker } from '../support/docker.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { dockerArchive, makeImage, ociArchive, writeArchive } from '../support/images.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';
import { Registry } from '../doubles/registry/registry.ts';

let directory: TemporaryDirectory;
let agent: TestAgent;
let registry: Registry;
/** Unique in the engine, which other suites use as well. */
let mine: string;
const made = new Set<string>();

beforeAll(async () => {
  directory = await temporaryDirectory();
  mine = `modelops-test-${process.pid}-${Date.now().toString(36)}`;
  registry = await Registry.start();
  agent = await startTestAgent(join(directory.path, 'data'), {
    retry: { baseMs: 50, capMs: 200, sameCauseLimit: 2 },
  });
});
beforeEach(() => {
  registry.fault = null;
});
afterAll(async () => {
  await agent.stop();
  await registry[Symbol.asyncDispose]();
  for (const reference of made) await docker('rmi', '-f', reference).catch(() => '');
  await directory[Symbol.asyncDispose]();
});

const file = (name: string): string => join(directory.path, name);
/** A name that is cleaned up at the end. */
const named = (name: string): string => {
  const reference = `${mine}/${name}`;
  made.add(reference);
  return reference;
};
const served = (name: string, image = makeImage()): { reference: string; image: typeof image } => {
  const reference = registry.serve(`${mine}/${name}`, image);
  made.add(reference);
  return { reference, image };
};
const pull = async (reference: string): Promise<Job> =>
  agent.job((await agent.call(ENDPOINTS.pullImage, { body: { reference } })).job.id);
const load = async (path: string): Promise<Job> =>
  agent.job((await agent.call(ENDPOINTS.importImage, { body: { path } })).job.id);
const images = async (all = true): Promise<Image[]> =>
  (await agent.call(ENDPOINTS.listImages, { query: { all: all ? '1' : '0' } })).images;
const journal = async (action: string): Promise<{ subject: string | null; data: unknown }[]> => {
  const { audit: entries } = await agent.call(ENDPOINTS.listAudit, { query: { limit: 200 } });
  return entries.filter((entry) => entry.action === action);
};

describe('a pull', () => {
  it('brings the image, tells bytes, records what stands behind the name and journals digests only', async () => {
    const { reference, image } = served('tiny:1', makeImage([300_000, 200_000], { version: '1.2.3' }));
    const told: Job['progress'][] = [];
    const job = await waitForJob(
      { ...agent, close: () => undefined } as unknown as Connection,
      (await agent.call(ENDPOINTS.pullImage, { body: { reference } })).job.id,
      ({ progress }) => told.push(progress),
    );
    expect(job).toMatchObject({
      state: 'succeeded',
      result: { reference, image_id: image.id, changed_from: null },
    });
    const bytes = image.layers.reduce((sum, layer) => sum + layer.bytes.length, 0);
    expect(told.map((progress) => progress?.phase)).toContain('pulling');
    expect(told.findLast((one) => one?.phase === 'unpacking')).toMatchObject({
      phase: 'unpacking',
      bytes_done: bytes,
      bytes_total: bytes,
    });
    expect((await images(false)).find(({ id }) => id === image.id)).toMatchObject({
      references: [reference],
      version: '1.2.3',
      architecture: expect.stringMatching(/amd64|arm64/),
      present: true,
      in_use: false,
      needed_by_slots: [],
      changed_from: null,
      created_at: '2026-01-02T03:04:05.000Z',
    });
    const [row] = await journal('image.pulled');
    expect(row).toMatchObject({
      subject: `image:${image.id}`,
      data: { image_id: image.id, digests: [image.manifest.digest] },
    });
    expect(JSON.stringify(row)).not.toContain(mine);
  });

  it('of a name that moved says from where, and the list goes on saying it', async () => {
    const { reference, image: first } = served('moving:1');
    await pull(reference);
    const second = makeImage();
    registry.serve(`${mine}/moving:1`, second);
    expect((await pull(reference)).result).toMatchObject({ image_id: second.id, changed_from: first.id });
    expect((await images()).find(({ id }) => id === second.id)).toMatchObject({ changed_from: first.id });
    made.add(first.id);
  });

  it.each([
    ['404', null, 'not_found', /has no image/],
    ['401', 'unauthorized', 'permission_denied', /wants a login/],
    ['blob missing', 'blob-missing', 'upstream_failed', /could not be read/],
    ['cut', 'cut', 'upstream_failed', /could not be read/],
    ['rate limit', 'rate-limit', 'rate_limited', /no more pulls/],
    ['server error', 'error', 'upstream_failed', /could not be read/],
  ] as const)('that meets %s fails with its cause', async (name, fault, code, words) => {
    const { reference } =
      fault === null
        ? { reference: `${registry.host}/${mine}/nothing:1` }
        : served(`bad-${name.replace(/\W/g, '')}:1`);
    registry.fault = fault;
    const job = await pull(reference);
    expect(job).toMatchObject({
      state: 'failed',
      error: { error: code, message: expect.stringMatching(words) },
    });
    expect((await images()).some(({ references }) => references.includes(reference))).toBe(false);
  });

  it('from where nobody listens fails with its cause', async () => {
    await using gone = await Registry.start();
    const host = gone.host;
    await gone[Symbol.asyncDispose]().catch(() => undefined);
    expect(await pull(`${host}/x:1`)).toMatchObject({
      state: 'failed',
      error: { error: 'upstream_failed', message: `${host} could not be read.` },
    });
  });

  it('is joined by the same request, and ends in the middle when it is cancelled', async () => {
    const { reference, image } = served('held:1', makeImage([400_000]));
    registry.fault = 'hold';
    const { job } = await agent.call(ENDPOINTS.pullImage, { body: { reference } });
    await registry.holding;
    expect((await agent.call(ENDPOINTS.pullImage, { body: { reference } })).job.id).toBe(job.id);
    await agent.call(ENDPOINTS.cancelJob, { params: { id: job.id } });
    expect(await agent.job(job.id)).toMatchObject({ state: 'cancelled', error: null });
    registry.release();
    expect((await images()).some(({ id }) => id === image.id)).toBe(false);
    expect(await pull(reference)).toMatchObject({ state: 'succeeded', result: { image_id: image.id } });
  });

  it('is paused by going offline, goes on when the node is online again, and is refused meanwhile', async () => {
    const { reference, image } = served('paused:1', makeImage([400_000]));
    registry.fault = 'hold';
    const { job } = await agent.call(ENDPOINTS.pullImage, { body: { reference } });
    await registry.holding;
    const { effects } = await agent.call(ENDPOINTS.previewProfileEffects, { body: { profile: 'offline' } });
    expect(effects.map(({ sentence }) => sentence).join(' ')).toContain(`Pauses “Pull ${reference}”`);
    await agent.call(ENDPOINTS.putProfile, { body: { profile: 'offline' } });
    const events = readEvents(agent, 'jobs', AbortSignal.timeout(20_000));
    for (;;) {
      const { job: now } = await agent.call(ENDPOINTS.getJob, { params: { id: job.id } });
      if (now.progress?.phase === 'paused') break;
      await events.next();
    }
    registry.release();
    const before = (await agent.call(ENDPOINTS.getProfile, {})).refused_count;
    const asked = registry.requests.length;
    expect(await agent.request('POST', '/v1/modelops/images/pull', { body: { reference } })).toMatchObject({
      status: 403,
      body: { error: 'runtime_profile_blocks_internet' },
    });
    expect((await agent.call(ENDPOINTS.getProfile, {})).refused_count).toBe(before + 1);
    expect(registry.requests.length).toBe(asked);
    await agent.call(ENDPOINTS.putProfile, { body: { profile: 'online' } });
    expect(await agent.job(job.id)).toMatchObject({ state: 'succeeded', result: { image_id: image.id } });
  });
});

describe('an import', () => {
  it.each([
    ['docker', 'none'],
    ['docker', 'gzip'],
    ['docker', 'zstd'],
    ['oci', 'none'],
    ['oci', 'gzip'],
    ['oci', 'zstd'],
  ] as const)('takes the %s layout, compression %s', async (layout, compression) => {
    const reference = named(`${layout}-${compression}:1`);
    const image = makeImage([50_000], { flavour: layout });
    const tar = layout === 'docker' ? dockerArchive(image, reference) : ociArchive(image, reference);
    const bytes = { none: (b: Buffer) => b, gzip: gzipSync, zstd: zstdCompressSync }[compression](tar);
    const job = await load(await writeArchive(file(`${layout}.${compression}`), bytes));
    expect(job).toMatchObject({
      state: 'succeeded',
      result: { layout, images: [{ reference, image_id: image.id, config_digest: image.id }] },
    });
    expect((await images(false)).find(({ id }) => id === image.id)).toMatchObject({
      references: [reference],
    });
  });

  it('of what is no archive of images is refused at once, and nothing is written', async () => {
    const image = makeImage();
    const tar = dockerArchive(image, named('never:1'));
    const cases: [string, Buffer, RegExp][] = [
      ['page.tar', Buffer.from('<!DOCTYPE html><html></html>'.repeat(50)), /no tar archive/],
      ['empty.tar', Buffer.alloc(0), /no tar archive/],
      ['cut.tar', tar.subarray(0, 1800), /cut or damaged/],
      ['tail.tar', tar.subarray(0, tar.indexOf('manifest.json') - 512), /ends in the middle of/],
      ['page.tar.gz', gzipSync(Buffer.from('hello '.repeat(300))), /no tar archive/],
    ];
    for (const [name, bytes, words] of cases) {
      const answer = await agent.request('POST', '/v1/modelops/images/import', {
        body: { path: await writeArchive(file(name), bytes) },
      });
      expect(answer, name).toMatchObject({
        status: 422,
        body: { error: 'unsupported_format', message: expect.stringMatching(words) },
      });
    }
    const missing = await agent.request('POST', '/v1/modelops/images/import', {
      body: { path: file('none.tar') },
    });
    expect(missing).toMatchObject({ status: 404, body: { error: 'not_found' } });
    expect((await images()).some(({ id }) => id === image.id)).toBe(false);
  });

  it('of a compressed file that is cut, or of layers that are not what they say, fails and leaves nothing', async () => {
    const image = makeImage([80_000]);
    const tar = dockerArchive(image, named('broken:1'));
    const zipped = gzipSync(tar);
    const cut = await load(await writeArchive(file('cut.tgz'), zipped.subarray(0, zipped.length - 5000)));
    expect(cut).toMatchObject({
      state: 'failed',
      error: { error: 'unsupported_format', message: expect.stringMatching(/cut or damaged/) },
    });
    const wrong = Buffer.from(tar);
    wrong.fill(7, 700, 2000);
    const lied = await load(await writeArchive(file('lied.tar'), wrong));
    expect(lied).toMatchObject({ state: 'failed', error: { error: 'unsupported_format' } });
    expect((await images()).some(({ id }) => id === image.id)).toBe(false);
  });
});

describe('an export', () => {
  it('writes a file that another engine would take, byte for byte the same image', async () => {
    const { reference, image } = served('out:1', makeImage([60_000]));
    await pull(reference);
    const target = file('out.tar');
    const { job } = await agent.call(ENDPOINTS.exportImages, {
      body: { references: [reference], path: target },
    });
    const done = await agent.job(job.id);
    expect(done, JSON.stringify(done.error)).toMatchObject({ state: 'succeeded', result: { path: target } });
    expect((await stat(target)).size).toBe(done.result?.['size_bytes']);
    expect((await readdir(directory.path)).filter((name) => name.includes('.part'))).toEqual([]);
    await docker('rmi', reference);
    expect((await load(target)).result).toMatchObject({
      images: [{ reference, image_id: image.id, config_digest: image.id, changed_from: null }],
    });
    const again = await agent.request('POST', '/v1/modelops/images/export', {
      body: { references: [reference], path: target },
    });
    expect(again).toMatchObject({ status: 409, body: { error: 'already_exists' } });
  });

  it('is refused where it cannot be: no image, no directory, a file where a directory should be', async () => {
    const { reference } = served('stay:1');
    await pull(reference);
    await writeFile(file('plain'), 'x');
    const cases: [object, number, string][] = [
      [{ references: [`${mine}/none:1`], path: file('a.tar') }, 409, 'image_missing'],
      [{ references: [reference], path: file('none/a.tar') }, 404, 'not_found'],
      [{ references: [reference], path: file('plain/a.tar') }, 404, 'not_found'],
    ];
    for (const [body, status, error] of cases)
      expect(await agent.request('POST', '/v1/modelops/images/export', { body })).toMatchObject({
        status,
        body: { error },
      });
  });
});

describe('what is cancelled in the middle', () => {
  it('leaves no part of an export, and no image of an import', async () => {
    const target = file('large.tar');
    const body = { references: [LLAMA_IMAGE], path: target };
    const cancelled = async (job: Job, phase: string): Promise<Job> => {
      const events = readEvents(agent, 'jobs', AbortSignal.timeout(30_000));
      for (;;) {
        const { job: now } = await agent.call(ENDPOINTS.getJob, { params: { id: job.id } });
        if (now.progress?.phase === phase && (now.progress.bytes_done ?? 0) > 0) break;
        await events.next();
      }
      await agent.call(ENDPOINTS.cancelJob, { params: { id: job.id } });
      return agent.job(job.id);
    };
    const { job: exporting } = await agent.call(ENDPOINTS.exportImages, { body });
    expect((await agent.call(ENDPOINTS.exportImages, { body })).job.id).toBe(exporting.id);
    expect(await cancelled(exporting, 'exporting')).toMatchObject({ state: 'cancelled' });
    expect((await readdir(directory.path)).filter((name) => name.includes('large'))).toEqual([]);

    const image = makeImage([25_000_000]);
    const path = await writeArchive(file('wide.tar'), dockerArchive(image, named('wide:1')));
    const { job: importing } = await agent.call(ENDPOINTS.importImage, { body: { path } });
    expect(await cancelled(importing, 'copying')).toMatchObject({ state: 'cancelled' });
    expect((await images()).some(({ id }) => id === image.id)).toBe(false);
    expect(await load(path)).toMatchObject({ state: 'succeeded' });
  });
});

describe('a prune', () => {
  it('tells first, then removes exactly what was named; never what a slot needs or a container was made from', async () => {
    const free = served('free:1');
    const needed = served('needed:1');
    const used = served('used:1');
    const other = named('other:1');
    for (const { reference } of [free, needed, used]) await pull(reference);
    await writeArchive(file('fs.tar'), dockerArchive(makeImage(), other));
    await docker('load', '-i', file('fs.tar'));
    const { slot } = await agent.call(ENDPOINTS.createSlot, {
      body: {
        capability: 'llm_inference',
        runtime_spec: 'llama-cpp-cpu',
        gpu_ids: [],
        config: { image: needed.reference },
      },
    });
    const container = await docker('create', used.reference);
    try {
      const listed = await images();
      expect(listed.find(({ id }) => id === needed.image.id)).toMatchObject({ needed_by_slots: [slot.id] });
      expect(listed.find(({ id }) => id === used.image.id)).toMatchObject({ in_use: true });
      expect((await images(false)).some(({ references }) => references.includes(other))).toBe(false);
      const dry = await agent.call(ENDPOINTS.pruneImages, { body: {} });
      expect(dry.removed).toBe(false);
      const ids = dry.images.map(({ id }) => id);
      expect(ids).toContain(free.image.id);
      expect(ids).not.toContain(needed.image.id);
      expect(ids).not.toContain(used.image.id);
      expect(dry.images.some(({ references }) => references.includes(other))).toBe(false);
      for (const [id, words] of [
        [needed.image.id, /needs it/],
        [used.image.id, /container/],
      ] as const)
        expect(
          await agent.request('POST', '/v1/modelops/images/prune', {
            body: { dry_run: false, ids: [free.image.id, id] },
          }),
        ).toMatchObject({
          status: 409,
          body: { error: 'dependencies_unsatisfied', message: expect.stringMatching(words) },
        });
      expect(
        await agent.request('POST', '/v1/modelops/images/prune', { body: { dry_run: false } }),
      ).toMatchObject({ status: 400 });
      const gone = await agent.call(ENDPOINTS.pruneImages, {
        body: { dry_run: false, ids: [free.image.id] },
      });
      expect(gone).toMatchObject({ removed: true, images: [{ id: free.image.id }] });
      const left = (await images()).map(({ id }) => id);
      expect(left).not.toContain(free.image.id);
      expect(left).toEqual(expect.arrayContaining([needed.image.id, used.image.id]));
      expect(await journal('image.removed')).toEqual([
        expect.objectContaining({ subject: `image:${free.image.id}` }),
      ]);
    } finally {
      await docker('rm', container);
    }
  });

  it('shows what slots name and this machine does not have', async () => {
    const wanted = `${registry.host}/${mine}/wanted:9`;
    const { slot } = await agent.call(ENDPOINTS.createSlot, {
      body: {
        capability: 'llm_inference',
        runtime_spec: 'llama-cpp-cpu',
        gpu_ids: [],
        config: { image: wanted },
      },
    });
    expect((await images(false)).find(({ references }) => references.includes(wanted))).toMatchObject({
      id: null,
      present: false,
      size_bytes: null,
      needed_by_slots: [slot.id],
    });
  });
});

describe('a slot that failed for want of its image', () => {
  it('tries again by itself when the image is pulled', async () => {
    const { reference, image } = served('engine:1');
    await docker('tag', LLAMA_IMAGE, reference);
    const model = await importModel(agent, await writeSpeakingModel(file('alpha.gguf'), 'alpha'));
    const { slot_id: slot } = await serveModel(agent, model.id, {
      runtime_spec: 'llama-cpp-cpu',
      config: { image: reference, threads: 1, context_length: 256 },
    });
    await docker('rmi', reference);
    await agent.call(ENDPOINTS.restartSlot, { params: { id: slot } });
    await agent.slot(slot, (now) => now.load_error?.error === 'image_missing');
    expect((await images(false)).find(({ references }) => references.includes(reference))).toMatchObject({
      present: false,
      needed_by_slots: [slot],
      changed_from: expect.stringMatching(/^sha256:/),
    });
    await pull(reference);
    // Nothing runs in this image; that the slot says so is the proof that it tried.
    const tried = await agent.slot(
      slot,
      (now) => now.load_error !== null && now.load_error.error !== 'image_missing',
    );
    expect(tried.load_error?.message).not.toMatch(/not on this machine/);
    await agent.call(ENDPOINTS.unloadSlot, { params: { id: slot } });
    await agent.slot(slot, (now) => now.load_state === 'empty');
    expect((await images()).find(({ id }) => id === image.id)?.changed_from).toMatch(/^sha256:/);
  });
});

describe('an engine that is away', () => {
  it('is said at once, and no job is made', async () => {
    await mkdir(file('away'));
    await using lonely = await startTestAgent(file('away/data'), {
      settings: { docker_host: `unix://${file('away/none.sock')}` },
    });
    const tar = await writeArchive(file('fine.tar'), dockerArchive(makeImage(), named('fine:1')));
    for (const [method, path, body] of [
      ['GET', '/v1/modelops/images', undefined],
      ['POST', '/v1/modelops/images/pull', { reference: 'x/y:1' }],
      ['POST', '/v1/modelops/images/import', { path: tar }],
      ['POST', '/v1/modelops/images/export', { references: ['x/y:1'], path: file('z.tar') }],
      ['POST', '/v1/modelops/images/prune', {}],
    ] as const)
      expect(await lonely.request(method, path, { body }), path).toMatchObject({
        status: 503,
        body: { error: 'runtime_unavailable' },
      });
    expect((await lonely.call(ENDPOINTS.listJobs, { query: {} })).jobs).toEqual([]);
  });
});
