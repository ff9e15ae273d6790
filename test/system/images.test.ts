import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { LLAMA_IMAGE } from '../../tools/llama-image.ts';
import { startTestAgent } from '../support/agent.ts';
import { readOnly, tmpfs } from '../support/mount.ts';
import { temporaryDirectory } from '../support/temporary.ts';

it('an export is refused with both numbers where there is no room, and where nothing may be written', async () => {
  await using directory = await temporaryDirectory();
  await using disk = await tmpfs(join(directory.path, 'stick'), 64);
  await using agent = await startTestAgent(join(directory.path, 'data'));
  const ask = (path: string) =>
    agent.request('POST', '/v1/modelops/images/export', {
      body: { references: [LLAMA_IMAGE], path },
    });
  expect(await ask(join(disk.path, 'llama.tar'))).toMatchObject({
    status: 507,
    body: {
      error: 'resource_exhausted',
      message: expect.stringMatching(/takes about \d+\.\d GiB; 0\.1 are free/),
      details: { needed_bytes: expect.any(Number), free_bytes: expect.any(Number) },
    },
  });
  expect(await readdir(disk.path)).toEqual([]);
  await using locked = await readOnly(disk.path);
  expect(await ask(join(locked.path, 'llama.tar'))).toMatchObject({
    status: 503,
    body: { error: 'storage_unavailable' },
  });
  expect((await agent.call(ENDPOINTS.listJobs, { query: {} })).jobs).toEqual([]);
});
