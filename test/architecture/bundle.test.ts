import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'vite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { forbidElectron } from '../../vite.agent.config.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bundle-'));
  await writeFile(join(folder, 'entry.ts'), "import { name } from './between.ts';\nconsole.log(name);\n");
  await writeFile(
    join(folder, 'clean.ts'),
    "import { join } from 'node:path';\nconsole.log(join('a', 'b'));\n",
  );
  // The linter looks at the sources of ours only; this stands for a library that reaches electron.
  await writeFile(join(folder, 'between.ts'), "export { name } from './far.js';\n");
  await writeFile(join(folder, 'far.js'), "import { app } from 'electron';\nexport const name = app.name;\n");
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const bundle = (entry: string): Promise<unknown> =>
  build({
    configFile: false,
    root: folder,
    logLevel: 'silent',
    plugins: [forbidElectron()],
    ssr: { noExternal: true, target: 'node' },
    build: { ssr: join(folder, entry), write: false },
  });

it('refuses an agent that reaches electron through others', async () => {
  await expect(bundle('entry.ts')).rejects.toThrow(/far\.js reaches electron/);
});

it('builds an agent that does not', async () => {
  await expect(bundle('clean.ts')).resolves.toBeDefined();
});
