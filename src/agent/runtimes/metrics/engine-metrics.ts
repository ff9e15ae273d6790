import type { SlotMetrics } from '../../../shared/contract/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { EventHub } from '../../kernel/event-hub.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { SlotEndpoint } from '../slots/endpoint.ts';
import { isMapped, readFigures, type EngineFigures, type MetricsMap } from './engine-figures.ts';
import { MetricsCourse } from './metrics-course.ts';

export interface MetricsTiming {
  /** Milliseconds between two looks while somebody reads the topic `telemetry`. */
  readonly watchedMs: number;
  readonly otherwiseMs: number;
}

export const METRICS_TIMING: MetricsTiming = { watchedMs: 1000, otherwiseMs: 10_000 };

export interface EngineMetricsDeps {
  readonly hub: EventHub;
  readonly clock: Clock;
  readonly log: Logger;
  readonly timing: MetricsTiming;
  /** What serves now, and the figures its spec knows of. */
  readonly serving: () => readonly { readonly endpoint: SlotEndpoint; readonly map: MetricsMap }[];
}

/** An engine that takes longer has more important things to do. */
const ANSWER_MS = 3000;
/** The largest page seen of vLLM has some hundred kilobytes. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024;

interface Followed {
  readonly course: MetricsCourse;
  /** As its spec said when it began to serve. */
  readonly map: MetricsMap;
  asking: boolean;
}

/**
 * Asks the engines of loaded slots for their figures: now and then, and each second while somebody looks. That one does
 * not answer makes its figures unknown and nothing else; whether it still serves is for the owner of the slot to find out.
 */
export class EngineMetrics {
  readonly #deps: EngineMetricsDeps;
  readonly #followed = new Map<SlotEndpoint, Followed>();
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | null = null;
  #stopListening: (() => void) | null = null;

  constructor(deps: EngineMetricsDeps) {
    this.#deps = deps;
  }

  start(): void {
    const { hub } = this.#deps;
    this.#stopListening = hub.onAudience((topic, hasReaders) => {
      if (topic === 'telemetry' && hasReaders) this.#look();
    });
    this.#schedule();
  }

  close(): void {
    this.#stopListening?.();
    this.#closing.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#followed.clear();
  }

  /** The last sample of what serves; null where nothing serves or nothing was asked yet. */
  latest(endpoint: SlotEndpoint | null): SlotMetrics | null {
    return this.#courseOf(endpoint)?.latest ?? null;
  }

  /** Up to 60 samples, oldest first. */
  samples(endpoint: SlotEndpoint | null): readonly SlotMetrics[] {
    return this.#courseOf(endpoint)?.samples ?? [];
  }

  /** Counters as the engine said them last. */
  totals(endpoint: SlotEndpoint | null): EngineFigures | null {
    return this.#courseOf(endpoint)?.totals ?? null;
  }

  #courseOf(endpoint: SlotEndpoint | null): MetricsCourse | null {
    return endpoint === null ? null : (this.#followed.get(endpoint)?.course ?? null);
  }

  #schedule(): void {
    const { hub, timing } = this.#deps;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const pause = hub.hasReaders('telemetry') ? timing.watchedMs : timing.otherwiseMs;
    this.#timer = setTimeout(() => this.#look(), pause);
    this.#timer.unref();
  }

  #look(): void {
    if (this.#closing.signal.aborted) return;
    this.#schedule();
    const serving = this.#deps.serving().filter(({ map }) => isMapped(map));
    const alive = new Set(serving.map(({ endpoint }) => endpoint));
    for (const endpoint of this.#followed.keys()) if (!alive.has(endpoint)) this.#followed.delete(endpoint);
    for (const { endpoint, map } of serving) {
      const followed = this.#followed.get(endpoint) ?? { course: new MetricsCourse(), map, asking: false };
      this.#followed.set(endpoint, followed);
      if (!followed.asking) void this.#ask(endpoint, followed);
    }
  }

  async #ask(endpoint: SlotEndpoint, followed: Followed): Promise<void> {
    const { clock, hub, log } = this.#deps;
    followed.asking = true;
    const figures = await readPage(endpoint, this.#closing.signal).then(
      (page) => (page === null ? null : readFigures(page, followed.map)),
      (error: unknown) => {
        log.debug({ err: error, slot_id: endpoint.slotId }, 'an engine did not give its figures');
        return null;
      },
    );
    followed.asking = false;
    if (this.#followed.get(endpoint) !== followed) return;
    const metrics = followed.course.add(clock.now(), figures);
    if (hub.hasReaders('telemetry'))
      hub.publish('telemetry', 'slot_metrics', { slot_id: endpoint.slotId, metrics });
  }
}

/** The engine's page of metrics; null when it has none. @throws what the connection says, also when it takes too long. */
async function readPage({ pool }: SlotEndpoint, closing: AbortSignal): Promise<string | null> {
  const { statusCode, body } = await pool.request({
    path: '/metrics',
    method: 'GET',
    signal: AbortSignal.any([closing, AbortSignal.timeout(ANSWER_MS)]),
  });
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Leaving the loop closes the body.
    if (size > MAX_PAGE_BYTES) return null;
    chunks.push(chunk);
  }
  return statusCode === 200 ? Buffer.concat(chunks).toString('utf8') : null;
}
