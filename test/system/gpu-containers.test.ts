import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { LLAMA_IMAGE } from '../../tools/llama-image.ts';
import { ownDockerd } from '../support/dockerd.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const execute = promisify(execFile);

describe('an engine that finds the hook of the container toolkit', () => {
  it('starts a container that asks for a GPU, and tells it which', async () => {
    await using directory = await temporaryDirectory();
    await using engine = await ownDockerd(join(directory.path, 'e'));
    const { stdout } = await execute('docker', [
      '-H',
      engine.host,
      'run',
      '--rm',
      '--network=none',
      '--gpus=device=GPU-5e1f7f2c-9a3b-4c67-8d10-2f6c1b7a4e01',
      '--entrypoint=/usr/bin/env',
      LLAMA_IMAGE,
    ]);
    expect(stdout).toContain('NVIDIA_VISIBLE_DEVICES=GPU-5e1f7f2c-9a3b-4c67-8d10-2f6c1b7a4e01');
  });
});
