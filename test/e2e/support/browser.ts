import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { expect } from 'vitest';
import { ENDPOINTS } from '../../../src/shared/contract/index.ts';
import type { TestAgent } from '../../support/agent.ts';

const CHROMIUM = process.env['MODELOPS_CHROMIUM'] ?? '/usr/bin/chromium';
const SHOTS = join(import.meta.dirname, '../../../test-results/screenshots');
const WAIT_MS = 30_000;

export const VIEWPORTS = {
  laptop: { width: 1280, height: 800 },
  desk: { width: 1920, height: 1080 },
} as const;
export type Scheme = 'light' | 'dark';

/** One browser for a file of tests. */
export async function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--no-sandbox',
      '--disable-dev-shm-usage',
      '--force-color-profile=srgb',
      '--font-render-hinting=none',
    ],
  });
}

/** A window of its own: no session, its own storage and shared worker. Anything the page complains about fails the test that looks. */
export async function openContext(
  browser: Browser,
  scheme: Scheme = 'dark',
): Promise<{ context: BrowserContext; complaints: string[] }> {
  const context = await browser.newContext({
    viewport: VIEWPORTS.laptop,
    colorScheme: scheme,
    reducedMotion: 'reduce',
    locale: 'en-GB',
  });
  context.setDefaultTimeout(WAIT_MS);
  const complaints: string[] = [];
  context.on('weberror', (error) => complaints.push(String(error.error())));
  context.on('console', (message) => {
    if (message.type() === 'error' && !isExpected(message.text())) complaints.push(message.text());
  });
  return { context, complaints };
}

/** The browser prints every refused request and broken stream; those are what some tests are about. */
function isExpected(text: string): boolean {
  return text.startsWith('Failed to load resource');
}

/** A fresh one-time link, as `modelops open` prints it. */
export async function signInLink(agent: Pick<TestAgent, 'call'>): Promise<string> {
  const { url } = await agent.call(ENDPOINTS.createSessionCode, {});
  return url;
}

/** Signs a new page in with a one-time link. */
export async function signedIn(agent: Pick<TestAgent, 'call'>, context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  await page.goto(await signInLink(agent));
  await page.getByRole('navigation').waitFor();
  return page;
}

/** No violation of WCAG 2.2 A and AA on what is shown, in both themes. */
export async function expectAccessible(page: Page): Promise<void> {
  expect(await violationsOn(page)).toEqual([]);
}

/** What axe finds on what is shown, in both themes; empty when all is well. */
export async function violationsOn(page: Page): Promise<string[]> {
  const found: string[] = [];
  for (const scheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    // A list that a control opens belongs to that control; it is no content that a landmark has to hold.
    const opened = await page.locator('[role="menu"], [role="listbox"], [role="tooltip"]').count();
    const axe = new AxeBuilder({ page });
    // The themes differ in colours alone; the rest is asked once.
    if (scheme === 'light') axe.withRules(['color-contrast']);
    else
      axe
        .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
        .disableRules(opened > 0 ? ['region'] : []);
    const { violations } = await axe.analyze();
    const told = violations.map(
      ({ id, nodes }) =>
        `${scheme} ${id}: ${nodes
          .slice(0, 3)
          .map((node) => `${node.target.join(' ')} ${node.failureSummary ?? ''}`)
          .join(' | ')}`,
    );
    found.push(...told);
  }
  return found;
}

/** Making pictures costs a third of the suite, and no test reads them: `npm run pictures` makes them. */
const PICTURES = process.env['MODELOPS_PICTURES'] !== undefined;

/** Pictures for people: both themes and both sizes, under `test-results/screenshots`; on request only. */
export async function shoot(
  page: Page,
  name: string,
  sizes: readonly (keyof typeof VIEWPORTS)[] = ['laptop', 'desk'],
): Promise<void> {
  if (!PICTURES) return;
  await mkdir(SHOTS, { recursive: true });
  for (const size of sizes) {
    await page.setViewportSize(VIEWPORTS[size]);
    for (const scheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
      await page.screenshot({ path: join(SHOTS, `${name}-${size}-${scheme}.png`), animations: 'disabled' });
    }
  }
  await page.setViewportSize(VIEWPORTS.laptop);
}
