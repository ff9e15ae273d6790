import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'undici';
import { AppError, type Capability } from '../../../shared/contract/index.ts';
import type { ExitInfo } from '../drivers/driver.ts';
import type { ProbePlan } from '../specs/spec.ts';
import type { Progress } from './progress.ts';

/** Asks a runtime, step by step, whether it really serves: alive, healthy, lists the model, computes, with how much context. */

/** A runtime that is asked something. */
export interface Asked {
  readonly pool: Pool;
  /** What of it can be asked, and where. */
  readonly probe: ProbePlan;
  /** The id it was told to serve. */
  readonly modelId: string;
}

export interface ProbeResult {
  readonly advertised: readonly string[];
  readonly contextLength: number | null;
  readonly parallel: number | null;
  readonly engineVersion: string | null;
}

export class RuntimeExitedError extends Error {
  readonly exit: ExitInfo;
  constructor(exit: ExitInfo) {
    super('the runtime ended');
    this.exit = exit;
  }
}

const FAST_POLL_MS = 10;
const FAST_PHASE_MS = 5000;
const SLOW_POLL_MS = 250;
const REQUEST_MS = 10_000;
/** A fresh engine on a busy machine is slow once. */
const FIRST_REQUEST_MS = 60_000;
/** A fresh engine on a busy machine is slow once. */
const COMPUTE_MS = 120_000;

export interface HealthWait {
  readonly pool: Pool;
  /** Path that answers 200 once it is ready. */
  readonly health: string;
  readonly exited: Promise<ExitInfo>;
  readonly stallMs: number;
  readonly progress: Progress;
  /** Resolves when the log says that it is ready, so that nobody waits for the next look. */
  readonly saysReady?: Promise<void>;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/**
 * Waits until its health says ok. There is no deadline, only a stall: no progress for `stallMs`.
 * @throws {RuntimeExitedError}, {AppError} `runtime_stalled`, the reason of `signal`.
 */
export async function waitHealthy(wait: HealthWait): Promise<void> {
  const ended = wait.exited.then((exit) => {
    throw new RuntimeExitedError(exit);
  });
  ended.catch(() => undefined);
  await Promise.race([pollHealth(wait), ended]);
}

async function pollHealth({
  pool,
  health,
  stallMs,
  progress,
  saysReady,
  now,
  signal,
}: HealthWait): Promise<void> {
  const start = now();
  let ready = false;
  const hint = saysReady?.then(() => (ready = true));
  for (;;) {
    signal.throwIfAborted();
    if ((await healthStatus(pool, health, signal)) === 200) return;
    if (now() - progress.last > stallMs) throw stalled(stallMs, progress);
    const isFast = ready || now() - start < FAST_PHASE_MS;
    const pause = delay(isFast ? FAST_POLL_MS : SLOW_POLL_MS, undefined, { signal });
    await (ready || hint === undefined ? pause : Promise.race([pause, hint]));
    // The hint may have won; the pause then ends unheard, by its time or by the signal.
    pause.catch(() => undefined);
  }
}

/** 0 when nobody answers: the process is not that far yet. That it ended is told by `exited`. */
async function healthStatus(pool: Pool, path: string, signal: AbortSignal): Promise<number> {
  try {
    const response = await pool.request({
      path,
      method: 'GET',
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)]),
    });
    await response.body.dump();
    return response.statusCode;
  } catch {
    return 0;
  }
}

function stalled(stallMs: number, { lastMilestone, milestones }: Progress): AppError {
  const seconds = Math.round(stallMs / 1000);
  const since =
    milestones.length === 0
      ? 'wrote nothing'
      : lastMilestone === null
        ? 'reached no milestone'
        : `got no further than "${lastMilestone.label}"`;
  return new AppError('runtime_stalled', `The runtime ${since} for ${seconds} s.`, {
    details: { last_milestone: lastMilestone?.id ?? null, stall_seconds: seconds },
  });
}

/** @throws {AppError} `runtime_wrong_model`, `upstream_failed`. */
export async function probeModel(
  asked: Asked,
  capability: Capability,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const { pool, probe, modelId } = asked;
  const { ids: advertised, contextLength: listed } = await advertisedModels(asked, signal, FIRST_REQUEST_MS);
  if (!advertised.includes(modelId)) {
    throw new AppError(
      'runtime_wrong_model',
      `The runtime advertises ${advertised.join(', ') || 'nothing'}, not ${modelId}.`,
      { details: { advertised } },
    );
  }
  const [props] = await Promise.all([
    getJson(pool, '/props', signal).catch(() => null),
    probe.compute ? firstAnswer(pool, modelId, capability, signal) : null,
  ]);
  const settings = record(props?.['default_generation_settings']);
  return {
    advertised,
    contextLength: number(settings?.['n_ctx']) ?? listed,
    parallel: number(props?.['total_slots']),
    engineVersion: typeof props?.['build_info'] === 'string' ? props['build_info'] : null,
  };
}

async function firstAnswer(
  pool: Pool,
  modelId: string,
  capability: Capability,
  signal: AbortSignal,
): Promise<void> {
  const timeout = AbortSignal.timeout(COMPUTE_MS);
  try {
    await computeOnce(pool, modelId, capability, AbortSignal.any([signal, timeout]));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof AppError) throw error;
    throw new AppError(
      'upstream_failed',
      timeout.aborted
        ? `The runtime did not answer its first request in ${COMPUTE_MS / 1000} s.`
        : 'The runtime broke the connection at its first request.',
      { cause: error },
    );
  }
}

/**
 * The ids it lists now. One that lists nothing serves what it was started with as long as it is healthy.
 * @throws {AppError} `upstream_failed`.
 */
export async function advertisedModels(
  { pool, probe, modelId }: Asked,
  signal: AbortSignal,
  limitMs = REQUEST_MS,
): Promise<{ ids: string[]; contextLength: number | null }> {
  if (probe.models === null) {
    if ((await healthStatus(pool, probe.health, signal)) !== 200)
      throw new AppError('upstream_failed', `The runtime does not answer ${probe.health}.`);
    return { ids: [modelId], contextLength: null };
  }
  const body = await getJson(pool, probe.models, signal, limitMs);
  const data = Array.isArray(body['data']) ? body['data'].map(record) : [];
  const meta = record(data[0]?.['meta']);
  return {
    ids: data.flatMap((entry) => (typeof entry?.['id'] === 'string' ? [entry['id']] : [])),
    contextLength: number(meta?.['n_ctx']) ?? number(data[0]?.['max_model_len']),
  };
}

/** One token, or one embedding: a runtime may be healthy and still not compute. @throws {AppError} `upstream_failed`. */
export async function computeOnce(
  pool: Pool,
  model: string,
  capability: Capability,
  signal: AbortSignal,
): Promise<void> {
  const requests: Record<Capability, { path: string; body: unknown }> = {
    llm_inference: { path: '/v1/completions', body: { model, prompt: 'ok', max_tokens: 1, temperature: 0 } },
    embeddings: { path: '/v1/embeddings', body: { model, input: 'ok' } },
    rerank: { path: '/v1/rerank', body: { model, query: 'ok', documents: ['ok'] } },
  };
  const { path, body } = requests[capability];
  const response = await pool.request({
    path,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  });
  const text = await response.body.text();
  if (response.statusCode === 200) return;
  throw new AppError(
    'upstream_failed',
    `The runtime answered its first request with ${response.statusCode}: ${text.slice(0, 300)}`,
  );
}

/**
 * What the engine counts (`/metrics`), as text to compare: it changes when the engine does anything. 'none' for an
 * engine that counts nothing, null when it did not answer.
 */
export async function counters(pool: Pool, signal: AbortSignal): Promise<string | null> {
  try {
    const response = await pool.request({ path: '/metrics', method: 'GET', signal });
    const text = await response.body.text();
    if (response.statusCode !== 200) return 'none';
    return text
      .split('\n')
      .filter((line) => /^(?:llamacpp|vllm):/.test(line))
      .join('\n');
  } catch {
    return null;
  }
}

async function getJson(
  pool: Pool,
  path: string,
  signal: AbortSignal,
  limitMs = REQUEST_MS,
): Promise<Record<string, unknown>> {
  try {
    const response = await pool.request({
      path,
      method: 'GET',
      signal: AbortSignal.any([signal, AbortSignal.timeout(limitMs)]),
    });
    const body = record(await response.body.json());
    if (response.statusCode !== 200 || body === null)
      throw new AppError('upstream_failed', `The runtime answered ${path} with ${response.statusCode}.`);
    return body;
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof AppError) throw cause;
    throw new AppError('upstream_failed', `The runtime does not answer ${path}.`, { cause });
  }
}

function record(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
