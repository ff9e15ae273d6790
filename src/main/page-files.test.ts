import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../../test/support/temporary.ts';
import { fileOfPath, servePageFile } from './page-files.ts';

describe('the file of a path', () => {
  it.each([
    ['/', 'index.html'],
    ['/assets/index-CYpw2G67.js', 'assets/index-CYpw2G67.js'],
    ['/icon.svg', 'icon.svg'],
    // Paths that the page reads.
    ['/go/hf://org/repo', 'index.html'],
    ['/models/C:/x', 'index.html'],
    ['/.env', 'index.html'],
    ['/models/%C3%A9', 'index.html'],
    // Paths that climb.
    ['/..%2fpackage.json', null],
    ['/assets/..%2F..%2Fmain/index.js', null],
    ['/%2e%2e/package.json', null],
    ['/./x', null],
    ['/..%5cmain', null],
    ['/a%00b', null],
    ['/%', null],
  ])('%s: %s', (path, file) => {
    expect(fileOfPath(path)).toBe(file);
  });
});

describe('the page', () => {
  it('answers with files, with itself for its own paths, and says when it is not built', async () => {
    await using directory = await temporaryDirectory();
    const answer = async (path: string, method = 'GET'): Promise<[number, string | null, string]> => {
      const response = await servePageFile(directory.path, method, path);
      return [response.status, response.headers.get('cache-control'), await response.text()];
    };
    expect((await answer('/'))[2]).toContain('npm run build');
    await mkdir(join(directory.path, 'assets'));
    await writeFile(join(directory.path, 'index.html'), 'the page');
    await writeFile(join(directory.path, 'assets', 'a-1.js'), 'code');
    expect(await answer('/models/x')).toEqual([200, 'no-cache', 'the page']);
    expect(await answer('/assets')).toEqual([200, 'no-cache', 'the page']);
    expect(await answer('/assets/a-1.js')).toEqual([200, 'public, max-age=31536000, immutable', 'code']);
    expect((await answer('/assets/b-2.js'))[0]).toBe(404);
    expect((await answer('/', 'PUT'))[0]).toBe(405);
    expect(
      (await servePageFile(directory.path, 'GET', '/assets/a-1.js')).headers.get('content-type'),
    ).toContain('text/javascript');
    // A directory of that name is no file either.
    await symlink('nowhere', join(directory.path, 'broken.js'));
    expect((await answer('/broken.js'))[2]).toBe('the page');
  });
});
