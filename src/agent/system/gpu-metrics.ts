import type { Gpu } from '../../shared/contract/index.ts';
import type { Gpus } from '../gpus/index.ts';
import type { MetricSet } from './metric-set.ts';

const MHZ = 1_000_000;

/** Figures of each GPU under its UUID. One that the driver does not give has no sample. */
const FIGURES: readonly (readonly [name: string, help: string, read: (gpu: Gpu) => number | null])[] = [
  ['memory_total_bytes', 'Memory of a GPU or MIG instance.', (gpu) => gpu.memory_total_bytes],
  ['memory_used_bytes', 'Memory in use.', (gpu) => gpu.memory_used_bytes],
  ['memory_free_bytes', 'Memory that programs can still get.', (gpu) => gpu.memory_free_bytes],
  [
    'utilization_ratio',
    'Share of the last second in which it computed.',
    (gpu) => ratio(gpu.utilization_percent),
  ],
  ['temperature_celsius', 'Temperature.', (gpu) => gpu.temperature_celsius],
  ['power_watts', 'Power that it draws.', (gpu) => gpu.power_watts],
  ['power_limit_watts', 'Power that it may draw.', (gpu) => gpu.power_limit_watts],
  [
    'sm_clock_hertz',
    'Clock of the processors.',
    (gpu) => (gpu.sm_clock_mhz === null ? null : gpu.sm_clock_mhz * MHZ),
  ],
  ['usable', '1 while slots can use it.', (gpu) => (gpu.usable ? 1 : 0)],
  ['throttled', '1 while heat or power hold its clocks down.', (gpu) => (isThrottled(gpu) ? 1 : 0)],
  [
    'ecc_uncorrected_errors',
    'Errors of memory that were not corrected, since the driver started.',
    (gpu) => gpu.ecc_errors?.uncorrected ?? null,
  ],
];

const ratio = (percent: number | null): number | null => (percent === null ? null : percent / 100);

const isThrottled = ({ throttle_reasons: reasons }: Gpu): boolean =>
  reasons.some(
    (reason) => reason !== 'idle' && reason !== 'application_clocks' && reason !== 'display_clocks',
  );

export function gpuMetrics(set: MetricSet, gpus: Gpus): void {
  set.gauge('modelops_gpu_driver_ok', '1 while the NVIDIA driver answers.', () =>
    gpus.snapshot().driver.state === 'ok' ? 1 : 0,
  );
  for (const [name, help, read] of FIGURES) {
    set.gauges(`modelops_gpu_${name}`, help, 'gpu', () =>
      Object.fromEntries(
        gpus.snapshot().gpus.flatMap((gpu): [string, number][] => {
          const value = read(gpu);
          return value === null ? [] : [[gpu.uuid, value]];
        }),
      ),
    );
  }
}
