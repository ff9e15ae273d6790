import type { Command } from 'commander';
import {
  AppError,
  ENDPOINTS,
  type Gpu,
  type GpuEvent,
  type GpuSample,
  type Gpus,
} from '../../shared/contract/index.ts';
import { action } from '../command-context.ts';
import { readEvents } from '../events.ts';
import { formatBytes, formatTable, formatTime } from '../output.ts';

export function gpuCommands(program: Command): void {
  const gpus = program.command('gpus').description('the GPUs of this machine');

  action(
    gpus.command('list', { isDefault: true }).description('what they are and what they do now'),
    async ({ agent, output }) => {
      const found = await (await agent()).call(ENDPOINTS.listGpus, {});
      output.result(found, describeGpus(found));
    },
  );
  action(
    gpus.command('watch').description('the same, every second, until Ctrl+C'),
    async ({ agent, output }) => {
      const stop = new AbortController();
      process.once('SIGINT', () => stop.abort());
      const connection = await agent();
      const show = (found: Gpus): void =>
        output.result(found, redraw(describeGpus(found), output.isTerminal));
      try {
        show(await connection.call(ENDPOINTS.listGpus, {}));
        for await (const event of readEvents(connection, 'telemetry', stop.signal))
          if (event.name === 'gpus') show(event.data as Gpus);
      } catch (error) {
        if (!stop.signal.aborted)
          throw new AppError('agent_unreachable', 'The stream broke.', { cause: error });
      }
    },
  );
  action<{ day?: boolean }>(
    gpus
      .command('history')
      .description('what a GPU did in the last hour, and what happened to it')
      .argument('[gpu]', 'index or UUID; without, the first')
      .option('--day', 'the last day, by the minute'),
    async ({ agent, output }, options, wanted) => {
      const { call } = await agent();
      const { gpus: all } = await call(ENDPOINTS.listGpus, {});
      const gpu = findGpu(all, wanted);
      const history = await call(ENDPOINTS.getGpuHistory, {
        params: { uuid: gpu?.uuid ?? wanted ?? '' },
        query: { window: options.day === true ? '24h' : '1h' },
      });
      output.result(history, describeHistory(gpu, history));
    },
  );
}

/** @throws {AppError} `not_found` when nothing was named and there is none; a UUID that is gone may have a history. */
function findGpu(all: readonly Gpu[], wanted: string | undefined): Gpu | undefined {
  if (wanted === undefined) {
    if (all[0] !== undefined) return all[0];
    throw new AppError('not_found', 'There is no GPU.', { hint: 'modelops gpus list says why.' });
  }
  const found = all.find(
    (gpu) => gpu.uuid === wanted || (gpu.parent_uuid === null && String(gpu.index) === wanted),
  );
  if (found !== undefined || /^(GPU|MIG)-/.test(wanted)) return found;
  throw new AppError('not_found', `There is no GPU ${wanted}.`, { hint: 'modelops gpus list names them.' });
}

const CLEAR = '\u001b[H\u001b[2J';
const redraw = (text: string, isTerminal: boolean): string => (isTerminal ? `${CLEAR}${text}` : text);
const NONE = '—';
const figure = (value: number | null, unit: string): string =>
  value === null ? NONE : `${Math.round(value)} ${unit}`;

function describeGpus({ gpus, driver, reason, hint }: Gpus): string {
  const problem = reason === null ? [] : [reason, ...(hint === null ? [] : [`  ${hint}`])];
  if (gpus.length === 0) return problem.join('\n');
  const rows = gpus.map((gpu) => [
    gpu.parent_uuid === null ? String(gpu.index) : ` ${gpu.mig_profile ?? ''}`,
    gpu.name,
    memoryOf(gpu),
    figure(gpu.utilization_percent, '%'),
    figure(gpu.temperature_celsius, '°C'),
    figure(gpu.power_watts, 'W'),
    gpu.slot_ids.join(', ') || NONE,
    noteOf(gpu),
  ]);
  const processes = gpus.flatMap((gpu) =>
    gpu.processes.map((process) => [
      String(gpu.index),
      String(process.pid),
      process.memory_used_bytes === null ? NONE : formatBytes(process.memory_used_bytes),
      process.slot_id ?? 'not ours',
      process.name,
    ]),
  );
  return [
    ...problem,
    `Driver ${driver.version ?? NONE}${driver.cuda_version === null ? '' : `, CUDA ${driver.cuda_version}`}`,
    formatTable(['gpu', 'name', 'memory', 'load', 'heat', 'power', 'slots', 'note'], rows),
    ...(processes.length === 0
      ? []
      : ['', formatTable(['gpu', 'pid', 'memory', 'slot', 'program'], processes)]),
  ].join('\n');
}

function memoryOf({
  memory_used_bytes: used,
  memory_total_bytes: total,
  unified_memory: unified,
}: Gpu): string {
  if (unified) return 'shared with the machine';
  const of = (bytes: number | null): string => (bytes === null ? NONE : formatBytes(bytes));
  return `${of(used)} of ${of(total)}`;
}

function noteOf(gpu: Gpu): string {
  const throttled = gpu.throttle_reasons
    .filter((reason) => reason !== 'idle')
    .join(', ')
    .replaceAll('_', ' ');
  return [
    gpu.unusable_reason ?? '',
    throttled === '' ? '' : `slowed: ${throttled}`,
    gpu.last_xid?.message ?? '',
  ]
    .filter((note) => note !== '')
    .join('; ');
}

function describeHistory(
  gpu: Gpu | undefined,
  { uuid, samples, events }: { uuid: string; samples: readonly GpuSample[]; events: readonly GpuEvent[] },
): string {
  const rows = samples.map((sample) => [
    formatTime(sample.at),
    sample.memory_used_bytes === null ? NONE : formatBytes(sample.memory_used_bytes),
    figure(sample.utilization_percent, '%'),
    figure(sample.temperature_celsius, '°C'),
    figure(sample.power_watts, 'W'),
    figure(sample.sm_clock_mhz, 'MHz'),
  ]);
  return [
    `${gpu?.name ?? 'A GPU that is gone'} (${uuid})`,
    rows.length === 0
      ? 'Nothing was sampled yet.'
      : formatTable(['at', 'memory', 'load', 'heat', 'power', 'clock'], rows),
    ...(events.length === 0
      ? []
      : ['', ...events.map((event) => `${formatTime(event.at)}  ${event.message}`)]),
  ].join('\n');
}
