import { appendFile, cp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { spawn as spawnPty } from 'node-pty';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import { ENDPOINTS, IMPORT_MODEL, type Job } from '../../src/shared/contract/index.ts';
import { sha256Hex } from '../../src/agent/kernel/ids.ts';
import { importModel, serveModel } from '../support/agent.ts';
import { sentenceOf, writeSpeakingModel } from '../support/models.ts';
import { cli, serve, type AgentProcess } from '../support/process.ts';
import { childrenOf, isAlive } from '../support/processes.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let data: string;
beforeEach(async () => {
  directory = await temporaryDirectory();
  data = join(directory.path, 'data');
  return () => directory[Symbol.asyncDispose]();
});

const json = (text: string): unknown => JSON.parse(text);
/** `npm run test:crash` sets many. */
const ROUNDS = Number(process.env['MODELOPS_ROUNDS'] ?? 5);
const failure = async (run: Promise<unknown>): Promise<{ code: number; stderr: string }> =>
  run.then(
    () => Promise.reject(new Error('it started')),
    (error: unknown) => error as { code: number; stderr: string },
  );

describe('serve', () => {
  it('says in one line where it answers, and ends cleanly on a signal', async () => {
    await using agent = await serve(data);
    const lines = agent.stdout().trim().split('\n');
    expect(lines).toHaveLength(1);
    expect(json(lines[0] ?? '')).toEqual({
      event: 'ready',
      url: agent.url,
      data_dir: data,
      token_file: join(data, 'admin-token'),
      pid: agent.pid,
    });
    expect((await fetch(`${agent.url}/healthz`)).status).toBe(200);
    for (const name of ['admin-token', 'agent.json'])
      expect((await stat(join(data, name))).mode & 0o777).toBe(0o600);
    expect(json(await readFile(join(data, 'agent.json'), 'utf8'))).toMatchObject({
      url: agent.url,
      pid: agent.pid,
      version: expect.any(String),
      started_at: expect.any(String),
    });
    expect(await agent.end('SIGTERM')).toBe(0);
    await expect(stat(join(data, 'agent.json'))).rejects.toThrow('ENOENT');
    await using again = await serve(data);
    expect(again.token).toBe(agent.token);
    expect(await again.end('SIGINT')).toBe(0);
  });

  it('ends just as cleanly when the signal comes while it is still settling in', async () => {
    for (let round = 0; round < 5; round += 1) expect(await (await serve(data)).end('SIGTERM')).toBe(0);
  });

  it('ends with 3 when another agent has the data directory, naming it', async () => {
    await using agent = await serve(data);
    const { code, stderr } = await failure(serve(data));
    expect(code).toBe(3);
    expect(json(stderr)).toMatchObject({
      error: 'data_dir_locked',
      message: expect.stringContaining(String(agent.pid)),
    });
    expect((await agent.request('GET', '/v1/system')).status).toBe(200);
  });

  it('ends with 4 when the database is newer, and touches nothing', async () => {
    await (await serve(data)).end('SIGTERM');
    const sqlite = new BetterSqlite3(join(data, 'modelops.db'));
    sqlite.pragma('user_version = 9999');
    sqlite.close();
    const before = sha256Hex(await readFile(join(data, 'modelops.db')));
    const { code, stderr } = await failure(serve(data));
    expect(code).toBe(4);
    expect(json(stderr)).toMatchObject({ error: 'schema_too_new', details: { found: 9999 } });
    expect(sha256Hex(await readFile(join(data, 'modelops.db')))).toBe(before);
  });

  it('ends with 5 when the database is damaged, and a restore brings it back', async () => {
    await using first = await serve(data);
    await importModel(first, await writeSpeakingModel(join(directory.path, 'kept.gguf'), 'kept'));
    const backup = await cli(data, ['backup', '--json']);
    const { path } = (json(backup.stdout) as { backup: { path: string } }).backup;
    expect((await cli(data, ['restore', path])).stderr).toContain('data_dir_locked');
    await first.end('SIGTERM');
    const database = join(data, 'modelops.db');
    const bytes = await readFile(database);
    bytes.fill(0xff, 4096, bytes.length - 4096);
    await writeFile(database, bytes);
    const { code, stderr } = await failure(serve(data));
    expect(code).toBe(5);
    expect(json(stderr)).toMatchObject({
      error: 'database_corrupt',
      hint: expect.stringContaining('modelops restore'),
    });
    expect((await cli(data, ['restore', '--list'])).stdout).toContain(path);
    expect(await cli(data, ['restore', path])).toMatchObject({ code: 0 });
    await using back = await serve(data);
    expect((await back.call(ENDPOINTS.listModels, {})).models.map((model) => model.id)).toEqual(['kept-v1']);
    expect(await back.call(ENDPOINTS.verifyAudit, {})).toMatchObject({ ok: true });
    expect((await readdir(data)).some((name) => name.startsWith('modelops.db.before-restore-'))).toBe(true);
  });

  it('refuses to restore what is no sound backup', async () => {
    await (await serve(data)).end('SIGTERM');
    const junk = join(directory.path, 'junk.db');
    await writeFile(junk, 'x'.repeat(5000));
    const before = sha256Hex(await readFile(join(data, 'modelops.db')));
    expect(await cli(data, ['restore', junk])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('database_corrupt'),
    });
    const halved = join(directory.path, 'half.db');
    await cp(join(data, 'modelops.db'), halved);
    const bytes = await readFile(halved);
    bytes.fill(0x11, 4096 * 2, 4096 * 12);
    await writeFile(halved, bytes);
    expect((await cli(data, ['restore', halved])).code).toBe(1);
    expect(sha256Hex(await readFile(join(data, 'modelops.db')))).toBe(before);
  });

  it('ends with 6 when the data directory cannot be', async () => {
    await writeFile(join(directory.path, 'file'), '');
    const { code, stderr } = await failure(serve(join(directory.path, 'file')));
    expect(code).toBe(6);
    expect(json(stderr)).toMatchObject({ error: 'data_dir_unusable' });
  });

  it('ends with 2 when it is told nonsense', async () => {
    expect((await cli(data, ['serve', '--port', 'x'])).code).toBe(2);
    expect((await cli(data, ['serve', '--host', '0.0.0.0'])).code).toBe(2);
    expect((await cli(data, ['serve'], { env: { MODELOPS_PROFILE: 'away' } })).code).toBe(2);
  });

  it('ends with 2 when another program has the port, also when a command starts it', async () => {
    await using other = await serve(join(directory.path, 'other'));
    const { port } = new URL(other.url);
    const words = `127.0.0.1 port ${port} is taken by another program.`;
    const { code, stderr } = await failure(serve(data, ['--port', port]));
    expect(code).toBe(2);
    expect(json(stderr)).toMatchObject({ error: 'invalid_argument', message: words });
    const started = await cli(data, ['run', 'sample', '--port', port]);
    expect(started).toMatchObject({ code: 1, stderr: expect.stringContaining(words) });
  });

  it('is locked offline by the environment', async () => {
    await using agent = await serve(data, [], { env: { MODELOPS_PROFILE: 'offline' } });
    expect(await agent.call(ENDPOINTS.getProfile, {})).toMatchObject({
      profile: 'offline',
      locked: true,
      source: 'environment',
    });
    await expect(agent.call(ENDPOINTS.putProfile, { body: { profile: 'online' } })).rejects.toMatchObject({
      code: 'runtime_profile_locked',
    });
  });

  it('opens its secrets with the key it is handed, and says that they are locked without it', async () => {
    const key = Buffer.alloc(32, 9).toString('base64');
    await using first = await serve(data, ['--secrets-key-stdin'], { input: `${key}\n` });
    expect((await first.call(ENDPOINTS.getSystem, {})).system.secrets).toEqual({
      state: 'unlocked',
      wrapped_by: 'keychain',
    });
    await first.end('SIGTERM');
    await using second = await serve(data);
    expect((await second.call(ENDPOINTS.getSystem, {})).system.secrets).toEqual({
      state: 'locked',
      wrapped_by: 'keychain',
    });
    expect(
      (await second.call(ENDPOINTS.getDoctor, {})).checks.find((check) => check.id === 'secrets'),
    ).toMatchObject({ status: 'warning' });
    await expect(second.call(ENDPOINTS.rewrapSecrets, { body: { to: 'file' } })).rejects.toMatchObject({
      code: 'secrets_locked',
    });
    await expect(
      second.call(ENDPOINTS.unlockSecrets, { body: { key: Buffer.alloc(32, 1).toString('base64') } }),
    ).rejects.toMatchObject({ code: 'forbidden' });
    await second.call(ENDPOINTS.unlockSecrets, { body: { key } });
    expect(await cli(data, ['secrets', 'rewrap', '--to', 'file'])).toMatchObject({ code: 0 });
    await second.end('SIGTERM');
    await using third = await serve(data);
    expect((await third.call(ENDPOINTS.getSystem, {})).system.secrets).toEqual({
      state: 'unlocked',
      wrapped_by: 'file',
    });
  });
});

async function slotIds(agent: AgentProcess): Promise<Set<string>> {
  const ids = new Set<string>();
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof listSlots>> = await listSlots(agent, cursor);
    for (const slot of page.slots) ids.add(slot.id);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return ids;
}
const listSlots = (agent: AgentProcess, cursor: string | null) =>
  agent.call(ENDPOINTS.listSlots, { query: { limit: 200, ...(cursor === null ? {} : { cursor }) } });

describe('a killed agent', () => {
  it('in the middle of an import goes on from its checkpoint, and nothing partial is ready', async () => {
    const path = await writeSpeakingModel(join(directory.path, 'big.gguf'), 'big');
    await appendFile(path, Buffer.alloc(900 * 1024 * 1024, 7));
    await using first = await serve(data);
    const { job } = await first.call(IMPORT_MODEL, { body: { path } });
    const partials = join(data, 'store', 'partials');
    const hasCheckpoint = async (): Promise<boolean> =>
      (await readdir(partials).catch(() => [])).some((name) => name.endsWith('.json'));
    while (!(await hasCheckpoint()))
      if ((await first.call(ENDPOINTS.getJob, { params: { id: job.id } })).job.state === 'succeeded')
        throw new Error('too fast to be killed');
    await first.end('SIGKILL');
    expect(await readdir(join(data, 'store', 'blobs')).catch(() => [])).toEqual([]);
    await using second = await serve(data);
    const done = await second.job(job.id);
    expect(done).toMatchObject({ state: 'succeeded', attempt: 2 });
    const { model } = await second.call(ENDPOINTS.getModel, { params: { id: 'big-v1' } });
    expect(model.artifact).toMatchObject({ artifact_status: 'ready' });
    expect(model.artifact?.files?.[0]?.sha256).toBe(sha256Hex(await readFile(path)));
    expect(await readdir(partials)).toEqual([]);
    expect(await second.call(ENDPOINTS.verifyAudit, {})).toMatchObject({ ok: true });
  });

  it('takes its embedded runtimes with it, and brings their models back', async () => {
    await using first = await serve(data);
    const { id } = await importModel(
      first,
      await writeSpeakingModel(join(directory.path, 'alpha.gguf'), 'alpha'),
    );
    const { slot_id: slot } = await serveModel(first, id, { config: { threads: 1 } });
    const [child] = await childrenOf(first.pid, /embedded-runtime/);
    const stream = await fetch(`${first.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${first.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: id, messages: [{ role: 'user', content: 'x' }], stream: true }),
    });
    await first.end('SIGKILL');
    await stream.body?.cancel().catch(() => undefined);
    while (await isAlive(child ?? 0)) await new Promise((resolve) => setImmediate(resolve));
    await using second = await serve(data);
    await second.slot(slot, (now) => now.load_state === 'loaded');
    const answer = await second.request('POST', '/v1/chat/completions', {
      body: { model: id, messages: [{ role: 'user', content: 'x' }] },
    });
    expect(answer.body).toMatchObject({ choices: [{ message: { content: sentenceOf('alpha') } }] });
    expect(await childrenOf(second.pid, /embedded-runtime/)).toHaveLength(1);
    expect(await second.call(ENDPOINTS.verifyAudit, {})).toMatchObject({ ok: true });
  });

  it(
    'round after round, amid many small changes, loses none it acknowledged, and its journal verifies',
    async () => {
      const path = await writeSpeakingModel(join(directory.path, 'm.gguf'), 'm');
      const acknowledged = new Set<string>();
      for (let round = 0; round < ROUNDS; round += 1) {
        await using agent = await serve(data);
        if (round === 0) await importModel(agent, path, { name: 'm', register: true });
        const known = await slotIds(agent);
        expect([...acknowledged].filter((id) => !known.has(id))).toEqual([]);
        expect(await agent.call(ENDPOINTS.verifyAudit, {})).toMatchObject({ ok: true });
        let stop = false;
        const writers = [0, 1, 2].map(async (writer) => {
          for (let n = 0; !stop; n += 1) {
            const id = `s-${round}-${writer}-${n}`;
            const answer = await agent
              .request('POST', '/v1/modelops/slots', {
                body: { id, capability: 'llm_inference', runtime_spec: 'embedded-llama' },
              })
              .catch(() => null);
            if (answer?.status !== 201) return;
            acknowledged.add(id);
            if (acknowledged.size % 12 === round % 12 && n > 3) stop = true;
          }
        });
        await Promise.race(writers);
        await agent.end('SIGKILL');
        stop = true;
        await Promise.all(writers);
      }
      expect(acknowledged.size).toBeGreaterThan(10);
    },
    30_000 + ROUNDS * 5000,
  );
});

describe('the command line', () => {
  it('runs the sample from nothing to an answer, and again without doing anything twice', async () => {
    const first = await cli(data, ['run', 'sample', '--json', '--port', '0']);
    expect(first).toMatchObject({ code: 0 });
    const result = json(first.stdout) as {
      answer: string;
      model_id: string;
      steps: { name: string; skipped?: boolean }[];
      curl: string;
      url: string;
    };
    expect(result.answer).toMatch(/sample model/);
    expect(result.steps.map((step) => step.name)).toEqual([
      'agent',
      'import',
      'register',
      'load',
      'test',
      'validate',
      'activate',
      'chat',
    ]);
    expect(result.curl).toContain(`${result.url}/v1/chat/completions`);
    const second = await cli(data, ['run', 'sample', '--json']);
    const again = json(second.stdout) as { steps: { name: string; skipped?: boolean }[]; answer: string };
    expect(again.answer).toBe(result.answer);
    expect(again.steps.filter((step) => step.skipped !== true).map((step) => step.name)).toEqual(['chat']);
    const status = json((await cli(data, ['status', '--json'])).stdout) as { counts: unknown };
    expect(status.counts, 'the sample is no model of anybody').toEqual({});
    const plain = await cli(data, ['run', 'sample']);
    expect(plain.stdout).toContain('· import');
    expect(plain.stdout).toContain('Stop it with: modelops stop');
    expect(await cli(data, ['stop'])).toMatchObject({ code: 0, stdout: 'Stopped.\n' });
  });

  it('leaves nothing of an ephemeral run', async () => {
    const before = (await readdir('/tmp')).filter((name) => name.startsWith('modelops-'));
    const path = await writeSpeakingModel(join(directory.path, 'brief.gguf'), 'brief');
    const result = await cli(data, [
      'run',
      path,
      '--ephemeral',
      '--runtime',
      'embedded-llama',
      '--threads',
      '1',
      '--json',
    ]);
    expect(json(result.stdout)).toMatchObject({ answer: sentenceOf('brief') });
    expect((await readdir('/tmp')).filter((name) => name.startsWith('modelops-'))).toEqual(before);
    await expect(stat(data)).rejects.toThrow('ENOENT');
  });

  it('does every step of the local flow by itself', async () => {
    await using agent = await serve(data);
    const path = await writeSpeakingModel(join(directory.path, 'steps.gguf'), 'steps');
    const run = async (...args: string[]) => {
      const result = await cli(data, args);
      expect(result, args.join(' ')).toMatchObject({ code: 0 });
      return result.stdout;
    };
    expect(await run('import', path)).toContain('steps-v1 is in the store');
    expect(await run('models', 'register', 'steps-v1')).toContain('registered');
    await run(
      'slots',
      'create',
      'place',
      '--runtime',
      'embedded-llama',
      '--threads',
      '1',
      '--context',
      '256',
    );
    expect(await run('slots', 'load', 'place', 'steps-v1')).toContain('place serves steps-v1');
    expect(await run('models', 'test', 'steps-v1')).toContain(sentenceOf('steps'));
    expect(await run('models', 'validate', 'steps-v1')).toContain('validated');
    expect(await run('models', 'activate', 'steps-v1')).toContain('active');
    expect(await run('chat', 'steps-v1', 'hello')).toContain(sentenceOf('steps'));
    expect(await run('models', 'list')).toMatch(/steps-v1 +active +current/);
    expect(await run('models', 'show', 'steps-v1')).toContain('✓ loaded');
    expect(await run('slots', 'show', 'place')).toContain('256 tokens a request');
    expect(await run('logs', 'place')).toContain('embedded-llama: started');
    expect(await run('status')).toContain('1 of 1 serve a model');
    expect(await run('runtimes')).toContain('embedded-llama');
    expect(await run('jobs')).toContain('Import steps');
    expect(await run('audit', 'verify')).toContain('holds');
    expect(await run('open')).toContain(`${agent.url}/#code=`);
    expect(await run('models', 'deactivate', 'steps-v1')).toContain('inactive');
    expect(await run('slots', 'unload', 'place')).toContain('empty');
    await run('models', 'unregister', 'steps-v1');
    expect(await run('models', 'delete', 'steps-v1')).toContain('deleted');
    await run('slots', 'delete', 'place');
    const stopped = await run('stop', '--slots');
    expect(stopped).toContain('Stopped.');
    expect(await agent.exited).toBe(0);
  });

  it('tells refusals with their code and their hint, and exits with 1', async () => {
    await using agent = await serve(data);
    const page = join(directory.path, 'page.gguf');
    await writeFile(page, '<!DOCTYPE html>');
    const refused = await cli(data, ['import', page]);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(
      /web page.*\n {2}Download it again.*\n {2}\(unsupported_format, request req_/,
    );
    const asJson = await cli(data, ['models', 'show', 'nothing', '--json']);
    expect(json(asJson.stderr)).toMatchObject({ error: 'not_found', hint: expect.any(String) });
    const doomed = await cli(data, ['chat', 'nothing', 'x']);
    expect(doomed).toMatchObject({ code: 1, stderr: expect.stringContaining('not_found') });
    void agent;
  });

  it('exits with 2 for a wrong command and with 3 when no agent runs', async () => {
    expect((await cli(data, ['dance'])).code).toBe(2);
    expect((await cli(data, ['models', 'show'])).code).toBe(2);
    expect((await cli(data, ['status', '--wings'])).code).toBe(2);
    const unreachable = await cli(data, ['status']);
    expect(unreachable).toMatchObject({ code: 3, stderr: expect.stringContaining('modelops serve') });
    expect((await cli(data, ['--version'])).code).toBe(0);
    const doctor = await cli(data, ['doctor']);
    expect(doctor).toMatchObject({ code: 1, stdout: expect.stringContaining('does not run') });
  });

  it('completes commands, options, models and slots', async () => {
    await using agent = await serve(data);
    await importModel(agent, await writeSpeakingModel(join(directory.path, 'm.gguf'), 'm'), { name: 'mine' });
    const complete = async (...words: string[]) =>
      (await cli(data, ['__complete', '--', ...words])).stdout.trim().split('\n');
    expect(await complete('mod')).toEqual(['models']);
    expect(await complete('models', 'dea')).toEqual(['deactivate']);
    expect(await complete('models', 'show', 'm')).toEqual(['mine-v1']);
    expect(await complete('import', '--l')).toEqual(['--label', '--link']);
    for (const shell of ['bash', 'zsh', 'fish'])
      expect((await cli(data, ['completion', shell])).stdout).toContain('__complete');
    expect((await cli(data, ['completion', 'tcsh'])).code).toBe(1);
  });

  it('draws bars on a terminal and writes plain lines elsewhere', async () => {
    await using agent = await serve(data);
    const path = await writeSpeakingModel(join(directory.path, 'bar.gguf'), 'bar');
    await appendFile(path, Buffer.alloc(300 * 1024 * 1024, 1));
    const plain = await cli(data, ['import', path, '--name', 'plain']);
    expect(plain.stdout).toMatch(/Import plain: copying, \d+ % of 300 MiB/);
    await writeFile(path, Buffer.concat([await readFile(path), Buffer.from('x')]));
    const entry = fileURLToPath(new URL('../../bin/modelops.mjs', import.meta.url));
    const terminal = spawnPty(process.execPath, [entry, 'import', path, '--name', 'bar'], {
      cols: 140,
      rows: 30,
      env: { ...process.env, MODELOPS_DATA_DIR: data },
    });
    let screen = '';
    terminal.onData((text) => (screen += text));
    const code = await new Promise<number>((resolve) => terminal.onExit(({ exitCode }) => resolve(exitCode)));
    expect(code).toBe(0);
    expect(screen).toContain('█');
    expect(screen).toMatch(/MiB of 300 MiB/);
    expect(screen).toContain('bar-v1 is in the store');
    void agent;
  });

  it('cancels a job', async () => {
    await using agent = await serve(data);
    const path = await writeSpeakingModel(join(directory.path, 'slow.gguf'), 'slow');
    await appendFile(path, Buffer.alloc(400 * 1024 * 1024, 1));
    const queued = await cli(data, ['import', path, '--no-wait', '--json']);
    const started = json(queued.stdout) as { job: Job };
    await cli(data, ['jobs', 'cancel', started.job.id]);
    const done = await agent.job(started.job.id);
    expect(['cancelled', 'succeeded']).toContain(done.state);
  });

  it('never shows a key in its log', async () => {
    await using agent = await serve(data, ['--log-level', 'trace']);
    await agent.request('GET', '/v1/system');
    const { token } = await agent.call(ENDPOINTS.createKey, { body: { name: 'secret' } });
    await agent.request('GET', '/v1/system', { token });
    await agent.request('GET', '/v1/nothing', { token });
    await agent.end('SIGTERM');
    for (const secret of [agent.token, token]) expect(agent.stderr()).not.toContain(secret);
    await rm(data, { recursive: true, force: true });
  });
});
