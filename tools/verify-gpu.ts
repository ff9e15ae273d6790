import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findProgram } from '../src/agent/adapters/nvidia/index.ts';
import { readEvents } from '../src/cli/events.ts';
import { formatBytes, formatDuration } from '../src/cli/output.ts';
import { ENDPOINTS, toAppError, type Gpu, type Gpus } from '../src/shared/contract/index.ts';
import { cpuMs, ownCpuMs } from '../test/bench/support/processes.ts';
import { serve, type AgentProcess } from '../test/support/process.ts';
import { buildIfOutdated } from './build.ts';
import { recordNvidiaSmi } from './record-nvidia-smi.ts';

/**
 * `npm run verify:gpu [-- --record DIR] [--seconds 30] [--image REFERENCE]`: detection, telemetry, fit and, where Docker
 * and an image are present, a real load, on a machine with an NVIDIA GPU, through the HTTP API of a built agent in a data
 * directory of its own. `--record` keeps every answer of nvidia-smi as a recording for the tests. Exit 0 when all that
 * could be tried worked, 1 when something did not, 2 when there is no GPU.
 */

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CANNOT = 2;
const DETECT_MS = 60_000;
const LOAD_MS = 300_000;
const RUNTIME = 'llama-cpp-cuda';

const say = (text = ''): void => void process.stdout.write(`${text}\n`);
const row = (name: string, text: string): void => say(`  ${name.padEnd(14)}${text}`);
let problems = 0;
const problem = (name: string, text: string): void => {
  problems += 1;
  row(name, `✗ ${text}`);
};

async function detect(agent: AgentProcess): Promise<Gpus> {
  const started = performance.now();
  let found = await agent.call(ENDPOINTS.listGpus, {});
  while (
    found.driver.state === 'absent' &&
    found.observed_at === null &&
    performance.now() - started < DETECT_MS
  ) {
    await delay(100);
    found = await agent.call(ENDPOINTS.listGpus, {});
  }
  say(`Detection (${formatDuration(performance.now() - started)})`);
  row('driver', `${found.driver.state}, ${found.driver.version ?? 'no version'}`);
  for (const gpu of found.gpus) {
    row(
      `GPU ${gpu.index}${gpu.mig_profile === null ? '' : ` ${gpu.mig_profile}`}`,
      `${gpu.name}, ${gpu.uuid}, ${gpu.memory_total_bytes === null ? 'memory unknown' : formatBytes(gpu.memory_total_bytes)}, compute ${gpu.compute_capability ?? 'unknown'}, MIG ${gpu.mig_mode ?? 'not supported'}${gpu.usable ? '' : `; not usable: ${gpu.unusable_reason ?? ''}`}`,
    );
  }
  return found;
}

async function telemetry(agent: AgentProcess, seconds: number): Promise<void> {
  const stop = new AbortController();
  const at: number[] = [];
  let last: Gpus | null = null;
  const reading = (async () => {
    for await (const event of readEvents(agent, 'telemetry', stop.signal)) {
      if (event.name !== 'gpus') continue;
      last = event.data as Gpus;
      at.push(performance.now());
    }
  })().catch(() => undefined);
  // The switch to the quick pace starts nvidia-smi anew; that is not the telemetry.
  await delay(5000);
  const [own, all, from, first] = [
    await ownCpuMs(agent.pid),
    await cpuMs(agent.pid),
    performance.now(),
    at.length,
  ];
  await delay(seconds * 1000);
  const passed = performance.now() - from;
  const ownMs = (await ownCpuMs(agent.pid)) - own;
  const allMs = (await cpuMs(agent.pid)) - all;
  stop.abort();
  await reading;
  say(`\nTelemetry (${seconds} s)`);
  const events = at.length - first;
  const gaps = at.slice(first).map((time, i) => time - (at[first + i - 1] ?? time));
  row('events', `${events}, longest gap ${formatDuration(Math.max(0, ...gaps))}`);
  if (events < seconds / 4) problem('events', 'far fewer than one a second');
  row('agent', `${((ownMs / passed) * 100).toFixed(2)} % of a core`);
  row(
    'nvidia-smi',
    `${((Math.max(0, allMs - ownMs) / passed) * 100).toFixed(2)} % of a core (the one that goes on answering)`,
  );
  const now = last as Gpus | null;
  if (now === null) {
    problem('figures', 'no event came');
    return;
  }
  row(
    'interval',
    `${now.sampling_ms ?? '—'} ms${(now.sampling_ms ?? 0) > 1000 ? ' (stretched by the cost of nvidia-smi)' : ''}`,
  );
  for (const gpu of now.gpus) row(`GPU ${gpu.index}`, figures(gpu));
  row('kernel log', now.kernel_log ?? 'is read');
  const [gpu] = now.gpus;
  if (gpu === undefined) return;
  const { samples } = await agent.call(ENDPOINTS.getGpuHistory, { params: { uuid: gpu.uuid }, query: {} });
  row('history', `${samples.length} points of the last hour`);
  if (samples.length === 0) problem('history', 'nothing was kept');
}

function figures(gpu: Gpu): string {
  const told = Object.entries(gpu).filter(([, value]) => value !== null).length;
  const memory = [gpu.memory_used_bytes, gpu.memory_total_bytes]
    .map((bytes) => (bytes === null ? '—' : formatBytes(bytes)))
    .join(' of ');
  return `${memory}, ${gpu.utilization_percent ?? '—'} %, ${gpu.temperature_celsius ?? '—'} °C, ${gpu.power_watts ?? '—'} W, ${gpu.sm_clock_mhz ?? '—'} MHz, ${gpu.throttle_reasons.join('+') || 'not throttled'}, ${gpu.processes.length} processes (${told} of ${Object.keys(gpu).length} fields told)`;
}

/** The sample model in a slot on the first usable GPU. */
async function fitAndLoad(agent: AgentProcess, { gpus }: Gpus, image: string | undefined): Promise<void> {
  say('\nFit and load');
  const gpu = gpus.find(({ usable }) => usable);
  if (gpu === undefined) {
    problem('GPU', 'no slot could use any');
    return;
  }
  const { runtimes } = await agent.call(ENDPOINTS.listRuntimes, {});
  const runtime = runtimes.find(({ id }) => id === RUNTIME);
  if (runtime === undefined) {
    row('runtime', `there is no ${RUNTIME}`);
    return;
  }
  const { job } = await agent.call(ENDPOINTS.createSample, {});
  const done = await agent.job(job.id);
  const modelId = done.result?.['model_id'];
  if (typeof modelId !== 'string') {
    problem('sample', done.error?.message ?? 'was not imported');
    return;
  }
  const config = { context_length: 256, gpu_layers: 99, ...(image === undefined ? {} : { image }) };
  const { slot } = await agent.call(ENDPOINTS.createSlot, {
    body: { id: 'verify', capability: 'llm_inference', runtime_spec: RUNTIME, gpu_ids: [gpu.uuid], config },
  });
  const fit = await agent.call(ENDPOINTS.fitSlot, {
    params: { id: slot.id },
    body: { managed_model_id: modelId },
  });
  row('fit', fit.verdict);
  row(
    '',
    `${formatBytes(fit.required.low_bytes)} to ${formatBytes(fit.required.high_bytes)} of ${formatBytes(fit.available_bytes)}, up to ${fit.max_context_length ?? 'no'} tokens`,
  );
  if (image === undefined && !runtime.available) {
    row('load', `not tried: ${runtime.unavailable?.message ?? `${RUNTIME} is not available`}`);
    return;
  }
  await load(agent, slot.id, modelId, gpu);
}

async function load(agent: AgentProcess, slotId: string, modelId: string, gpu: Gpu): Promise<void> {
  const started = performance.now();
  try {
    await agent.call(
      ENDPOINTS.loadSlot,
      { params: { id: slotId }, body: { managed_model_id: modelId } },
      { signal: AbortSignal.timeout(LOAD_MS) },
    );
    const slot = await agent.slot(slotId, ({ load_state: state }) => state === 'loaded' || state === 'error');
    if (slot.load_error !== null) {
      problem('load', `${slot.load_error.message} ${slot.load_error.hint}`);
      return;
    }
    row('load', `loaded in ${formatDuration(performance.now() - started)}`);
    const process = await ownProcess(agent, slotId);
    if (process === null)
      problem('process', 'no process of the slot was seen on the GPU: it may compute on the processor');
    else
      row(
        'process',
        `${process.pid} ${process.name}, ${process.memory_used_bytes === null ? 'memory not told' : formatBytes(process.memory_used_bytes)} on ${gpu.name}`,
      );
  } finally {
    await agent.call(ENDPOINTS.unloadSlot, { params: { id: slotId } }).catch(() => undefined);
    await agent.slot(slotId, ({ load_state: state }) => state === 'empty').catch(() => undefined);
  }
}

async function ownProcess(agent: AgentProcess, slotId: string): Promise<Gpu['processes'][number] | null> {
  const deadline = AbortSignal.timeout(30_000);
  try {
    for await (const event of readEvents(agent, 'telemetry', deadline)) {
      if (event.name !== 'gpus') continue;
      const found = (event.data as Gpus).gpus.flatMap(({ processes }) => processes);
      const own = found.find((process) => process.slot_id === slotId);
      if (own !== undefined) return own;
    }
  } catch {
    // The deadline.
  }
  return null;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      record: { type: 'string' },
      seconds: { type: 'string', default: '30' },
      image: { type: 'string' },
    },
  });
  const configured = process.env['MODELOPS_NVIDIA_SMI'] ?? null;
  const program = await findProgram(configured);
  if (program === null) {
    process.stderr.write('Nothing was verified: there is no nvidia-smi on this machine.\n');
    return CANNOT;
  }
  say(`nvidia-smi: ${program}`);
  if (values.record !== undefined) {
    const dropped = await recordNvidiaSmi(program, values.record);
    say(
      `Recorded in ${values.record}${dropped.length === 0 ? '' : `; this driver does not know ${dropped.join(', ')}`}`,
    );
  }
  if (!buildIfOutdated(ROOT)) return 1;
  const directory = await mkdtemp(join(tmpdir(), 'mo-gpu-'));
  try {
    const double = process.env['NVIDIA_DOUBLE'];
    await using agent = await serve(join(directory, 'data'), [], {
      env: {
        MODELOPS_BUILT: '1',
        MODELOPS_NVIDIA_SMI: program,
        ...(double === undefined ? {} : { NVIDIA_DOUBLE: double }),
      },
    });
    const found = await detect(agent);
    if (found.gpus.length === 0) {
      process.stderr.write(
        `Nothing more was verified: ${found.reason ?? 'there is no GPU.'}\n  ${found.hint ?? ''}\n`,
      );
      return CANNOT;
    }
    await telemetry(agent, Number(values.seconds));
    await fitAndLoad(agent, found, values.image).catch((error: unknown) => {
      const { code, message } = toAppError(error);
      problem('failed', `${message} (${code})`);
    });
    await agent.end('SIGTERM');
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  say(problems === 0 ? '\nAll that could be tried worked.' : `\n${problems} did not work.`);
  return problems === 0 ? 0 : 1;
}

process.exitCode = await main();
