import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A real llama.cpp image without a registry: Debian's llama-server in a minimal root, imported into Docker. Making the
 * root takes half a minute, so its archive is cached. Needs root, debootstrap and a Docker engine.
 */
export const LLAMA_IMAGE = 'modelops-test/llama.cpp:server';

const CACHE = process.env['MODELOPS_TEST_CACHE'] ?? join(homedir(), '.cache', 'modelops-test');
const ARCHIVE = join(CACHE, 'llama-root.tar');

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'], env, maxBuffer: 64 * 1024 * 1024 });
}

/** The archive of the root file system, made when it is not cached. */
export function llamaRootArchive(): string {
  if (existsSync(ARCHIVE)) return ARCHIVE;
  mkdirSync(CACHE, { recursive: true });
  const root = mkdtempSync(join(tmpdir(), 'llama-root-'));
  try {
    const log = spawnSync(
      'debootstrap',
      ['--variant=minbase', '--include=llama.cpp-tools,ca-certificates', 'sid', root],
      { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
    );
    if (log.status !== 0) throw new Error(`debootstrap failed:\n${log.stdout.slice(-2000)}\n${log.stderr}`);
    rmSync(join(root, 'var/cache/apt/archives'), { recursive: true, force: true });
    run('tar', ['-C', root, '-cf', `${ARCHIVE}.part`, '.']);
    renameSync(`${ARCHIVE}.part`, ARCHIVE);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  return ARCHIVE;
}

/** Imports the image into the engine of `DOCKER_HOST` unless it is there. */
export function ensureLlamaImage(dockerHost?: string): void {
  const env = dockerHost === undefined ? process.env : { ...process.env, DOCKER_HOST: dockerHost };
  if (spawnSync('docker', ['image', 'inspect', LLAMA_IMAGE], { stdio: 'ignore', env }).status === 0) return;
  run('docker', ['import', '-c', 'ENTRYPOINT ["llama-server"]', llamaRootArchive(), LLAMA_IMAGE], env);
}

if (import.meta.main) ensureLlamaImage();
