import { THROTTLE_REASONS, type ThrottleReason } from '../../../shared/contract/index.ts';
import type { LiveField, ProcessField, StaticField } from './fields.ts';
import { bytesOf, intOf, numberOf, saysLost, saysNotSupported, textOf, type Row } from './values.ts';

/** What does not change while the driver runs. */
export interface Card {
  readonly index: number;
  readonly uuid: string;
  readonly name: string;
  readonly busId: string | null;
  readonly driverVersion: string | null;
  readonly memoryTotalBytes: number | null;
  readonly unifiedMemory: boolean;
  readonly computeCapability: string | null;
  readonly migMode: 'enabled' | 'disabled' | null;
  readonly persistenceMode: boolean | null;
  readonly computeProhibited: boolean;
}

/** What a card does at one moment. */
export interface LiveReading {
  readonly index: number;
  readonly uuid: string;
  readonly lost: boolean;
  readonly memoryUsedBytes: number | null;
  readonly memoryFreeBytes: number | null;
  readonly memoryReservedBytes: number | null;
  readonly utilizationPercent: number | null;
  readonly memoryUtilizationPercent: number | null;
  readonly temperatureCelsius: number | null;
  readonly memoryTemperatureCelsius: number | null;
  readonly powerWatts: number | null;
  readonly powerLimitWatts: number | null;
  readonly fanPercent: number | null;
  readonly smClockMhz: number | null;
  readonly memoryClockMhz: number | null;
  readonly performanceState: string | null;
  readonly throttleReasons: readonly ThrottleReason[];
  readonly eccCorrected: number | null;
  readonly eccUncorrected: number | null;
}

export interface GpuProcess {
  /** The card, or the MIG instance. */
  readonly uuid: string;
  readonly pid: number;
  readonly name: string;
  readonly memoryUsedBytes: number | null;
}

const UUID = /^(GPU|MIG)-/;

/** @returns null when the row is not about a GPU */
export function cardOf(row: Row<StaticField>): Card | null {
  const index = intOf(row.index);
  const { uuid } = row;
  if (index === null || uuid === undefined || !UUID.test(uuid)) return null;
  const mig = textOf(row['mig.mode.current'])?.toLowerCase();
  const persistence = textOf(row.persistence_mode)?.toLowerCase();
  return {
    index,
    uuid,
    name: textOf(row.name) ?? 'NVIDIA GPU',
    busId: textOf(row['pci.bus_id']),
    driverVersion: textOf(row.driver_version),
    memoryTotalBytes: bytesOf(row['memory.total']),
    unifiedMemory: saysNotSupported(row['memory.total']),
    computeCapability: textOf(row.compute_cap),
    migMode: mig === 'enabled' || mig === 'disabled' ? mig : null,
    persistenceMode: persistence === undefined ? null : persistence === 'enabled',
    computeProhibited: textOf(row.compute_mode) === 'Prohibited',
  };
}

/** @returns null when the row is not about a GPU */
export function liveReadingOf(row: Row<LiveField>): LiveReading | null {
  const { index: place, uuid } = row;
  if (place === undefined || !/^\d+$/.test(place) || uuid === undefined || !UUID.test(uuid)) return null;
  return {
    index: Number(place),
    uuid,
    lost: saysLost(row['utilization.gpu']) || saysLost(row['memory.used']) || saysLost(row.pstate),
    memoryUsedBytes: bytesOf(row['memory.used']),
    memoryFreeBytes: bytesOf(row['memory.free']),
    memoryReservedBytes: bytesOf(row['memory.reserved']),
    utilizationPercent: numberOf(row['utilization.gpu']),
    memoryUtilizationPercent: numberOf(row['utilization.memory']),
    temperatureCelsius: numberOf(row['temperature.gpu']),
    memoryTemperatureCelsius: numberOf(row['temperature.memory']),
    powerWatts: numberOf(row['power.draw']),
    powerLimitWatts: numberOf(row['power.limit']),
    fanPercent: numberOf(row['fan.speed']),
    smClockMhz: numberOf(row['clocks.sm']),
    memoryClockMhz: numberOf(row['clocks.mem']),
    performanceState: textOf(row.pstate),
    throttleReasons: throttleReasonsOf(row['clocks_event_reasons.active']),
    eccCorrected: intOf(row['ecc.errors.corrected.volatile.total']),
    eccUncorrected: intOf(row['ecc.errors.uncorrected.volatile.total']),
  };
}

/** Bits of `clocks_event_reasons.active` in their order (0x1 idle ... 0x100 display), as NVML numbers them. */
export function throttleReasonsOf(cell: string | undefined): ThrottleReason[] {
  const text = textOf(cell);
  if (text === null || !/^0x[0-9a-f]{1,16}$/i.test(text)) return [];
  const bits = BigInt(text);
  return THROTTLE_REASONS.filter((_, bit) => ((bits >> BigInt(bit)) & 1n) === 1n);
}

/** @returns null when the row is not about a process */
export function processOf(row: Row<ProcessField>): GpuProcess | null {
  const pid = intOf(row.pid);
  const { gpu_uuid: uuid } = row;
  if (pid === null || uuid === undefined || !UUID.test(uuid)) return null;
  return {
    uuid,
    pid,
    // A process of another user's namespace has no name that can be read.
    name: textOf(row.process_name) ?? 'unknown',
    memoryUsedBytes: bytesOf(row.used_gpu_memory),
  };
}
