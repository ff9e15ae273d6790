import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { leaks, readTrace, tracer } from '../support/sealed-network.ts';
import { openWorkplace } from './harness.ts';
import { callFromPage } from './page-calls.ts';

/** Attaches strace to running processes. @returns what ends it and lets them go on. */
async function watch(pids: readonly number[], file: string): Promise<() => Promise<void>> {
  const [command = '', ...options] = tracer(file).filter(
    (option) => option !== '-qq' && option !== '--seccomp-bpf',
  );
  const strace = spawn(command, [...options, ...pids.flatMap((pid) => ['-p', String(pid)])], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(strace, 'exit');
  const attached = new Set<number>();
  await new Promise<void>((resolve, reject) => {
    strace.stderr.setEncoding('utf8').on('data', (text: string) => {
      for (const [, pid] of text.matchAll(/Process (\d+) attached/g)) attached.add(Number(pid));
      if (pids.every((pid) => attached.has(pid))) resolve();
    });
    void ended.then(() => reject(new Error('strace could not attach')));
  });
  return async () => {
    strace.kill('SIGINT');
    await ended;
  };
}

it('the desktop and its agent reach nothing beyond this machine while the node is offline', async () => {
  await using place = await openWorkplace();
  await appendFile(join(place.dataDir, 'config.yaml'), 'profile: offline\n');
  const desktop = await place.start();
  const page = await desktop.page();
  await callFromPage(page, '/v1/system');
  const agent = await place.agent();
  expect((await agent.call(ENDPOINTS.getProfile, {})).profile).toBe('offline');
  const file = join(place.userData, 'trace');
  const stop = await watch([desktop.pid, agent.pid], file);
  for (const path of ['models', 'slots', 'playground', 'doctor', '']) {
    await page.goto(`${desktop.origin}/${path}`);
    await page.getByRole('main').waitFor();
  }
  // What a page tries, the window's policy and the main process refuse.
  const tried = await page.evaluate(async () =>
    Promise.all(
      ['http://192.0.2.1/', 'https://home.example/'].map((url) =>
        fetch(url).then(
          () => 'answered',
          () => 'refused',
        ),
      ),
    ),
  );
  expect(tried).toEqual(['refused', 'refused']);
  await agent.call(ENDPOINTS.getDoctor, {});
  await stop();
  const trace = await readTrace(file);
  expect(leaks(trace)).toEqual([]);
  // The tracer saw them at work: the desktop asks its agent over loopback.
  expect(trace.destinations.map(({ port }) => String(port))).toContain(new URL(agent.url).port);
});
