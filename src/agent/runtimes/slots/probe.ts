import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'undici';
import { AppError, type Capability } from '../../../shared/contract/index.ts';
import type { ExitInfo } from '../drivers/driver.ts';

/** Asks a runtime, step by step, whether it really serves: alive, healthy, lists the model, computes, with how much context. */

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

const FAST_POLL_MS = 50;
const FAST_PHASE_MS = 5000;
const SLOW_POLL_MS = 250;
const REQUEST_MS = 10_000;
const COMPUTE_MS = 120_000;

export interface HealthWait {
  readonly pool: Pool;
  readonly exited: Promise<ExitInfo>;
  readonly stallMs: number;
  /** When the runtime last showed progress. */
  readonly lastProgress: () => number;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/**
 * Waits until `/health` says ok. There is no deadline, only a stall: nothing new in the log for `stallMs`.
 * @throws {RuntimeExitedError}, {AppError} `runtime_stalled`, the reason of `signal`.
 */
export async function waitHealthy({
  pool,
  exited,
  stallMs,
  lastProgress,
  now,
  signal,
}: HealthWait): Promise<void> {
  const ended = exited.then((exit) => {
    throw new RuntimeExitedError(exit);
  });
  ended.catch(() => undefined);
  const poll = async (): Promise<void> => {
    const start = now();
    for (;;) {
      signal.throwIfAborted();
      const status = await pool
        .request({
          path: '/health',
          method: 'GET',
          signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)]),
        })
        .then(async (response) => {
          await response.body.dump();
          return response.statusCode;
        })
        // Refused: the process is not that far yet. That it ended is told by `exited`.
        .catch(() => 0);
      if (status === 200) return;
      if (now() - lastProgress() > stallMs) {
        throw new AppError(
          'runtime_stalled',
          `The runtime made no progress for ${Math.round(stallMs / 1000)} s.`,
        );
      }
      await delay(now() - start < FAST_PHASE_MS ? FAST_POLL_MS : SLOW_POLL_MS, undefined, { signal });
    }
  };
  await Promise.race([poll(), ended]);
}

/** @throws {AppError} `runtime_wrong_model`, `upstream_failed`. */
export async function probeModel(
  pool: Pool,
  modelId: string,
  capability: Capability,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const { ids: advertised, contextLength: listed } = await advertisedModels(pool, signal);
  if (!advertised.includes(modelId)) {
    throw new AppError(
      'runtime_wrong_model',
      `The runtime advertises ${advertised.join(', ') || 'nothing'}, not ${modelId}.`,
      { details: { advertised } },
    );
  }
  await computeOnce(pool, modelId, capability, signal);
  const props = await getJson(pool, '/props', signal).catch(() => null);
  const settings = record(props?.['default_generation_settings']);
  return {
    advertised,
    contextLength: number(settings?.['n_ctx']) ?? listed,
    parallel: number(props?.['total_slots']),
    engineVersion: typeof props?.['build_info'] === 'string' ? props['build_info'] : null,
  };
}

/** The ids `/v1/models` lists now. @throws {AppError} `upstream_failed`. */
export async function advertisedModels(
  pool: Pool,
  signal: AbortSignal,
): Promise<{ ids: string[]; contextLength: number | null }> {
  const body = await getJson(pool, '/v1/models', signal);
  const data = Array.isArray(body['data']) ? body['data'].map(record) : [];
  const meta = record(data[0]?.['meta']);
  return {
    ids: data.flatMap((entry) => (typeof entry?.['id'] === 'string' ? [entry['id']] : [])),
    contextLength: number(meta?.['n_ctx']) ?? number(data[0]?.['max_model_len']),
  };
}

/** One token, or one embedding: a runtime may be healthy and still not compute. */
async function computeOnce(
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
    signal: AbortSignal.any([signal, AbortSignal.timeout(COMPUTE_MS)]),
  });
  const text = await response.body.text();
  if (response.statusCode === 200) return;
  throw new AppError(
    'upstream_failed',
    `The runtime answered its first request with ${response.statusCode}: ${text.slice(0, 300)}`,
  );
}

async function getJson(pool: Pool, path: string, signal: AbortSignal): Promise<Record<string, unknown>> {
  try {
    const response = await pool.request({
      path,
      method: 'GET',
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)]),
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
