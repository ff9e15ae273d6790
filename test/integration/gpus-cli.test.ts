import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Gpus } from '../../src/shared/contract/index.ts';
import { gpusUntil } from '../support/gpus.ts';
import { placeNvidiaSmi, type NvidiaSmiDouble } from '../support/nvidia-smi.ts';
import { cli, serve, type AgentProcess } from '../support/process.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let dataDir: string;
let smi: NvidiaSmiDouble;
let agent: AgentProcess;

beforeAll(async () => {
  directory = await temporaryDirectory();
  dataDir = join(directory.path, 'data');
  smi = await placeNvidiaSmi(directory.path, { recording: 'mig' });
  agent = await serve(dataDir, [], { env: { MODELOPS_NVIDIA_SMI: smi.path } });
  await gpusUntil(agent, ({ gpus }) => gpus.some(({ processes }) => processes.length > 0));
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

describe('modelops gpus', { timeout: 60_000 }, () => {
  it('lists cards and MIG instances with their programs, for people and for programs', async () => {
    const { code, stdout } = await cli(dataDir, ['gpus']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Driver 550\.127\.08, CUDA 12\.4$/m);
    expect(stdout).toMatch(/^1 +NVIDIA A100-SXM4-40GB +4\.00 MiB of 40\.0 GiB +0 % +44 °C +98 W/m);
    expect(stdout).toMatch(/^ 3g\.20gb +NVIDIA A100-SXM4-40GB MIG 3g\.20gb +18\.6 GiB of 19\.5 GiB +— /m);
    expect(stdout).toMatch(/^0 +30501 +18\.5 GiB +not ours +VLLM::EngineCore$/m);
    const json = JSON.parse((await cli(dataDir, ['gpus', 'list', '--json'])).stdout) as Gpus;
    expect(json.gpus).toHaveLength(5);
  });

  it('tells what a GPU did, by index or UUID, and refuses one that is not there', async () => {
    const { code, stdout } = await cli(dataDir, ['gpus', 'history', '1', '--day']);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/GPU-a0b1c2d3[\s\S]*4\.00 MiB +0 % +44 °C/)]);
    const refused = await cli(dataDir, ['gpus', 'history', '7']);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('There is no GPU 7.')]);
  });

  it('says what is wrong with the driver and how to cure it', async () => {
    await smi.say({
      recording: 'mig',
      failure: { exit_code: 18, stdout: 'Failed to initialize NVML: Driver/library version mismatch\n' },
    });
    await gpusUntil(agent, ({ driver }) => driver.state === 'mismatch');
    const { stdout } = await cli(dataDir, ['gpus']);
    expect(stdout).toMatch(/^The NVIDIA driver was updated, but the kernel still runs the old one\.$/m);
    expect(stdout).toContain('Restart the machine');
    expect(stdout).toMatch(/— of 40\.0 GiB/);
    const doctor = await cli(dataDir, ['doctor']);
    expect(doctor.code).toBe(1);
    expect(doctor.stdout).toContain('✗ NVIDIA driver: The NVIDIA driver was updated');
  });
});
