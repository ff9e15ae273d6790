import { constants } from 'node:fs';
import { access, readdir, readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/**
 * Where nvidia-smi may lie, in order: the PATH, then where drivers put it. On WSL it is not in the PATH of services.
 * Pure.
 */
export function programCandidates(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): string[] {
  const name = platform === 'win32' ? 'nvidia-smi.exe' : 'nvidia-smi';
  const inPath = (env['PATH'] ?? env['Path'] ?? '')
    .split(platform === 'win32' ? ';' : delimiter)
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, name));
  const usual =
    platform === 'win32'
      ? [
          join(env['SystemRoot'] ?? 'C:\\Windows', 'System32', name),
          join(env['ProgramFiles'] ?? 'C:\\Program Files', 'NVIDIA Corporation', 'NVSMI', name),
        ]
      : platform === 'linux'
        ? ['/usr/bin/nvidia-smi', '/usr/lib/wsl/lib/nvidia-smi']
        : [];
  return [...new Set([...inPath, ...usual])];
}

/** The first that can be run; null when there is none. A configured path is the only one that counts. */
export async function findProgram(
  configured: string | null,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | null> {
  for (const path of configured === null ? programCandidates(process.platform, env) : [configured]) {
    if (await isExecutable(path)) return path;
  }
  return null;
}

/** A program in the PATH of the agent; null when it is not there. */
export async function findCommand(
  name: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | null> {
  for (const directory of (env['PATH'] ?? '').split(delimiter).filter((one) => one !== '')) {
    const path = join(directory, name);
    if (await isExecutable(path)) return path;
  }
  return null;
}

const isExecutable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

const PCI_DEVICES = '/sys/bus/pci/devices';
const NVIDIA = '0x10de';
/** Display controllers of any kind. */
const DISPLAY = '0x03';

/** Whether an NVIDIA card is plugged in, driver or not. Only Linux is asked; false elsewhere. */
export async function hasNvidiaCard(): Promise<boolean> {
  const devices = await readdir(PCI_DEVICES).catch(() => []);
  for (const device of devices) {
    const read = (file: string): Promise<string> =>
      readFile(join(PCI_DEVICES, device, file), 'utf8').catch(() => '');
    const isNvidia = (await read('vendor')).trim() === NVIDIA;
    if (isNvidia && (await read('class')).startsWith(DISPLAY)) return true;
  }
  return false;
}
