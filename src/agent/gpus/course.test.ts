import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { openDatabase } from '../../../test/support/database.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../../test/support/temporary.ts';
import { TestTime } from '../../../test/support/time.ts';
import type { LiveReading } from '../adapters/nvidia/index.ts';
import { toIso } from '../kernel/clock.ts';
import { GpuEvents } from './gpu-events.ts';
import { GpuHistory } from './gpu-history.ts';
import { GpuStore } from './gpu-store.ts';
import { NOTHING_KNOWN, type GpuState } from './gpu-view.ts';

let directory: TemporaryDirectory;
beforeEach(async () => {
  directory = await temporaryDirectory();
  return () => directory[Symbol.asyncDispose]();
});
const open = () => openDatabase(join(directory.path, 'db'));

const UUID = 'GPU-1';
const START = Date.UTC(2026, 0, 1, 12);
const READING: LiveReading = {
  index: 0,
  uuid: UUID,
  lost: false,
  memoryUsedBytes: 1000,
  memoryFreeBytes: null,
  memoryReservedBytes: null,
  utilizationPercent: 50,
  memoryUtilizationPercent: null,
  temperatureCelsius: 40,
  memoryTemperatureCelsius: null,
  powerWatts: 100,
  powerLimitWatts: null,
  fanPercent: null,
  smClockMhz: 1000,
  memoryClockMhz: null,
  performanceState: null,
  throttleReasons: [],
  eccCorrected: null,
  eccUncorrected: null,
};
const stateOf = (changes: Partial<LiveReading> = {}): GpuState => ({
  ...NOTHING_KNOWN,
  live: new Map([[UUID, { ...READING, ...changes }]]),
});
const NO_USERS = { uses: () => [], loads: () => [] };

describe('the course of a GPU', () => {
  it('is a row a minute, of means and the highest temperature, kept for a day', async () => {
    const database = await open();
    const time = new TestTime(START);
    const store = new GpuStore(database);
    const history = new GpuHistory(store, time);
    for (const [utilizationPercent, temperatureCelsius] of [
      [0, 40],
      [100, 80],
      [null, 60],
    ] as const) {
      history.add(stateOf({ utilizationPercent, temperatureCelsius }));
      time.wakeAfter(20_000);
    }
    expect(store.minutes(UUID, 0, Number.MAX_SAFE_INTEGER)).toEqual([]);
    history.add(stateOf());
    expect(store.minutes(UUID, 0, Number.MAX_SAFE_INTEGER)).toEqual([
      {
        gpu_uuid: UUID,
        at: START,
        samples: 3,
        memory_used_bytes: 1000,
        utilization_percent: 50,
        temperature_celsius: 80,
        power_watts: 100,
        sm_clock_mhz: 1000,
      },
    ]);
    time.wakeAfter(24 * 3_600_000);
    history.add(stateOf({ memoryUsedBytes: null }));
    history.flush();
    const rows = store.minutes(UUID, 0, Number.MAX_SAFE_INTEGER);
    // The first is a day and a minute old now.
    expect(rows.map(({ memory_used_bytes: used }) => used)).toEqual([1000, null]);
  });

  it('is fine where somebody watched the whole hour, and coarse elsewhere', async () => {
    const database = await open();
    const time = new TestTime(START);
    const history = new GpuHistory(new GpuStore(database), time);
    const samples = () => history.samples(UUID, '1h');
    for (let i = 0; i < 120; i += 1) {
      history.add(stateOf());
      time.wakeAfter(1000);
    }
    expect([samples().resolutionMs, samples().samples.length]).toEqual([5000, 24]);
    for (let i = 0; i < 60; i += 1) {
      history.add(stateOf());
      time.wakeAfter(15_000);
    }
    expect([samples().resolutionMs, samples().samples.length]).toEqual([15_000, 68]);
    expect(history.samples(UUID, '24h').resolutionMs).toBe(60_000);
    expect(history.samples('GPU-2', '1h').samples).toEqual([]);
  });

  it('goes on after a restart with what is stored by the minute', async () => {
    const database = await open();
    const time = new TestTime(START);
    const store = new GpuStore(database);
    const before = new GpuHistory(store, time);
    before.add(stateOf({ memoryUsedBytes: 7 }));
    before.flush();
    time.wakeAfter(10 * 60_000);
    const after = new GpuHistory(store, time);
    after.add(stateOf());
    expect(after.samples(UUID, '1h').samples.map(({ at, memory_used_bytes: used }) => [at, used])).toEqual([
      [toIso(START), 7],
      [toIso(START + 600_000), 1000],
    ]);
  });

  it('has throttling once, until it was over for a minute', async () => {
    const database = await open();
    const time = new TestTime(START);
    const events = new GpuEvents(new GpuStore(database), time);
    const tick = (reasons: LiveReading['throttleReasons'], passes: number): void => {
      events.changed(NOTHING_KNOWN, stateOf({ throttleReasons: reasons, temperatureCelsius: 88 }));
      time.wakeAfter(passes);
    };
    tick(['idle'], 1000);
    tick(['software_power_cap'], 1000);
    for (let i = 0; i < 5; i += 1) tick(['software_thermal'], 30_000);
    tick([], 61_000);
    tick(['hardware_thermal'], 1000);
    const found = events.of([UUID], '1h', NO_USERS);
    expect(found.map(({ kind, message }) => [kind, message])).toEqual([
      ['throttled', 'The GPU runs slower: it is too hot at 88 °C.'],
      ['throttled', 'The GPU runs slower: it is dangerously hot at 88 °C.'],
    ]);
  });

  it('has what the slots on it loaded and unloaded', async () => {
    const database = await open();
    const events = new GpuEvents(new GpuStore(database), new TestTime(START));
    const load = (slotId: string, loadedAt: number, endedAt: number | null) => ({
      slotId,
      modelId: 'alpha-v1',
      loadedAt: START + loadedAt,
      endedAt: endedAt === null ? null : START + endedAt,
    });
    const found = events.of([UUID, '0'], '1h', {
      uses: () => [
        { slotId: 'by-uuid', gpuIds: [UUID], containers: [] },
        { slotId: 'by-index', gpuIds: ['0'], containers: [] },
        { slotId: 'elsewhere', gpuIds: ['GPU-2'], containers: [] },
      ],
      loads: () => [
        load('by-uuid', -7_200_000, -60_000),
        load('by-index', -30_000, null),
        load('elsewhere', -1000, null),
      ],
    });
    expect(found.map(({ kind, message }) => [kind, message])).toEqual([
      ['unloaded', 'by-uuid unloaded alpha-v1.'],
      ['loaded', 'by-index loaded alpha-v1.'],
    ]);
  });
});
