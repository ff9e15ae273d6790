import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Credential, Model } from '../../src/shared/contract/index.ts';
import { startProvider, type ProviderDouble } from '../doubles/provider/provider.ts';
import { startTestAgent, type TestAgent } from '../support/agent.ts';
import { cli } from '../support/process.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let agent: TestAgent;
let provider: ProviderDouble;

beforeAll(async () => {
  directory = await temporaryDirectory();
  provider = await startProvider();
  agent = await startTestAgent(join(directory.path, 'data'));
});
afterAll(async () => {
  await agent.stop();
  await provider.close();
  await directory[Symbol.asyncDispose]();
});

const run = async (args: string[], input?: string) => {
  const answer = await cli(agent.dataDir, args, input === undefined ? {} : { input });
  expect(`${answer.stdout}${answer.stderr}`).not.toContain(provider.key);
  return answer;
};
const json = async <T>(args: string[], input?: string): Promise<T> => {
  const answer = await run([...args, '--json'], input);
  expect(answer, args.join(' ')).toMatchObject({ code: 0 });
  return JSON.parse(answer.stdout) as T;
};
const add = ['credentials', 'add', '--provider', 'openai_compatible', '--url'];

// Every command is a process of its own.
describe('a model of a provider on the command line', { timeout: 120_000 }, () => {
  it('goes from the key to an active model and ends with the key', async () => {
    const { credential } = await json<{ credential: Credential }>(
      [...add, provider.baseUrl, '--allow-range', '127.0.0.0/8', 'double'],
      `${provider.key}\n`,
    );
    expect(credential).toMatchObject({ display_name: 'double', api_key_last4: provider.key.slice(-4) });
    // By its name, as the pages of the manual have it.
    expect((await run(['credentials', 'probe', 'double'])).stdout).toContain('takes the key');
    expect((await run(['credentials'])).stdout).toMatch(/double\s+admin\s+…\w{4}\s+0\s+taken/);
    const discovered = await run(['discover', 'cloud', 'double', '--query', 'large']);
    expect(discovered.stdout).toMatch(/^parrot-large\s+llm/m);

    const { model } = await json<{ model: Model }>([
      'models',
      'add-cloud',
      'parrot',
      '--provider=openai_compatible',
      '--model=parrot-large',
      '--credential=double',
      '--task=llm',
    ]);
    expect((await run(['models', 'test', model.id])).stdout).toContain('I am parrot-large');
    for (const verb of ['validate', 'activate'])
      expect(await run(['models', verb, model.id]), verb).toMatchObject({ code: 0 });
    expect((await run(['models', 'show', model.id])).stdout).toMatch(/credential\s+double, active/);

    const preview = await run(['credentials', 'revoke', credential.id, '--preview']);
    expect(preview.stdout).toContain(model.id);
    expect((await run(['credentials', 'show', 'double'])).stdout).toMatch(/models\s+1/);
    const revoked = await run(['credentials', 'revoke', credential.id]);
    expect(revoked.stdout).toContain(`1 model used it.\n  ${model.id}`);
    expect((await run(['models', 'show', model.id])).stdout).toMatch(/state\s+inactive/);
    expect(await run(['credentials', 'revoke', credential.id])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('credential_unavailable') as string,
    });
  });

  it('takes a new key from a file, and says when the provider refuses it', async () => {
    const { credential } = await json<{ credential: Credential }>(
      [...add, provider.baseUrl, '--allow-range', '127.0.0.0/8', 'edited'],
      'sk-wrong-key-000000',
    );
    const refused = await run(['credentials', 'probe', credential.id]);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stdout).toContain('refused the credential');
    const file = join(directory.path, 'key');
    await writeFile(file, `${provider.key}\n`, { mode: 0o600 });
    const edited = await run(['credentials', 'edit', credential.id, '--name', 'renamed', '--key-file', file]);
    expect(edited.stdout).toMatch(/renamed[^]*version 2/);
    expect(await run(['credentials', 'probe', credential.id])).toMatchObject({ code: 0 });
  });

  it('does not choose between two of the same name', async () => {
    await json(['credentials', 'add', '--provider', 'openai', 'twin'], 'sk-one-of-two-1234\n');
    const { credential } = await json<{ credential: Credential }>(
      ['credentials', 'add', '--provider', 'anthropic', 'twin'],
      'sk-two-of-two-1234\n',
    );
    expect(await run(['credentials', 'show', 'twin'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(credential.id) as string,
    });
    expect((await run(['credentials', 'show', credential.id])).stdout).toContain('anthropic');
  });

  it('asks for a key where none is given', async () => {
    expect(await run([...add, provider.baseUrl, 'keyless'], '')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('--key-file') as string,
    });
    expect(await run([...add, provider.baseUrl, 'lost', '--key-file', '/nowhere/key'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('/nowhere/key') as string,
    });
    expect(await run(['credentials', 'add', 'x', '--provider', 'nobody'], 'k')).toMatchObject({ code: 2 });
  });
});
