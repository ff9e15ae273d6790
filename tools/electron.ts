import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/**
 * Electron's program, which its npm package fetches only when somebody asks. `require('electron')` is such a question,
 * so its files are looked at instead.
 * @returns null where it was not fetched.
 */
export function findElectron(root: string, env: NodeJS.ProcessEnv = process.env): string | null {
  const manifest = createRequire(join(root, 'package.json')).resolve('electron/package.json');
  const pathFile = join(dirname(manifest), 'path.txt');
  const name = existsSync(pathFile) ? readFileSync(pathFile, 'utf8').trim() : null;
  const override = env['ELECTRON_OVERRIDE_DIST_PATH'];
  const folder = override === undefined || override === '' ? join(dirname(manifest), 'dist') : override;
  const program = join(folder, name ?? (process.platform === 'win32' ? 'electron.exe' : 'electron'));
  return existsSync(program) ? program : null;
}

/** Why a window cannot be opened here; null when it can. */
export function whyNoWindow(program: string | null, env: NodeJS.ProcessEnv = process.env): string | null {
  if (program === null) {
    return "Electron's program is not on this machine (npx install-electron fetches it, which needs the network)";
  }
  const hasDisplay = (env['DISPLAY'] ?? env['WAYLAND_DISPLAY'] ?? '') !== '';
  return process.platform === 'linux' && !hasDisplay ? 'There is no display' : null;
}
