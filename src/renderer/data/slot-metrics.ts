import { useCallback, useEffect, useSyncExternalStore } from 'react';
import { ENDPOINTS, type SlotMetrics } from '../../shared/contract/index.ts';
import { AppError } from '../../shared/contract/errors.ts';
import { call } from './api.ts';
import { liveFeed, useSlot, type TelemetryEvent } from './live.ts';

/**
 * The last figures of engines, kept while something shows them. The topic `telemetry` is listened to only then, for the
 * agent asks engines ten times as often when somebody looks.
 */

const KEPT = 60;
/** From one page to the next nobody looks for a moment; that is no reason to open another stream. */
const LINGER_MS = 3000;
const NOTHING: readonly SlotMetrics[] = [];

interface Course {
  samples: readonly SlotMetrics[];
  readonly watchers: Set<() => void>;
}

class SlotCourses {
  readonly #courses = new Map<string, Course>();
  #unfollow: (() => void) | null = null;
  #linger: ReturnType<typeof setTimeout> | null = null;

  watch(id: string, watcher: () => void): () => void {
    const course = this.#course(id);
    course.watchers.add(watcher);
    if (this.#linger !== null) clearTimeout(this.#linger);
    this.#linger = null;
    this.#unfollow ??= liveFeed.followTelemetry((event) => this.#hear(event));
    return () => {
      course.watchers.delete(watcher);
      if (![...this.#courses.values()].some(({ watchers }) => watchers.size > 0)) this.#leaveSoon();
    };
  }

  samples(id: string): readonly SlotMetrics[] {
    return this.#courses.get(id)?.samples ?? NOTHING;
  }

  /** What the agent has kept so far, before what is told from now on. */
  async read(id: string): Promise<void> {
    try {
      const { samples } = await call(ENDPOINTS.getSlotTelemetry, { params: { id } });
      const course = this.#course(id);
      const heard = course.samples.filter(({ at }) => at > (samples.at(-1)?.at ?? ''));
      this.#set(course, [...samples, ...heard].slice(-KEPT));
    } catch (error) {
      // The slot or the agent is gone: then there is no course to show, and the page says why.
      if (!(error instanceof AppError)) throw error;
    }
  }

  forget(id: string): void {
    const course = this.#courses.get(id);
    if (course !== undefined && course.samples.length > 0) this.#set(course, NOTHING);
  }

  #hear(event: TelemetryEvent): void {
    if (event.name !== 'slot_metrics') return;
    const { slot_id: id, metrics } = event.data;
    const course = this.#courses.get(id);
    // What was told while the course was read may stand in it already.
    if (course === undefined || metrics.at <= (course.samples.at(-1)?.at ?? '')) return;
    this.#set(course, [...course.samples, metrics].slice(-KEPT));
  }

  #leaveSoon(): void {
    this.#linger ??= setTimeout(() => {
      this.#linger = null;
      this.#unfollow?.();
      this.#unfollow = null;
      this.#courses.clear();
    }, LINGER_MS);
  }

  #course(id: string): Course {
    let course = this.#courses.get(id);
    if (course === undefined) {
      course = { samples: NOTHING, watchers: new Set() };
      this.#courses.set(id, course);
    }
    return course;
  }

  #set(course: Course, samples: readonly SlotMetrics[]): void {
    course.samples = samples;
    for (const watcher of course.watchers) watcher();
  }
}

const courses = new SlotCourses();

/** The last 60 samples of the engine in a slot, oldest first; empty while nothing is loaded. */
export function useSlotMetrics(id: string): readonly SlotMetrics[] {
  const slot = useSlot(id);
  const attempt = slot?.load_state === 'loaded' ? slot.attempt : null;
  const subscribe = useCallback((watcher: () => void) => courses.watch(id, watcher), [id]);
  const read = useCallback(() => courses.samples(id), [id]);
  useEffect(() => {
    // Another engine counts from nothing; so does the line.
    courses.forget(id);
    if (attempt !== null) void courses.read(id);
  }, [id, attempt]);
  return useSyncExternalStore(subscribe, read);
}
