import type { GpuSample } from '../../shared/contract/index.ts';
import { toIso, type Clock } from '../kernel/clock.ts';
import type { GpuStore, MinuteRow } from './gpu-store.ts';
import type { GpuState } from './gpu-view.ts';
import { roundTo } from './rounding.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** A second each for an hour. */
const RING = 3600;
/** Points of an hour as they are sent: every five seconds while somebody watched all of it, else every fifteen. */
const FINE_MS = 5000;
const COARSE_MS = 15_000;

/** Memory, utilisation, temperature, power, clock: the order of a point. NaN is not known. */
type Point = readonly [number, number, number, number, number];
const FIGURES = 5;
const TEMPERATURE = 2;
const WIDTH = FIGURES + 1;

export interface Samples {
  readonly resolutionMs: number;
  readonly samples: GpuSample[];
}

/** The last hour of one GPU, in one block of memory: no object for each second. */
class Ring {
  readonly #values = new Float64Array(RING * WIDTH);
  #next = 0;
  #count = 0;

  add(at: number, point: Point): void {
    this.#values.set([at, ...point], (this.#next % RING) * WIDTH);
    this.#next += 1;
    this.#count = Math.min(RING, this.#count + 1);
  }

  /** Oldest first. */
  each(from: number, visit: (at: number, figure: (which: number) => number) => void): void {
    for (let i = this.#next - this.#count; i < this.#next; i += 1) {
      const start = (i % RING) * WIDTH;
      const at = this.#values[start] ?? 0;
      if (at >= from) visit(at, (which) => this.#values[start + 1 + which] ?? Number.NaN);
    }
  }
}

/** Sums of a stretch of time: means, but for the highest temperature. */
class Stretch {
  readonly #sums = new Float64Array(FIGURES);
  readonly #counts = new Uint32Array(FIGURES);
  samples = 0;

  add(figure: (which: number) => number): void {
    this.samples += 1;
    for (let i = 0; i < FIGURES; i += 1) {
      const value = figure(i);
      if (Number.isNaN(value)) continue;
      const sum = this.#sums[i] ?? 0;
      this.#sums[i] = i !== TEMPERATURE ? sum + value : this.#counts[i] === 0 ? value : Math.max(sum, value);
      this.#counts[i] = (this.#counts[i] ?? 0) + 1;
    }
  }

  figures(): Omit<GpuSample, 'at'> {
    const mean = (i: number, digits: number): number | null => {
      const count = this.#counts[i] ?? 0;
      if (count === 0) return null;
      return roundTo((this.#sums[i] ?? 0) / (i === TEMPERATURE ? 1 : count), digits);
    };
    return {
      memory_used_bytes: mean(0, 0),
      utilization_percent: mean(1, 1),
      temperature_celsius: mean(TEMPERATURE, 0),
      power_watts: mean(3, 1),
      sm_clock_mhz: mean(4, 0),
    };
  }
}

/** What GPUs did: the last hour in memory, a day by the minute in the database. */
export class GpuHistory {
  readonly #store: GpuStore;
  readonly #clock: Clock;
  readonly #rings = new Map<string, Ring>();
  #minute = 0;
  readonly #stretches = new Map<string, Stretch>();

  constructor(store: GpuStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Takes the figures of a tick. Writes when a minute is over. */
  add(state: GpuState): void {
    const now = this.#clock.now();
    const minute = Math.floor(now / MINUTE_MS) * MINUTE_MS;
    if (minute !== this.#minute) {
      this.flush();
      this.#minute = minute;
    }
    for (const reading of state.live.values()) {
      if (reading.lost) continue;
      this.#point(now, reading.uuid, [
        reading.memoryUsedBytes ?? Number.NaN,
        reading.utilizationPercent ?? Number.NaN,
        reading.temperatureCelsius ?? Number.NaN,
        reading.powerWatts ?? Number.NaN,
        reading.smClockMhz ?? Number.NaN,
      ]);
    }
    for (const { uuid, memoryUsedBytes } of state.migReadings.values()) {
      if (memoryUsedBytes !== null)
        this.#point(now, uuid, [memoryUsedBytes, Number.NaN, Number.NaN, Number.NaN, Number.NaN]);
    }
  }

  /** Writes the minute that is not over yet. */
  flush(): void {
    if (this.#stretches.size === 0) return;
    const rows = [...this.#stretches].map(([uuid, stretch]): MinuteRow => ({
      gpu_uuid: uuid,
      at: this.#minute,
      samples: stretch.samples,
      ...stretch.figures(),
    }));
    this.#stretches.clear();
    this.#store.addMinutes(rows, this.#minute - DAY_MS);
  }

  samples(uuid: string, window: '1h' | '24h'): Samples {
    const now = this.#clock.now();
    return window === '24h' ? this.#day(uuid, now) : this.#hour(uuid, now);
  }

  #day(uuid: string, now: number): Samples {
    const current = this.#stretches.get(uuid);
    return {
      resolutionMs: MINUTE_MS,
      samples: [
        ...this.#store.minutes(uuid, now - DAY_MS, now + MINUTE_MS).map(sampleOfRow),
        ...(current === undefined ? [] : [{ at: toIso(this.#minute), ...current.figures() }]),
      ],
    };
  }

  /** What happened before the agent started comes by the minute. */
  #hour(uuid: string, now: number): Samples {
    const from = now - HOUR_MS;
    const ring = this.#rings.get(uuid);
    const times: number[] = [];
    ring?.each(from, (at) => times.push(at));
    const [first = now] = times;
    const wasWatched = times.length > ((now - first) / FINE_MS) * 0.9;
    const width = wasWatched && now - first > MINUTE_MS ? FINE_MS : COARSE_MS;
    const stretches = new Map<number, Stretch>();
    ring?.each(from, (at, figure) => {
      const start = Math.floor(at / width) * width;
      const stretch = stretches.get(start) ?? new Stretch();
      stretches.set(start, stretch);
      stretch.add(figure);
    });
    return {
      resolutionMs: width,
      samples: [
        ...this.#store.minutes(uuid, from, Math.floor(first / MINUTE_MS) * MINUTE_MS).map(sampleOfRow),
        ...[...stretches].map(([at, stretch]) => ({ at: toIso(at), ...stretch.figures() })),
      ],
    };
  }

  #point(at: number, uuid: string, point: Point): void {
    const ring = this.#rings.get(uuid) ?? new Ring();
    this.#rings.set(uuid, ring);
    ring.add(at, point);
    const stretch = this.#stretches.get(uuid) ?? new Stretch();
    this.#stretches.set(uuid, stretch);
    stretch.add((which) => point[which] ?? Number.NaN);
  }
}

const sampleOfRow = (row: MinuteRow): GpuSample => ({
  at: toIso(row.at),
  memory_used_bytes: row.memory_used_bytes,
  utilization_percent: row.utilization_percent,
  temperature_celsius: row.temperature_celsius,
  power_watts: row.power_watts,
  sm_clock_mhz: row.sm_clock_mhz,
});
