import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureLlamaImage, LLAMA_IMAGE } from './llama-image.ts';

/**
 * Images that behave like vLLM's: the double of test/doubles/vllm in the root of the llama.cpp image, whose llama-server
 * does the talking. Nothing is pulled.
 */
export const VLLM_IMAGE = 'modelops-test/vllm:v0.19.1';
/** Of before `--uds`: it can only listen on TCP. */
export const OLD_VLLM_IMAGE = 'modelops-test/vllm:v0.10.0';

const SOURCE = fileURLToPath(new URL('../test/doubles/vllm', import.meta.url));
const CONTENT_LABEL = 'modelops-test.content';

/** Makes the images in the engine of `DOCKER_HOST` unless they are there with the double as it is now. */
export function ensureVllmImages(dockerHost?: string): void {
  for (const reference of [VLLM_IMAGE, OLD_VLLM_IMAGE]) ensureVllmImage(reference, dockerHost);
}

function ensureVllmImage(reference: string, dockerHost?: string): void {
  ensureLlamaImage(dockerHost);
  const env = dockerHost === undefined ? process.env : { ...process.env, DOCKER_HOST: dockerHost };
  const docker = (...args: string[]): string =>
    execFileSync('docker', args, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'inherit'] }).trim();
  const base = docker('image', 'inspect', '--format', '{{.Id}}', LLAMA_IMAGE);
  const content = contentOf(base);
  const format = `{{index .Config.Labels "${CONTENT_LABEL}"}}`;
  const found = spawnSync('docker', ['image', 'inspect', '--format', format, reference], {
    encoding: 'utf8',
    env,
  });
  if (found.status === 0 && found.stdout.trim() === content) return;
  const version = /:v(.+)$/.exec(reference)?.[1] ?? '';
  const stage = mkdtempSync(join(tmpdir(), 'vllm-image-'));
  const container = docker('create', '--network', 'none', LLAMA_IMAGE);
  try {
    stageFiles(stage, version);
    docker('cp', `${stage}/.`, `${container}:/`);
    const changes = [
      'ENTRYPOINT ["vllm","serve"]',
      'ENV PATH=/opt/vllm-double:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      `LABEL org.opencontainers.image.version=${version}`,
      `LABEL ${CONTENT_LABEL}=${content}`,
    ];
    docker('commit', ...changes.flatMap((change) => ['-c', change]), container, reference);
  } finally {
    docker('rm', container);
    rmSync(stage, { recursive: true, force: true });
  }
}

/** The files as they shall lie in the image, readable for every user whatever the umask here is. */
function stageFiles(stage: string, version: string): void {
  const inside = join(stage, 'opt', 'vllm-double');
  mkdirSync(inside, { recursive: true });
  for (const name of sourceFiles()) {
    copyFileSync(join(SOURCE, name), join(inside, name));
    chmodSync(join(inside, name), 0o755);
  }
  writeFileSync(join(inside, 'version'), version);
  for (const path of [stage, join(stage, 'opt'), inside]) chmodSync(path, 0o755);
  chmodSync(join(inside, 'version'), 0o644);
}

function contentOf(baseId: string): string {
  const hash = createHash('sha256').update(baseId);
  for (const name of sourceFiles()) hash.update(name).update(readFileSync(join(SOURCE, name)));
  return hash.digest('hex').slice(0, 32);
}

function sourceFiles(): string[] {
  return readdirSync(SOURCE)
    .filter((name) => name === 'vllm' || name.endsWith('.pl'))
    .toSorted();
}

if (import.meta.main) ensureVllmImages();
