import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { repository, sourceFiles } from './source-files.ts';

const MOCKS_OWN_MODULE = /\b(?:vi|vitest)\s*\.\s*(?:mock|doMock)\(\s*(?:import\(\s*)?['"]\./;
const SLEEPS = /setTimeout\(\s*(?:resolve|done|r)\s*,\s*\d{2,}/;

it('sees a mocked module of our own', () => {
  expect("vi.mock('../store.ts')").toMatch(MOCKS_OWN_MODULE);
  expect("vi.mock(import('./a.ts'))").toMatch(MOCKS_OWN_MODULE);
  expect("vi.mock('electron')").not.toMatch(MOCKS_OWN_MODULE);
});

it('no test mocks a module of ours', async () => {
  const files = [...(await sourceFiles('src')), ...(await sourceFiles('test'))].filter((file) =>
    /\.test\.tsx?$/.test(file),
  );
  expect(files.length).toBeGreaterThan(30);
  const found: string[] = [];
  for (const file of files) {
    if (file === 'test/architecture/tests.test.ts') continue;
    const source = await readFile(join(repository, file), 'utf8');
    if (MOCKS_OWN_MODULE.test(source)) found.push(`${file} mocks a module of ours`);
    if (SLEEPS.test(source)) found.push(`${file} sleeps; wait for the event`);
  }
  expect(found).toEqual([]);
});
