import { appendFile, writeFile } from 'node:fs/promises';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Gpus } from '../../src/shared/contract/index.ts';
import { readEvents } from '../../src/cli/events.ts';
import type { Control } from '../doubles/nvidia/recording.ts';
import { startTestAgent, type TestAgent } from '../support/agent.ts';
import { gpusUntil, QUICK } from '../support/gpus.ts';
import { placeNvidiaSmi, type NvidiaSmiDouble } from '../support/nvidia-smi.ts';
import { parseMetrics } from '../support/prometheus.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

const MIB = 1024 ** 2;
/** Longer than the double takes to start on a machine that is busy. */
const HANG_MS = 3000;

let directory: TemporaryDirectory;
let kmsg: string;
beforeEach(async () => {
  directory = await temporaryDirectory();
  kmsg = join(directory.path, 'kmsg');
  await writeFile(kmsg, '6,1,1000,-;Linux version 6.8.0\n');
  return () => directory[Symbol.asyncDispose]();
});

async function agentWith(
  control: Control,
  more: Parameters<typeof startTestAgent>[1] = {},
): Promise<{ agent: TestAgent; smi: NvidiaSmiDouble }> {
  const smi = await placeNvidiaSmi(directory.path, control);
  const agent = await startTestAgent(join(directory.path, 'data'), {
    gpuTiming: QUICK,
    kernelLog: kmsg,
    ...more,
    settings: { nvidia_smi: smi.path, ...more.settings },
  });
  return { agent, smi };
}

const withFigures = ({ gpus, driver, observed_at: seen }: Gpus): boolean =>
  driver.state === 'ok' && seen !== null && gpus.length > 0 && driver.cuda_version !== null;
const gpuCheck = async (agent: TestAgent, id: string) =>
  (await agent.call(ENDPOINTS.getDoctor, {})).checks.find((check) => check.id === id);

describe('GPUs over HTTP', { timeout: 60_000 }, () => {
  it('are none, at no cost, where nvidia-smi is not, and are found once it is', async () => {
    await using agent = await startTestAgent(join(directory.path, 'data'), {
      gpuTiming: QUICK,
      kernelLog: kmsg,
      settings: { nvidia_smi: join(directory.path, 'nvidia-smi') },
    });
    const none = await agent.call(ENDPOINTS.listGpus, {});
    expect(none).toMatchObject({ gpus: [], driver: { state: 'absent' }, sampling_ms: null });
    expect(none.reason).toContain(join(directory.path, 'nvidia-smi'));
    expect(none.hint).toContain('MODELOPS_NVIDIA_SMI');
    await placeNvidiaSmi(directory.path, { recording: 'one' });
    // Whoever asks makes it look again.
    const { gpus } = await agent.call(ENDPOINTS.listGpus, {});
    expect(gpus.map(({ name }) => name)).toEqual(['NVIDIA GeForce RTX 4090']);
  });

  it('show one card with what the driver says, and null for what it does not say', async () => {
    const { agent } = await agentWith({ recording: 'one' });
    await using _ = agent;
    const { gpus, driver, reason, hint } = await gpusUntil(
      agent,
      (now) => withFigures(now) && now.gpus[0]?.processes.length === 1,
    );
    expect(driver).toEqual({ state: 'ok', version: '550.127.08', cuda_version: '12.4' });
    expect([reason, hint]).toEqual([null, null]);
    expect(gpus).toHaveLength(1);
    expect(gpus[0]).toMatchObject({
      index: 0,
      uuid: 'GPU-5e1f7f2c-9a3b-4c67-8d10-2f6c1b7a4e01',
      memory_total_bytes: 24_564 * MIB,
      memory_used_bytes: 1184 * MIB,
      memory_free_bytes: 22_960 * MIB,
      memory_reserved_bytes: 420 * MIB,
      memory_temperature_celsius: null,
      ecc_errors: null,
      mig_mode: null,
      power_watts: 31.42,
      throttle_reasons: ['idle'],
      processes: [{ pid: 4711, name: '/usr/bin/python3', memory_used_bytes: 742 * MIB, slot_id: null }],
      usable: true,
      unified_memory: false,
    });
  });

  it('show eight cards in their order, with their throttling, ECC errors and slots', async () => {
    const { agent } = await agentWith({ recording: 'eight' });
    await using _ = agent;
    const first = await gpusUntil(agent, withFigures);
    expect(first.gpus.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(first.gpus[2]?.throttle_reasons).toEqual(['software_thermal', 'hardware_thermal']);
    expect(first.gpus[6]?.ecc_errors).toEqual({ corrected: 12, uncorrected: 1 });
    const uuid = first.gpus[5]?.uuid ?? '';
    await agent.call(ENDPOINTS.createSlot, {
      body: { id: 'on-five', capability: 'llm_inference', runtime_spec: 'llama-cpp-cuda', gpu_ids: [uuid] },
    });
    const { gpus } = await agent.call(ENDPOINTS.listGpus, {});
    expect(gpus.map(({ slot_ids: ids }) => ids)).toEqual([[], [], [], [], [], ['on-five'], [], []]);
  });

  it('show MIG instances as GPUs of their own, and their card as one that no slot can use', async () => {
    const { agent } = await agentWith({ recording: 'mig' });
    await using _ = agent;
    const { gpus } = await gpusUntil(
      agent,
      (now) => withFigures(now) && now.gpus.some(({ processes }) => processes.length > 0),
    );
    expect(gpus.map((gpu) => [gpu.index, gpu.mig_profile, gpu.memory_total_bytes, gpu.usable])).toEqual([
      [0, null, 40_960 * MIB, false],
      [0, '3g.20gb', 19_968 * MIB, true],
      [0, '2g.10gb', 9856 * MIB, true],
      [0, '1g.5gb', 4864 * MIB, true],
      [1, null, 40_960 * MIB, true],
    ]);
    expect(gpus[0]?.unusable_reason).toContain('MIG');
    expect(gpus[1]?.processes).toMatchObject([{ pid: 30_501, memory_used_bytes: 18_980 * MIB }]);
    expect(gpus[1]?.parent_uuid).toBe(gpus[0]?.uuid);
    expect(gpus[3]?.processes[0]?.name).toBe('/usr/bin/python3 -c "a < b"');
  });

  it.each([
    ['none', 'no_devices', /finds no GPU/, /lspci/],
    ['mismatch', 'mismatch', /updated to 550\.127/, /modprobe/],
    ['not-loaded', 'not_loaded', /not loaded/, /modprobe nvidia/],
    ['garbage', 'failed', /nobody understands: .*Welcome to the cluster!/, /terminal/],
  ] as const)('say what is wrong with the driver: %s', async (recording, state, reason, hint) => {
    const { agent } = await agentWith({ recording });
    await using _ = agent;
    const found = await gpusUntil(agent, ({ driver }) => driver.state === state);
    expect(found.gpus).toEqual([]);
    expect(found.reason).toMatch(reason);
    expect(found.hint).toMatch(hint);
    expect(await gpuCheck(agent, 'gpu_driver')).toMatchObject({ status: 'failed', found: found.reason });
  });

  it('say that the driver hangs, answer meanwhile, and come back', async () => {
    const { agent, smi } = await agentWith(
      { recording: 'hang' },
      { gpuTiming: { ...QUICK, callMs: HANG_MS } },
    );
    await using _ = agent;
    const found = await gpusUntil(agent, ({ driver }) => driver.state === 'hung');
    expect(found.reason).toContain('the driver hangs');
    expect((await agent.request('GET', '/healthz')).status).toBe(200);
    await smi.say({ recording: 'one' });
    expect((await gpusUntil(agent, ({ driver }) => driver.state === 'ok')).gpus).toHaveLength(1);
  });

  it('notice a driver that hangs while it is followed', async () => {
    const { agent, smi } = await agentWith(
      { recording: 'one' },
      { gpuTiming: { ...QUICK, callMs: HANG_MS } },
    );
    await using _ = agent;
    await gpusUntil(agent, withFigures);
    await smi.say({ recording: 'one', failure: { hang: true } });
    const hung = await gpusUntil(agent, ({ driver }) => driver.state === 'hung');
    expect(hung.gpus[0]).toMatchObject({ usable: false, memory_used_bytes: null, utilization_percent: null });
    await smi.say({ recording: 'one' });
    await gpusUntil(agent, withFigures);
  });

  it('drop what an old driver does not know, and take its older names', async () => {
    const { agent } = await agentWith({ recording: 'old-driver' });
    await using _ = agent;
    const { gpus } = await gpusUntil(agent, withFigures);
    expect(gpus[0]).toMatchObject({
      memory_used_bytes: 10_331 * MIB,
      memory_reserved_bytes: null,
      compute_capability: null,
      power_watts: null,
      fan_percent: null,
      throttle_reasons: ['software_power_cap'],
    });
  });

  it('tell a GPU that was lost from the others, and its return', async () => {
    const { agent, smi } = await agentWith({ recording: 'eight' });
    await using _ = agent;
    const { gpus } = await gpusUntil(agent, withFigures);
    const gone = gpus[3]?.uuid ?? '';
    await smi.say({ recording: 'eight', lost: [gone] });
    const lost = await gpusUntil(
      agent,
      (now) => now.driver.state === 'lost' && now.gpus.filter(({ usable }) => usable).length === 7,
    );
    expect(lost.reason).toContain('fallen off the bus');
    expect(lost.gpus[3]).toMatchObject({ uuid: gone, usable: false, memory_used_bytes: null });
    expect(lost.gpus[3]?.unusable_reason).toContain('no longer answers');
    // The others go on.
    expect(lost.gpus[2]).toMatchObject({ memory_used_bytes: 76_211 * MIB, usable: true });
    await smi.say({ recording: 'eight' });
    await gpusUntil(agent, (now) => now.driver.state === 'ok' && now.gpus.every(({ usable }) => usable));
    const { events } = await agent.call(ENDPOINTS.getGpuHistory, { params: { uuid: gone }, query: {} });
    expect(events.map(({ kind }) => kind)).toEqual(['lost', 'returned']);
  });

  it('follow a program that comes and goes, and its memory', async () => {
    const { agent, smi } = await agentWith({ recording: 'one', processes: [] });
    await using _ = agent;
    const uuid = (await gpusUntil(agent, withFigures)).gpus[0]?.uuid ?? '';
    await smi.say({
      recording: 'one',
      values: { [uuid]: { 'memory.used': '20000', 'memory.free': '4144', 'utilization.gpu': '[N/A]' } },
      processes: [
        { gpu_uuid: uuid, pid: String(process.pid), process_name: 'vllm', used_gpu_memory: '18816' },
      ],
    });
    const { gpus } = await gpusUntil(agent, (now) => now.gpus[0]?.processes.length === 1);
    expect(gpus[0]).toMatchObject({ memory_used_bytes: 20_000 * MIB, utilization_percent: null });
    expect(gpus[0]?.processes[0]).toMatchObject({ pid: process.pid, slot_id: null });
  });

  it('have XID errors of the kernel log, once, with the GPU that they are about', async () => {
    // Records tell the time since the machine started.
    const line = (code: number, secondsAgo: number): string =>
      `4,${code},${Math.round((uptime() - secondsAgo) * 1e6)},-;NVRM: Xid (PCI:0000:01:00): ${code}, pid='<unknown>', name=<unknown>, what happened.\n`;
    await appendFile(kmsg, line(79, 60));
    const { agent } = await agentWith({ recording: 'one' });
    {
      await using _ = agent;
      const { gpus, kernel_log: problem } = await gpusUntil(agent, (now) => now.gpus[0]?.last_xid != null);
      expect(problem).toBeNull();
      expect(gpus[0]?.last_xid).toMatchObject({ kind: 'xid', code: 79, gpu_uuid: gpus[0]?.uuid });
      expect(gpus[0]?.last_xid?.message).toContain('the GPU has fallen off the bus');
      await appendFile(kmsg, line(31, 30));
      await gpusUntil(agent, (now) => now.gpus[0]?.last_xid?.code === 31);
    }
    // The next agent reads the same log from its start.
    const { agent: second } = await agentWith({ recording: 'one' });
    await using _ = second;
    const uuid = (await gpusUntil(second, (now) => now.gpus[0]?.last_xid?.code === 31)).gpus[0]?.uuid ?? '';
    const { events } = await second.call(ENDPOINTS.getGpuHistory, {
      params: { uuid },
      query: { window: '24h' },
    });
    expect(events.map(({ code }) => code)).toEqual([79, 31]);
  });

  it('say why XID errors are not seen', async () => {
    const { agent } = await agentWith({ recording: 'one' }, { kernelLog: join(directory.path, 'nothing') });
    await using _ = agent;
    const { kernel_log: problem } = await gpusUntil(agent, (now) => now.kernel_log !== null);
    expect(problem).toContain('XID errors are not seen');
    expect(await gpuCheck(agent, 'gpu_kernel_log')).toMatchObject({ status: 'warning' });
  });

  it('are sampled often while somebody reads the telemetry, and seldom otherwise', async () => {
    const { agent } = await agentWith({ recording: 'one' });
    await using _ = agent;
    const watched = await gpusUntil(agent, (now) => now.sampling_ms === QUICK.watchedMs);
    expect(watched.driver.state).toBe('ok');
    // The stream of `system` wakes nobody.
    const stop = new AbortController();
    const other = readEvents(agent, 'system', stop.signal);
    await other.next();
    let now = await agent.call(ENDPOINTS.listGpus, {});
    while (now.sampling_ms !== QUICK.idleMs) now = await agent.call(ENDPOINTS.listGpus, {});
    stop.abort();
  });

  it('have a history of an hour and of a day', async () => {
    const { agent } = await agentWith({ recording: 'eight' });
    await using _ = agent;
    const { gpus } = await gpusUntil(agent, withFigures);
    const uuid = gpus[2]?.uuid ?? '';
    for (const window of ['1h', '24h'] as const) {
      const history = await agent.call(ENDPOINTS.getGpuHistory, { params: { uuid }, query: { window } });
      expect(history.samples.at(-1)).toMatchObject({
        memory_used_bytes: 76_211 * MIB,
        temperature_celsius: 87,
        power_watts: 583.2,
        sm_clock_mhz: 1230,
      });
      expect(history.resolution_ms).toBe(window === '1h' ? 15_000 : 60_000);
      expect(history.events).toMatchObject([{ kind: 'throttled', gpu_uuid: uuid }]);
    }
    const unknown = await agent.request('GET', '/v1/gpus/GPU-unknown/history');
    expect([unknown.status, unknown.body['error']]).toEqual([404, 'not_found']);
  });

  it('are counted for Prometheus, without a figure that is not known', async () => {
    const { agent } = await agentWith({ recording: 'laptop' });
    await using _ = agent;
    const { gpus } = await gpusUntil(agent, withFigures);
    const metrics = parseMetrics((await agent.request('GET', '/metrics')).text);
    const gpu = gpus[0]?.uuid ?? '';
    expect(metrics.value('modelops_gpu_memory_used_bytes', { gpu })).toBe(8 * MIB);
    expect(metrics.value('modelops_gpu_memory_total_bytes', { gpu })).toBe(6144 * MIB);
    expect(metrics.samples('modelops_gpu_power_watts')).toEqual([]);
    expect(metrics.value('modelops_gpu_driver_ok')).toBe(1);
  });

  it('leave the rest of the machine to be seen', async () => {
    const { agent } = await agentWith({ recording: 'one' });
    await using _ = agent;
    const { hardware } = await agent.call(ENDPOINTS.getHardware, {});
    expect(hardware.cpu.cores).toBeGreaterThan(0);
    expect(hardware.memory.total_bytes).toBeGreaterThan(hardware.memory.available_bytes);
    expect(hardware.disks.filter((disk) => disk.holds_models)).toHaveLength(1);
  });
});
