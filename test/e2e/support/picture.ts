import type { Page } from 'playwright-core';
import { shoot, violationsOn } from './browser.ts';

/** Pictures of what is shown, in both themes and sizes. @returns what axe finds on it */
export async function keep(page: Page, name: string): Promise<string[]> {
  await page.mouse.move(0, 0);
  await shoot(page, name);
  return violationsOn(page);
}
