import { performance } from 'node:perf_hooks';
import type { Counter, Histogram, Registry } from 'prom-client';
import { JOB_STATES, LIFECYCLE_STATES, LOAD_STATES } from '../../shared/lifecycle/index.ts';
import type { Gpus } from '../gpus/index.ts';
import type { BlobStore } from '../artifacts/index.ts';
import type { Database } from '../kernel/database/database.ts';
import type { Egress } from '../kernel/egress.ts';
import type { JobRunner } from '../kernel/jobs/job-runner.ts';
import type { Journal } from '../kernel/journal.ts';
import type { RuntimeProfile } from '../kernel/profile.ts';
import type { EngineMetrics, Slots } from '../runtimes/index.ts';
import type { CountedCall, UsageRecorder } from '../usage/index.ts';
import { gpuMetrics } from './gpu-metrics.ts';
import { MetricSet, type Prometheus } from './metric-set.ts';
import { VERSION } from './version.ts';

export interface MetricsDeps {
  readonly database: Database;
  readonly usage: UsageRecorder;
  readonly slots: Slots;
  readonly metrics: EngineMetrics;
  readonly gpus: Gpus;
  readonly jobs: JobRunner;
  readonly blobs: BlobStore;
  readonly egress: Egress;
  readonly profile: RuntimeProfile;
  readonly journal: Journal;
  readonly startedAt: number;
}

/** A model beyond these is counted as OTHER: labels stay few whatever is called. */
const MAX_MODELS = 500;
/** No id looks like this. */
const OTHER = '(other)';
const MS = 1000;
/** Seconds. Answers of language models take from a blink to ten minutes. */
const CALL_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600];
const FIRST_BYTE_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

const MANAGED = LIFECYCLE_STATES.filter((state) => state !== 'deleted');

interface Calls {
  readonly registry: Registry;
  readonly calls: Counter<'model' | 'route' | 'outcome'>;
  readonly tokens: Counter<'model' | 'type'>;
  readonly duration: Histogram<'model'>;
  readonly firstByte: Histogram<'model'>;
}

/**
 * Counters and gauges for Prometheus. The library is loaded with the first call or the first scrape, so a start does
 * not wait for it. Labels are ids of models and slots, routes and codes; never a prompt, a key or a name.
 */
export class Metrics {
  readonly #deps: MetricsDeps;
  readonly #models = new Set<string>();
  #loading: Promise<Calls> | null = null;
  #loaded: Calls | null = null;
  #early: CountedCall[] = [];

  constructor(deps: MetricsDeps) {
    this.#deps = deps;
    deps.usage.onCall((call) => {
      if (this.#loaded !== null) this.#count(this.#loaded, call);
      else {
        this.#early.push(call);
        // Whoever scrapes is told when it cannot be loaded.
        this.#load().catch(() => undefined);
      }
    });
  }

  /** The text of Prometheus, and its media type. */
  async render(): Promise<{ text: string; contentType: string }> {
    const { registry } = await this.#load();
    return { text: await registry.metrics(), contentType: registry.contentType };
  }

  #load(): Promise<Calls> {
    this.#loading ??= import('prom-client').then(({ default: prometheus }) => {
      const made = build(prometheus, this.#deps);
      this.#loaded = made;
      for (const call of this.#early) this.#count(made, call);
      this.#early = [];
      return made;
    });
    return this.#loading;
  }

  #count(to: Calls, call: CountedCall): void {
    const model = this.#labelOf(call.modelId);
    to.calls.inc({ model, route: call.route, outcome: call.error ?? 'ok' });
    if (call.promptTokens > 0) to.tokens.inc({ model, type: 'prompt' }, call.promptTokens);
    if (call.completionTokens > 0) to.tokens.inc({ model, type: 'completion' }, call.completionTokens);
    if (call.ok) to.duration.observe({ model }, call.latencyMs / MS);
    if (call.firstByteMs !== null) to.firstByte.observe({ model }, call.firstByteMs / MS);
  }

  #labelOf(modelId: string): string {
    if (this.#models.has(modelId)) return modelId;
    if (this.#models.size >= MAX_MODELS) return OTHER;
    this.#models.add(modelId);
    return modelId;
  }
}

function build(prometheus: Prometheus, deps: MetricsDeps): Calls {
  const registry = new prometheus.Registry();
  const registers = [registry];
  const set = new MetricSet(prometheus, registry);
  nodeMetrics(set, deps);
  stateMetrics(set, deps);
  gpuMetrics(set, deps.gpus);
  engineMetrics(set, deps);
  processMetrics(set);
  return {
    registry,
    calls: new prometheus.Counter({
      name: 'modelops_calls_total',
      help: 'Calls to models since the agent started; outcome is ok or the code of the error.',
      labelNames: ['model', 'route', 'outcome'],
      registers,
    }),
    tokens: new prometheus.Counter({
      name: 'modelops_tokens_total',
      help: 'Tokens as runtimes and providers counted them.',
      labelNames: ['model', 'type'],
      registers,
    }),
    duration: new prometheus.Histogram({
      name: 'modelops_call_duration_seconds',
      help: 'From the request to the last byte of a successful answer.',
      labelNames: ['model'],
      buckets: CALL_BUCKETS,
      registers,
    }),
    firstByte: new prometheus.Histogram({
      name: 'modelops_first_byte_seconds',
      help: 'From the request to the first byte of an answer.',
      labelNames: ['model'],
      buckets: FIRST_BYTE_BUCKETS,
      registers,
    }),
  };
}

/** What is one number for the whole node. */
function nodeMetrics(set: MetricSet, deps: MetricsDeps): void {
  const { database, blobs, egress, journal, profile, startedAt } = deps;
  set.info('modelops_build_info', 'Version of the agent and of Node; always 1.', {
    version: VERSION,
    node_version: process.versions.node,
  });
  set.gauge('modelops_start_time_seconds', 'When the agent started, since the epoch.', () => startedAt / MS);
  set.gauge('modelops_offline', '1 while the profile is offline.', () =>
    profile.current === 'offline' ? 1 : 0,
  );
  set.gauge('modelops_journal_head_seq', 'Number of the last row of the journal.', () => journal.headSeq);
  set.gauge('modelops_database_bytes', 'Size of the database.', () => database.sizeBytes);
  set.gauge('modelops_database_ok', '0 once the database is damaged.', () =>
    database.state === 'corrupt' ? 0 : 1,
  );
  set.gauge('modelops_store_bytes', 'Bytes of models in the store.', () => blobs.totalBytes());
  set.counter(
    'modelops_egress_refused_total',
    'Attempts to reach beyond this machine that were refused.',
    () => egress.refusedCount,
  );
}

/** How many of a kind are in which state, and what each slot has to do. */
function stateMetrics(set: MetricSet, { database, slots, jobs }: MetricsDeps): void {
  set.gauges('modelops_models', 'Managed models by lifecycle state, without the sample.', 'state', () => {
    // Each on an index of its own; together they would read every row.
    const count = (only: string): { state: string; n: number }[] =>
      database
        .prepare<{ state: string; n: number }>(
          `SELECT lifecycle_state AS state, COUNT(*) AS n FROM models
           WHERE lifecycle_state <> 'deleted'${only} GROUP BY lifecycle_state`,
        )
        .all({});
    const counts = zeros(MANAGED);
    for (const { state, n } of count('')) counts[state] = n;
    for (const { state, n } of count(' AND is_sample = 1')) counts[state] = (counts[state] ?? 0) - n;
    return counts;
  });
  set.gauges('modelops_jobs', 'Jobs by state.', 'state', () => ({
    ...zeros(JOB_STATES),
    ...jobs.store.counts(),
  }));
  set.gauges('modelops_slots', 'Slots by load state.', 'state', () => {
    const counts = zeros(LOAD_STATES);
    for (const { load_state } of slots.list()) counts[load_state] = (counts[load_state] ?? 0) + 1;
    return counts;
  });
  set.gauges('modelops_slot_requests_in_flight', 'Requests in a slot now.', 'slot', () =>
    Object.fromEntries(slots.list().map((slot) => [slot.id, slot.requests_in_flight])),
  );
  set.gauges(
    'modelops_slot_requests_waiting',
    'Requests in a slot beyond those that its runtime works on at once.',
    'slot',
    () =>
      Object.fromEntries(
        slots
          .list()
          .map(({ id, requests_in_flight: inFlight, parallel }) => [
            id,
            parallel === null ? 0 : Math.max(0, inFlight - parallel),
          ]),
      ),
  );
}

/** What engines say of themselves, as of the last look; what one does not say is not there. */
function engineMetrics(set: MetricSet, { slots, metrics }: MetricsDeps): void {
  type Figures = NonNullable<ReturnType<EngineMetrics['totals']>>;
  const each = (read: (figures: Figures) => number | null) => () =>
    Object.fromEntries(
      slots.list().flatMap(({ id }) => {
        const figures = metrics.totals(slots.endpointOf(id));
        const value = figures === null ? null : read(figures);
        return value === null ? [] : [[id, value]];
      }),
    );
  set.gauges(
    'modelops_engine_requests_running',
    'Requests that the engine of a slot works on.',
    'slot',
    each((figures) => figures.requests_running),
  );
  set.gauges(
    'modelops_engine_requests_waiting',
    'Requests that wait in the engine of a slot.',
    'slot',
    each((figures) => figures.requests_waiting),
  );
  set.gauges(
    'modelops_engine_kv_cache_ratio',
    'Share of the KV cache of a slot that is in use, from 0 to 1.',
    'slot',
    each((figures) => figures.kv_cache_share),
  );
  set.counters(
    'modelops_engine_generated_tokens_total',
    'Tokens that the engine of a slot generated since it started.',
    'slot',
    each((figures) => figures.generated_tokens_total),
  );
  set.counters(
    'modelops_engine_prompt_tokens_total',
    'Tokens of prompts that the engine of a slot read since it started.',
    'slot',
    each((figures) => figures.prompt_tokens_total),
  );
}

function zeros(states: readonly string[]): Record<string, number> {
  return Object.fromEntries(states.map((state) => [state, 0]));
}

/** The agent's own process, under the names that dashboards know. */
function processMetrics(set: MetricSet): void {
  set.counter('process_cpu_seconds_total', 'Processor time of the agent, user and system.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  // The loop's own clock: a sampling timer would wake an idle agent a hundred times a second.
  set.counter(
    'nodejs_eventloop_active_seconds_total',
    'Time in which the event loop was not idle.',
    () => performance.eventLoopUtilization().active / MS,
  );
  set.gauge('process_resident_memory_bytes', 'Resident memory of the agent.', () =>
    process.memoryUsage.rss(),
  );
  set.gauge('nodejs_eventloop_lag_seconds', 'How late the event loop came back when asked.', async () => {
    const asked = performance.now();
    await new Promise<void>((resolve) => setImmediate(resolve));
    return (performance.now() - asked) / MS;
  });
}
