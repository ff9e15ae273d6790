import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** What a build makes, one file of each part. */
const BUILT = [
  'out/main/index.js',
  'out/preload/index.cjs',
  'out/renderer/index.html',
  'out/cli/main.js',
] as const;

const CONFIGURATION = [
  'electron.vite.config.ts',
  'vite.agent.config.ts',
  'package.json',
  'package-lock.json',
];

/** Whether something that goes into the build is newer than it, or a part of it is missing. */
export function isOutdated(root: string): boolean {
  const built = BUILT.map((path) => join(root, path));
  if (!built.every((path) => existsSync(path))) return true;
  const oldest = Math.min(...built.map((path) => statSync(path).mtimeMs));
  const sources = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.test\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  return [...sources, ...CONFIGURATION.map((path) => join(root, path))].some(
    (path) => statSync(path).mtimeMs > oldest,
  );
}

/** Builds what is outdated. @returns false when that failed; the tools have said why. */
export function buildIfOutdated(root: string): boolean {
  if (!isOutdated(root)) return true;
  process.stderr.write('Building, because the sources are newer than out/ …\n');
  const steps = [
    ['electron-vite', 'bin/electron-vite.js', 'build', '--logLevel', 'warn'],
    ['vite', 'bin/vite.js', 'build', '-c', 'vite.agent.config.ts', '--logLevel', 'warn'],
  ] as const;
  return steps.every(([name, path, ...args]) => {
    const program = join(packageDirectory(root, name), path);
    return spawnSync(process.execPath, [program, ...args], { cwd: root, stdio: 'inherit' }).status === 0;
  });
}

function packageDirectory(root: string, name: string): string {
  return dirname(createRequire(join(root, 'package.json')).resolve(`${name}/package.json`));
}
