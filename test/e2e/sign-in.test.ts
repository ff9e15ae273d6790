import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { openContext, signedIn, signInLink, violationsOn } from './support/browser.ts';
import { openStage, type Stage } from './support/stage.ts';

describe('signing in', () => {
  let stage: Stage;
  /** The agent's clock, ahead of the machine's. */
  let ahead = 0;

  beforeAll(async () => {
    stage = await openStage({ clock: { now: () => Date.now() + ahead } });
  });
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  });

  /** A window of its own each time: nobody is signed in there. */
  const stranger = async (address: string): Promise<{ page: Page; context: BrowserContext }> => {
    const { context } = await openContext(stage.browser);
    const page = await context.newPage();
    await page.goto(address);
    return { page, context };
  };
  const refused = async (page: Page, title: string): Promise<string[]> => {
    const alert = page.getByRole('alert');
    await alert.getByText(title).waitFor();
    await alert.getByText('modelops open').waitFor();
    return violationsOn(page);
  };

  it('with a link takes its code out of the address, and the link opens nothing twice', async () => {
    const link = await signInLink(stage.agent);
    const { page } = await stranger(link);
    await page.getByRole('navigation').waitFor();
    expect(page.url()).not.toContain('code');
    // A reload stays signed in.
    await page.reload();
    await page.getByRole('navigation').waitFor();

    const { page: other, context } = await stranger(link);
    expect(await refused(other, 'This link was used already, or is not from this agent')).toEqual([]);
    await context.close();
  });

  it('with a link that is too old says so', async () => {
    const link = await signInLink(stage.agent);
    ahead = 61_000;
    const { page, context } = await stranger(link);
    expect(await refused(page, 'This link or key has run out')).toEqual([]);
    await context.close();
    ahead = 0;
  });

  it('with a pasted link or key, or a wrong one', async () => {
    const { page, context } = await stranger(`${stage.agent.url}/slots`);
    const field = page.getByLabel('Sign-in link or key');
    const enter = async (text: string): Promise<void> => {
      await field.fill(text);
      await page.keyboard.press('Enter');
    };
    await enter(`mok_${'x'.repeat(43)}`);
    await page.getByRole('alert').getByText('This key is not known here', { exact: true }).waitFor();
    await enter(`${stage.agent.url}/#code=moc_${'x'.repeat(43)}`);
    expect(await refused(page, 'This link was used already, or is not from this agent')).toEqual([]);
    await enter(await signInLink(stage.agent));
    // Where one wanted to go is where one gets.
    await page.getByRole('heading', { level: 1, name: 'Slots' }).waitFor();
    await context.close();

    const { page: keyed, context: another } = await stranger(stage.agent.url);
    await keyed.getByLabel('Sign-in link or key').fill(stage.agent.token);
    await keyed.keyboard.press('Enter');
    await keyed.getByRole('navigation').waitFor();
    await another.close();
  });

  it('ends for all tabs of a browser with one sign-out, and the key with it', async () => {
    const { context } = await openContext(stage.browser);
    const first = await signedIn(stage.agent, context);
    const second = await context.newPage();
    await second.goto(`${stage.agent.url}/settings`);
    // The other tab's session is its own as well.
    await second.getByRole('button', { name: 'Sign out' }).click();
    await second.getByLabel('Sign-in link or key').waitFor();
    await first.getByLabel('Sign-in link or key').waitFor();
    const { keys } = await stage.agent.call(ENDPOINTS.listKeys, { query: {} });
    expect(keys.some((key) => key.kind === 'session' && key.revoked_at !== null)).toBe(true);
    await context.close();
  });

  it('a session that is revoked elsewhere ends here with the reason', async () => {
    const { context } = await openContext(stage.browser);
    const page = await signedIn(stage.agent, context);
    const { keys } = await stage.agent.call(ENDPOINTS.listKeys, { query: {} });
    const session = keys.find((key) => key.kind === 'session' && key.revoked_at === null);
    await stage.agent.call(ENDPOINTS.revokeKey, { params: { id: session?.id ?? '' } });
    await page.getByRole('alert').getByText('This key is not known here', { exact: true }).waitFor();
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
    await context.close();
  });
});
