import { existsSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { serve } from '../support/process.ts';
import { endProcess, openWorkplace, type Desktop, type Workplace } from './harness.ts';
import { callFromPage } from './page-calls.ts';
import { HAS_KEYCHAIN, IS_REAL } from './stages.ts';

/** The secrets of the node, as its page sees them. */
async function secretsOf(desktop: Desktop): Promise<unknown> {
  const { body } = await callFromPage(await desktop.page(), '/v1/system');
  return (body['system'] as { secrets: unknown }).secrets;
}

async function warningsOf(desktop: Desktop): Promise<{ code: string; message: string }[]> {
  const page = await desktop.page();
  const state = await page.evaluate('window.desktop.agentState()');
  return (state as { warnings: { code: string; message: string }[] }).warnings;
}

/** Ends the app and its agent, in this order, so that the next start finds neither. */
async function endBoth(place: Workplace, desktop: Desktop): Promise<void> {
  const { pid } = await place.agent();
  desktop.kill('SIGKILL');
  await desktop.ended;
  await endProcess(pid);
}

const OPEN = { state: 'unlocked', wrapped_by: 'keychain' };

describe.skipIf(!HAS_KEYCHAIN)('with a keychain', () => {
  it('the secrets of a new node are kept by it, and open again at every start', async () => {
    await using place = await openWorkplace();
    const first = await place.start();
    expect(await secretsOf(first)).toEqual(OPEN);
    expect(await warningsOf(first)).toEqual([]);
    expect(existsSync(join(place.dataDir, 'secrets.key'))).toBe(false);
    const { pid } = await place.agent();
    // Neither an argument nor the environment carries the key; it came on standard input.
    for (const file of ['cmdline', 'environ'])
      expect(await readFile(`/proc/${pid}/${file}`, 'utf8')).not.toMatch(/[A-Za-z0-9+/]{43}=/);
    await endBoth(place, first);

    const second = await place.start();
    expect(await secretsOf(second)).toEqual(OPEN);
    const sealed = join(place.userData, 'keychain');
    for (const name of await readdir(sealed))
      expect((await stat(join(sealed, name))).mode & 0o777).toBe(0o600);
  });

  it('an agent that runs locked is unlocked', async () => {
    await using place = await openWorkplace();
    const first = await place.start();
    expect(await secretsOf(first)).toEqual(OPEN);
    await endBoth(place, first);

    await using agent = await serve(place.dataDir);
    const { system } = await agent.call(ENDPOINTS.getSystem, {});
    expect(system.secrets).toEqual({ state: 'locked', wrapped_by: 'keychain' });
    const second = await place.start();
    expect(await secretsOf(second)).toEqual(OPEN);
    expect(await warningsOf(second)).toEqual([]);
  });

  it.skipIf(IS_REAL)(
    'that does not open the key any more, the node stays locked and the app says so',
    async () => {
      await using place = await openWorkplace();
      const first = await place.start();
      expect(await secretsOf(first)).toEqual(OPEN);
      await endBoth(place, first);

      const second = await place.start({ keychain: 'another keyring' });
      expect(await secretsOf(second)).toEqual({ state: 'locked', wrapped_by: 'keychain' });
      expect(await warningsOf(second)).toEqual([
        {
          code: 'secrets_locked',
          message:
            'The secrets of this node are locked: the keychain of this account does not give their key.',
        },
      ]);
      await second.happened('tray', ({ view }) => view.tooltip.includes('secrets of this node are locked'));
      await endBoth(place, second);
      // What could not be opened was not thrown away.
      const third = await place.start();
      expect(await secretsOf(third)).toEqual(OPEN);
    },
  );

  it('the app has one key of its own, and takes the place of one that was lost', async () => {
    await using place = await openWorkplace();
    const first = await place.start();
    await secretsOf(first);
    const agent = await place.agent();
    const named = async (): Promise<{ id: string; kind: string; revoked: boolean }[]> => {
      const { keys } = await agent.call(ENDPOINTS.listKeys, {});
      return keys
        .filter(({ name }) => name === `desktop-${userInfo().username}`)
        .map(({ id, kind, revoked_at: at }) => ({ id, kind, revoked: at !== null }));
    };
    expect(await named()).toEqual([{ id: expect.any(String), kind: 'desktop', revoked: false }]);
    first.kill('SIGTERM');
    await first.ended;
    const second = await place.start();
    await secretsOf(second);
    expect(await named()).toHaveLength(1);
    second.kill('SIGTERM');
    await second.ended;

    await rm(place.userData, { recursive: true });
    const third = await place.start();
    await secretsOf(third);
    expect((await named()).map(({ kind, revoked }) => [kind, revoked])).toEqual([
      ['desktop', false],
      ['desktop', true],
    ]);
  });
});

describe('without a keychain', () => {
  it.each(IS_REAL ? ['basic_text'] : ['basic_text', 'none'])(
    '(%s) the app works with the key files of the account and says so',
    async (keychain) => {
      await using place = await openWorkplace();
      const desktop = await place.start({ keychain });
      expect(await secretsOf(desktop)).toEqual({ state: 'unlocked', wrapped_by: 'file' });
      const { body } = await callFromPage(await desktop.page(), '/v1/session');
      expect(body).toMatchObject({ key: { kind: 'admin' } });
      const [warning, ...others] = await warningsOf(desktop);
      expect(others).toEqual([]);
      expect(warning?.code).toBe('no_keychain');
      const { view } = await desktop.happened('tray', ({ view: { tooltip } }) =>
        tooltip.includes('no model is loaded'),
      );
      // It stands there for good, whatever else the tray says.
      expect(view.items.some(({ label }) => label.startsWith('Note: ') && label.includes('keychain'))).toBe(
        true,
      );
      expect(existsSync(join(place.userData, 'keychain'))).toBe(false);
    },
  );
});
