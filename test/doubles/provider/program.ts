import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface ProviderProgram extends AsyncDisposable {
  readonly url: string;
  readonly baseUrl: string;
}

/** Starts the double as a process of its own. */
export async function startProviderProgram(): Promise<ProviderProgram> {
  const program = fileURLToPath(new URL('provider.ts', import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const { url, base_url: baseUrl } = JSON.parse(line) as { url: string; base_url: string };
  return {
    url,
    baseUrl,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await once(child, 'close');
    },
  };
}
