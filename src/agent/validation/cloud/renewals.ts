import type { CheckResult } from '../../../shared/contract/index.ts';
import type { ModelLifecycle, ModelRow, ModelStore } from '../../catalog/index.ts';
import type { Clock, Timers } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database/database.ts';
import type { Journal } from '../../kernel/journal.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { RuntimeProfile } from '../../kernel/profile.ts';
import type { HistoryStore } from '../history-store.ts';
import { testKindOf } from '../task-test.ts';
import { CLOUD_VALIDITY_MS } from './cloud-executor.ts';
import type { ProviderAnswer, ProviderCalls } from './provider-calls.ts';
import { RenewalStore, type ExpiringRow } from './renewal-store.ts';

const HALF_MS = CLOUD_VALIDITY_MS / 2;
const FIRST_RETRY_MS = 5 * 60_000;
const MAX_RETRY_MS = 60 * 60_000;
/** Looked at as often as this whatever is due: the clock may have been set, or the machine may have slept. */
const LOOK_MS = 60_000;
const SOON_MS = 1000;
const AT_ONCE = 4;
const QUESTION = 'Hello';

interface Deps {
  readonly database: Database;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  readonly history: HistoryStore;
  readonly models: ModelStore;
  readonly lifecycle: ModelLifecycle;
  readonly calls: ProviderCalls;
  readonly profile: RuntimeProfile;
}

/** When a validation in force is to be renewed, in milliseconds since the epoch. Pure. */
export function renewalTime(
  row: Pick<ExpiringRow, 'expires_at' | 'failures' | 'last_failure_at'>,
  now: number,
): number {
  const half = row.expires_at - HALF_MS;
  if (row.failures === 0 || row.last_failure_at === null) return half;
  const pause = Math.min(FIRST_RETRY_MS * 2 ** (row.failures - 1), MAX_RETRY_MS);
  // A failure from the future is one from before the clock was set back.
  return Math.max(half, Math.min(row.last_failure_at, now) + pause);
}

/**
 * Keeps validations of cloud models in force: from half of their time the provider is asked again, with the shortest
 * call there is, and each answer is a row of the history. What is not renewed in time expires, and the model with it.
 * Offline nobody is asked, and time goes on.
 */
export class Renewals {
  readonly #deps: Deps;
  readonly #store: RenewalStore;
  readonly #stop = new AbortController();
  /** Models that could not even be asked, and when to try again. */
  readonly #held = new Map<string, number>();
  #cancel: (() => void) | null = null;
  #running: Promise<void> | null = null;
  #again = false;
  #unlisten: (() => void) | null = null;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#store = new RenewalStore(deps.database);
  }

  /** Looks now and goes on by itself. */
  start(): void {
    this.#unlisten = this.#deps.profile.listen(() => this.wake());
    this.wake();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#unlisten?.();
    this.#cancel?.();
    await this.#running;
  }

  /** Looks now at what is due. */
  wake(): void {
    if (this.#stop.signal.aborted) return;
    if (this.#running !== null) {
      this.#again = true;
      return;
    }
    this.#cancel?.();
    this.#running = this.#round().finally(() => {
      this.#running = null;
      if (this.#stop.signal.aborted) return;
      if (this.#again) {
        this.#again = false;
        this.wake();
        return;
      }
      this.#cancel = this.#deps.timers.after(this.#pause(), () => this.wake());
    });
  }

  async #round(): Promise<void> {
    const { log, profile, clock } = this.#deps;
    try {
      await this.expire();
      if (profile.current === 'offline') return;
      const now = clock.now();
      const due = this.#store.expiringUntil(now + HALF_MS).filter((row) => this.#due(row, now) <= now);
      const queue = due.values();
      const worker = async (): Promise<void> => {
        for (const row of queue) {
          if (this.#stop.signal.aborted || profile.current === 'offline') return;
          await this.#renew(row);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
    } catch (error) {
      if (!this.#stop.signal.aborted) log.error({ err: error }, 'renewing validations failed');
    }
  }

  /** Makes stale what ended, also while no agent ran. */
  async expire(): Promise<void> {
    const { database, models, lifecycle, clock } = this.#deps;
    for (const { model_id, runtime_identity } of this.#store.expiringUntil(clock.now())) {
      await database.transact((unit) => {
        const expiresAt = this.#store.expiryOf(model_id, runtime_identity);
        if (expiresAt === null || expiresAt > clock.now()) return;
        lifecycle.markStale(unit, models.get(model_id), 'expired', null);
      });
    }
  }

  async #renew(row: ExpiringRow): Promise<void> {
    const { models, log, clock, calls } = this.#deps;
    const model = models.find(row.model_id);
    if (model === undefined) return;
    try {
      const { signal } = this.#stop;
      const listed = await calls.lists(model, signal);
      const checks = [
        check(
          'endpoint_probe',
          'Provider takes the credential',
          listed,
          'The provider takes the credential.',
        ),
      ];
      if (listed.ok) checks.push(await this.#shortCall(model, signal));
      await this.#record(row, checks);
      this.#held.delete(row.model_id);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      // The secrets are locked, or the disk is full: nobody was asked, so the history has nothing to tell.
      this.#held.set(row.model_id, clock.now() + FIRST_RETRY_MS);
      log.warn({ err: error, model: row.model_id }, 'a validation could not be renewed');
    }
  }

  /** The test again, with one token where the task has tokens. */
  async #shortCall(model: ModelRow, signal: AbortSignal): Promise<CheckResult> {
    const kind = testKindOf(model.task_key);
    if (kind === null) throw new Error(`there is no test for ${model.task_key}`);
    const inputs = kind.fromText(QUESTION);
    const asked = await this.#deps.calls.call(model, kind.body(inputs, 1), signal);
    const title = 'Model answers';
    if (!asked.ok) return check('endpoint_test', title, asked, '');
    const outcome = kind.read(asked.answer, inputs);
    // One token may be too short for a word; being cut there shows that it answers.
    if (outcome.ok || wasCut(asked.answer))
      return check('endpoint_test', title, asked, 'The model answered.');
    const refusal = { code: 'model_test_failed' as const, message: outcome.summary, details: {} };
    return check('endpoint_test', title, { ok: false, refusal, latencyMs: asked.latencyMs }, '');
  }

  async #record(row: ExpiringRow, checks: readonly CheckResult[]): Promise<void> {
    const { database, history, models, lifecycle, journal, clock } = this.#deps;
    const failed = checks.find((one) => one.result === 'failure');
    await database.transact((unit) => {
      const model = models.find(row.model_id);
      const held = this.#store.expiryOf(row.model_id, row.runtime_identity);
      // What became stale while the provider was asked is not brought back by its answer.
      if (model === undefined || held === null || lifecycle.fingerprint(model) !== row.fingerprint) return;
      const expiresAt = failed === undefined ? clock.now() + CLOUD_VALIDITY_MS : null;
      const validation = history.addValidation({
        model_id: model.id,
        validator_kind: failed?.validator_kind ?? 'endpoint_probe',
        trigger_reason: 'renewal',
        result: failed === undefined ? 'success' : 'failure',
        summary: failed?.summary ?? 'The provider answered again; the validation holds for another 24 hours.',
        error_details: failed?.details == null ? null : JSON.stringify(failed.details),
        test_run_id: null,
        checks: JSON.stringify(checks),
        fingerprint: row.fingerprint,
        runtime_identity: row.runtime_identity,
        actor_id: null,
        expires_at: expiresAt,
      });
      if (expiresAt !== null)
        this.#store.extend(row.model_id, row.runtime_identity, validation.id, expiresAt);
      models.update(model, {
        last_validation_id: validation.id,
        ...(expiresAt === null ? {} : { last_validated_at: clock.now() }),
      });
      journal.append(unit, {
        actorId: null,
        action: failed === undefined ? 'model.validation_renewed' : 'model.validation_failed',
        subject: `model:${model.id}`,
        data: { validation_id: validation.id, trigger_reason: 'renewal' },
      });
    });
  }

  #due(row: ExpiringRow, now: number): number {
    return Math.max(renewalTime(row, now), this.#held.get(row.model_id) ?? 0);
  }

  #pause(): number {
    try {
      return this.#untilNext();
    } catch (error) {
      this.#deps.log.error({ err: error }, 'what is to be renewed cannot be read');
      return LOOK_MS;
    }
  }

  #untilNext(): number {
    const { clock, profile } = this.#deps;
    const now = clock.now();
    const soon = this.#store.expiringUntil(now + HALF_MS);
    const later = this.#store.firstAfter(now + HALF_MS);
    const times = soon.flatMap((row) =>
      profile.current === 'offline' ? [row.expires_at] : [row.expires_at, this.#due(row, now)],
    );
    if (later !== null) times.push(later - HALF_MS);
    return Math.min(LOOK_MS, Math.max(SOON_MS, Math.min(...times) - now));
  }
}

function check(kind: string, title: string, asked: ProviderAnswer<unknown>, summary: string): CheckResult {
  return {
    validator_kind: kind,
    title,
    required: true,
    result: asked.ok ? 'success' : 'failure',
    summary: asked.ok ? summary : asked.refusal.message,
    details: asked.ok
      ? { latency_ms: asked.latencyMs }
      : { error: asked.refusal.code, ...asked.refusal.details },
  };
}

function wasCut(answer: Readonly<Record<string, unknown>>): boolean {
  const choices = answer['choices'];
  const first = (Array.isArray(choices) ? choices[0] : undefined) as { finish_reason?: unknown } | undefined;
  return first?.finish_reason === 'length';
}
