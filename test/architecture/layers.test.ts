import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FEATURES_WITH_A_DOOR, LAYERS, NETWORK_EXEMPT, forbiddenImports } from '../../tools/architecture.ts';
import { repository, sourceFiles } from './source-files.ts';

/** A file that breaks a rule, and what the linter must say about it. */
interface Planted {
  readonly file: string;
  readonly source: string;
  readonly says: string;
}

interface Finding {
  readonly filename: string;
  readonly message: string;
  readonly help?: string;
  readonly code: string;
}

/** Written by hand, from the design and not from the table that makes the rules. */
const BY_HAND: readonly Planted[] = [
  {
    file: 'src/shared/contract/a.ts',
    source: "import 'node:fs';",
    says: 'runs in a browser too',
  },
  {
    file: 'src/shared/lifecycle/a.ts',
    source: "import '../../agent/index.ts';",
    says: 'shared may not use agent/index.ts',
  },
  {
    file: 'src/agent/kernel/a.ts',
    source: "import '../catalog/index.ts';",
    says: 'agent/kernel may not use agent/catalog',
  },
  {
    file: 'src/agent/kernel/jobs/a.ts',
    source: "import '../../runtimes/index.ts';",
    says: 'agent/kernel may not use agent/runtimes',
  },
  {
    file: 'src/agent/catalog/a.ts',
    source: "import { app } from 'electron';\nexport const name = app.name;",
    says: 'never reaches electron',
  },
  {
    file: 'src/agent/catalog/b.ts',
    source: "import '../artifacts/blob-store.ts';",
    says: 'through its index.ts only',
  },
  {
    file: 'src/agent/catalog/deep/c.ts',
    source: "import { connect } from 'node:net';\nexport const open = connect;",
    says: 'egress.ts only',
  },
  {
    file: 'src/agent/gateway/a.ts',
    source: "import { request } from 'undici';\nexport const call = request;",
    says: 'egress.ts only',
  },
  {
    file: 'src/agent/gateway/b.ts',
    source: "export const call = () => fetch('https://example.com');",
    says: 'egress.ts only',
  },
  {
    file: 'src/agent/gateway/c.ts',
    source: "export function say(): void {\n  console.log('hello');\n}",
    says: 'console',
  },
  {
    file: 'src/agent/gateway/d.ts',
    source: "import '../deployments/index.ts';",
    says: 'agent/gateway may not use agent/deployments',
  },
  {
    file: 'src/agent/system/a.ts',
    source: "import '../../renderer/main.tsx';",
    says: 'agent/system may not use renderer',
  },
  {
    file: 'src/cli/a.ts',
    source: "import '../main/index.ts';",
    says: 'cli may not use main',
  },
  {
    file: 'src/main/a.ts',
    source: "import '../agent/kernel/config.ts';",
    says: 'main may not use agent/kernel',
  },
  {
    file: 'src/preload/a.ts',
    source: "import 'node:child_process';",
    says: 'runs in a browser too',
  },
  {
    file: 'src/renderer/a.ts',
    source: "import '../agent/index.ts';",
    says: 'renderer may not use agent',
  },
  {
    file: 'src/renderer/features/models/b.ts',
    source: "import { ipcRenderer } from 'electron';\nexport const ipc = ipcRenderer;",
    says: 'never reaches electron',
  },
];

/** One violation for each pair of layers that the table keeps apart. */
function fromTheTable(): Planted[] {
  const planted: Planted[] = [];
  for (const layer of LAYERS) {
    if (layer.path.endsWith('.ts')) continue;
    const allowed = new Set<string>([layer.path, ...layer.mayUse]);
    for (const other of LAYERS) {
      const used = [...allowed].some(
        (path) =>
          other.path === path || other.path.startsWith(`${path}/`) || path.startsWith(`${other.path}/`),
      );
      if (used) continue;
      const file = `src/${layer.path}/planted/${other.path.replaceAll(/[/.]/g, '-')}.ts`;
      const target = other.path.endsWith('.ts') ? `src/${other.path}` : `src/${other.path}/index.ts`;
      planted.push({
        file,
        source: `import '${relative(dirname(file), target)}';`,
        says: `${layer.path} may not use ${other.path}`,
      });
    }
  }
  return planted;
}

/** What is allowed must pass: a rule that flags everything would catch every planted file too. */
const ALLOWED: readonly { file: string; source: string }[] = [
  { file: 'src/shared/contract/ok.ts', source: "import '../lifecycle/index.ts';" },
  {
    file: 'src/agent/catalog/ok.ts',
    source: "import '../artifacts/index.ts';\nimport '../kernel/journal.ts';",
  },
  {
    file: 'src/agent/catalog/deep/ok.ts',
    source: "import '../store.ts';\nimport '../../../shared/contract/index.ts';",
  },
  {
    file: 'src/agent/gateway/ok.ts',
    source: "import type { Dispatcher } from 'undici';\nexport type D = Dispatcher;",
  },
  { file: 'src/renderer/ok.tsx', source: "import '@mantine/core';\nimport '../shared/contract/index.ts';" },
  { file: 'src/main/ok.ts', source: "import 'electron';\nimport '../agent/kernel/agent-file.ts';" },
  { file: 'src/agent/kernel/egress.ts', source: "import 'node:net';\nimport 'undici';" },
];

const planted = [...BY_HAND, ...fromTheTable()];
let tree: string;
let findings: Finding[];
let filesChecked: number;

function oxlint(
  cwd: string,
  ...args: string[]
): Promise<{ diagnostics: Finding[]; number_of_files: number }> {
  const binary = join(repository, 'node_modules/.bin/oxlint');
  return new Promise((done, failed) => {
    execFile(binary, ['-f', 'json', ...args], { cwd, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      try {
        done(JSON.parse(stdout) as { diagnostics: Finding[]; number_of_files: number });
      } catch {
        failed(new Error(`oxlint printed no report: ${stderr || stdout || error?.message}`));
      }
    });
  });
}

beforeAll(async () => {
  tree = await mkdtemp(join(tmpdir(), 'architecture-'));
  await mkdir(join(tree, 'tools'));
  await cp(join(repository, 'oxlint.config.ts'), join(tree, 'oxlint.config.ts'));
  await cp(join(repository, 'tools/architecture.ts'), join(tree, 'tools/architecture.ts'));
  await writeFile(join(tree, 'package.json'), '{"type":"module"}');
  await symlink(join(repository, 'node_modules'), join(tree, 'node_modules'));
  for (const { file, source } of [...planted, ...ALLOWED]) {
    const path = resolve(tree, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `${source}\n`);
  }
  const report = await oxlint(tree, 'src');
  findings = report.diagnostics;
  filesChecked = report.number_of_files;
}, 60_000);

afterAll(() => rm(tree, { recursive: true, force: true }));

const about = (file: string): string =>
  findings
    .filter((finding) => finding.filename === file)
    .map((finding) => `${finding.code} ${finding.message} ${finding.help ?? ''}`)
    .join('\n');

describe('the rules between the layers', () => {
  it('look at every planted file', () => {
    expect(filesChecked).toBe(planted.length + ALLOWED.length);
    expect(planted.length).toBeGreaterThan(100);
  });

  it.each(planted)('report $file', ({ file, says }) => {
    expect(about(file)).toContain(says);
  });

  it.each(ALLOWED)('let $file pass', ({ file }) => {
    expect(about(file)).not.toMatch(/no-restricted-(imports|globals)/);
  });

  it('know every file below src', async () => {
    const files = await sourceFiles('src');
    expect(files.length).toBeGreaterThan(200);
    const homeless = files.filter(
      (file) => !LAYERS.some(({ path }) => file === `src/${path}` || file.startsWith(`src/${path}/`)),
    );
    expect(homeless).toEqual([]);
  });

  it('name only layers, features and exceptions that exist', async () => {
    const files = await sourceFiles('src');
    for (const { path, mayUse } of LAYERS) {
      for (const place of [path, ...mayUse]) {
        expect(
          files.some((file) => file === `src/${place}` || file.startsWith(`src/${place}/`)),
          place,
        ).toBe(true);
      }
    }
    for (const feature of FEATURES_WITH_A_DOOR) expect(files).toContain(`src/agent/${feature}/index.ts`);
    for (const file of NETWORK_EXEMPT) expect(files).toContain(file);
  });
});

describe('what the linter does not see', () => {
  /** `import()` is no import statement, so the linter's rule passes it by. */
  it('no layer reaches a forbidden one with import()', async () => {
    const found: string[] = [];
    let looked = 0;
    for (const file of await sourceFiles('src')) {
      if (/\.test\.tsx?$/.test(file) || NETWORK_EXEMPT.some((exempt) => exempt === file)) continue;
      const layer = LAYERS.find(({ path }) => file === `src/${path}` || file.startsWith(`src/${path}/`));
      const source = await readFile(join(repository, file), 'utf8');
      for (const [, name] of source.matchAll(/\b(?:import|require)\(\s*['"]([^'"]+)['"]/g)) {
        looked += 1;
        for (const pattern of forbiddenImports(layer!)) {
          if ('regex' in pattern && new RegExp(pattern.regex).test(name!)) found.push(`${file}: ${name!}`);
        }
      }
    }
    expect(found).toEqual([]);
    expect(looked).toBeGreaterThan(0);
  });
});
