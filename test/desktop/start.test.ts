import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { serve } from '../support/process.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { buildApp, within } from './harness.ts';
import { ROOT } from './stages.ts';

/** The commands of package.json on a machine that has no Electron, whatever this one has. */
async function runTool(
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [join(ROOT, 'tools', name)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ELECTRON_OVERRIDE_DIST_PATH: join(ROOT, 'nowhere'), ...env },
  });
  try {
    const output = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    const [stdout, stderr, [code]] = await within(output, `${name} to end`);
    return { code: code as number | null, stdout, stderr };
  } finally {
    child.kill('SIGKILL');
  }
}

describe('without Electron', () => {
  it('npm start says so and gives a link that signs the browser in, once', async () => {
    buildApp();
    await using directory = await temporaryDirectory('mo-start-');
    await using agent = await serve(directory.path, [], { env: { MODELOPS_BUILT: '1' } });
    const { code, stdout } = await runTool('start.ts', { MODELOPS_DATA_DIR: directory.path });
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^Electron's program is not on this machine \(.*\), so the same interface is served/,
    );
    expect(stdout).toContain(`The agent runs already at ${agent.url} and goes on after this command.`);
    const link = new URL(/^ {2}(http:\S+)$/m.exec(stdout)?.[1] ?? '');
    expect(link.origin).toBe(agent.url);
    const signIn = { body: { code: link.hash.replace('#code=', '') } };
    const { token } = await agent.as(null)(ENDPOINTS.createSession, signIn);
    const { key } = await agent.as(token)(ENDPOINTS.getSession, {});
    expect(key.kind).toBe('session');
    await expect(agent.as(null)(ENDPOINTS.createSession, signIn)).rejects.toMatchObject({
      code: 'unauthenticated',
    });
    const page = await agent.request('GET', '/', { token: null });
    expect(page.text).toContain('<title>ModelOps Node</title>');
  });

  it('npm run verify:electron says that nothing was verified', async () => {
    const { code, stdout, stderr } = await runTool('verify-electron.ts', {});
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^Nothing was verified: Electron's program is not on this machine \(.*\)\.\n$/);
  });
});
