import { randomInt } from 'node:crypto';
import { AppError, type BenchmarkRound, type Progress, type Slot } from '../../shared/contract/index.ts';
import { newId } from '../kernel/ids.ts';
import type { JobContext } from '../kernel/jobs/job-runner.ts';
import type { SlotEndpoint } from '../runtimes/index.ts';
import { wantedOf, type BenchmarkDeps, type BenchmarkOrder } from './order.ts';
import { ConnectionBroken, measureCompletion, measureEmbedding } from './measure.ts';
import {
  betterLength,
  othersOf,
  promptText,
  roundOf,
  TEXTS,
  workloadFor,
  type Answered,
  type Workload,
} from './rules.ts';

type Step = NonNullable<Progress['steps']>[number];

/** Tries at the length of a prompt; the second is mostly right. */
const LENGTH_TRIES = 6;
/** A slot whose engine broke off tells why within this. */
const REASON_MS = 5000;
/** After a start of the agent, slots load again what they served. */
const LOAD_WAIT_MS = 10 * 60_000;
const LOOK_AGAIN_MS = 1000;

/** A length that was tried, and what the engine counted. */
interface Length {
  readonly words: number;
  readonly tokens: number;
}

/** One measurement, from the first look at the slot to the row. */
export class BenchmarkRun {
  readonly #deps: BenchmarkDeps;
  readonly #context: JobContext<BenchmarkOrder>;
  readonly #steps: Step[] = [];
  /** Another text each time, and others than those of the run before: engines keep what they have read. */
  #text = randomInt(TEXTS);
  #asked = 0;
  #ignoreEnd = true;

  constructor(deps: BenchmarkDeps, context: JobContext<BenchmarkOrder>) {
    this.#deps = deps;
    this.#context = context;
  }

  async run(): Promise<Record<string, unknown>> {
    const { payload } = this.#context;
    const endpoint = await this.#served();
    const signal = AbortSignal.any([this.#context.signal, endpoint.closing]);
    try {
      return await this.#measure(endpoint, signal);
    } catch (error) {
      // A cancel or a stop is told as such.
      this.#context.signal.throwIfAborted();
      if (error instanceof ConnectionBroken) {
        endpoint.reportFailure();
        await this.#change(endpoint);
      } else if (!endpoint.closing.aborted) throw error;
      throw this.#stopped(endpoint, payload.slot_id, error);
    }
  }

  async #measure(endpoint: SlotEndpoint, signal: AbortSignal): Promise<Record<string, unknown>> {
    const { slots } = this.#deps;
    const { payload } = this.#context;
    const slot = slots.get(payload.slot_id);
    const wanted = workloadFor(slot.capability, slot.context_length, wantedOf(payload));
    const length = await this.#warmUp(slot, endpoint, wanted, signal);
    const workload = { ...wanted, prompt_tokens: length.tokens };
    const [acceptedBefore, inFlightBefore] = [endpoint.accepted, endpoint.inFlight];
    this.#asked = 0;
    const rounds: BenchmarkRound[] = [];
    for (const concurrency of payload.concurrency) {
      const round = await this.#round(slot, endpoint, { workload, words: length.words, concurrency }, signal);
      rounds.push(round);
      this.#steps.push(stepOf(round));
      this.#report('measuring');
    }
    const others = othersOf({
      acceptedBefore,
      acceptedAfter: endpoint.accepted,
      inFlightBefore,
      ours: this.#asked,
    });
    const id = await this.#keep(slots.get(slot.id), workload, rounds, others);
    return { benchmark_id: id, model_id: payload.model_id, slot_id: slot.id };
  }

  // ---- asking ------------------------------------------------------------------------------------------------------

  /** Finds out what the engine takes and how long a text has to be, then lets it answer once in full. */
  async #warmUp(slot: Slot, endpoint: SlotEndpoint, wanted: Workload, signal: AbortSignal): Promise<Length> {
    this.#report('warm_up');
    const length = await this.#promptLength(slot, endpoint, wanted.prompt_tokens, signal);
    this.#report('warm_up', `prompts of ${length.tokens} tokens; the first answer`);
    const answer = (): Promise<Answered> =>
      this.#ask(slot, endpoint, length.words, wanted.output_tokens, signal);
    try {
      await answer();
    } catch (error) {
      if (!this.#ignoreEnd || !isRefusal(error)) throw error;
      this.#ignoreEnd = false;
      await answer();
    }
    return length;
  }

  /** The number of words whose tokens come closest to the wanted ones without exceeding them. */
  async #promptLength(
    slot: Slot,
    endpoint: SlotEndpoint,
    wanted: number,
    signal: AbortSignal,
  ): Promise<Length> {
    let best: Length | null = null;
    let words = Math.max(1, Math.floor(wanted / 2));
    const tried = new Set<number>();
    for (let tries = 0; tries < LENGTH_TRIES && !tried.has(words); tries += 1) {
      tried.add(words);
      const tokens = await this.#tokensOf(slot, endpoint, words, signal);
      if (tokens === null) {
        words = Math.max(1, Math.floor(words / 2));
        continue;
      }
      if (best === null || isCloser(tokens, best.tokens, wanted)) best = { words, tokens };
      words = betterLength(words, tokens, wanted);
    }
    if (best !== null) return best;
    throw new AppError('upstream_failed', `The runtime takes no text of ${wanted} tokens.`, {
      hint: 'Ask for a shorter prompt.',
    });
  }

  /** How many tokens the engine counts in so many words; null when it refuses them, because they are too many. */
  async #tokensOf(
    slot: Slot,
    endpoint: SlotEndpoint,
    words: number,
    signal: AbortSignal,
  ): Promise<number | null> {
    const before = this.#ignoreEnd;
    this.#ignoreEnd = false;
    try {
      return (await this.#ask(slot, endpoint, words, 1, signal)).promptTokens;
    } catch (error) {
      if (words > 1 && isRefusal(error)) return null;
      throw error;
    } finally {
      this.#ignoreEnd = before;
    }
  }

  #ask(
    slot: Slot,
    endpoint: SlotEndpoint,
    words: number,
    maxTokens: number,
    signal: AbortSignal,
  ): Promise<Answered> {
    this.#text = (this.#text + 1) % TEXTS;
    this.#asked += 1;
    const prompt = promptText(words, this.#text);
    return slot.capability === 'embeddings'
      ? measureEmbedding(endpoint, prompt, signal)
      : measureCompletion(endpoint, { prompt, maxTokens, ignoreEnd: this.#ignoreEnd }, signal);
  }

  /** So many requests, so many at once. @throws {AppError} the refusal, when not one succeeded. */
  async #round(
    slot: Slot,
    endpoint: SlotEndpoint,
    { workload, words, concurrency }: { workload: Workload; words: number; concurrency: number },
    signal: AbortSignal,
  ): Promise<BenchmarkRound> {
    const wanted = Math.max(workload.requests_per_round, concurrency);
    const answered: Answered[] = [];
    const failures: AppError[] = [];
    let begun = 0;
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    const tell = (): void =>
      this.#report(
        'measuring',
        `${concurrency} at once: ${answered.length + failures.length} of ${wanted} answered`,
      );
    const work = async (): Promise<void> => {
      while (begun < wanted) {
        begun += 1;
        try {
          answered.push(await this.#ask(slot, endpoint, words, workload.output_tokens, either));
        } catch (error) {
          if (!(error instanceof AppError)) stop.abort(error);
          either.throwIfAborted();
          failures.push(error as AppError);
        }
        tell();
      }
    };
    tell();
    const started = performance.now();
    await Promise.all(Array.from({ length: concurrency }, work));
    if (answered.length === 0 && failures[0] !== undefined) throw failures[0];
    return roundOf(slot.capability, concurrency, answered, failures.length, performance.now() - started);
  }

  // ---- the slot ----------------------------------------------------------------------------------------------------

  /** What serves the model. After a restart of the agent the slot may be about to. @throws {AppError} `model_not_loaded`. */
  async #served(): Promise<SlotEndpoint> {
    const { slots } = this.#deps;
    const { slot_id: id, model_id: model } = this.#context.payload;
    const deadline = performance.now() + LOAD_WAIT_MS;
    for (;;) {
      const endpoint = slots.endpointOf(id);
      if (endpoint?.modelId === model) return endpoint;
      const slot = slots.get(id);
      const comes =
        slot.assigned_model_id === model &&
        (slot.load_state === 'loading' || slot.load_state === 'reconciling');
      if (!comes || performance.now() > deadline)
        throw new AppError('model_not_loaded', `Slot ${id} does not serve ${model}.`, {
          hint: 'Load it, then measure.',
          details: { slot_id: id, load_state: slot.load_state },
        });
      this.#report('waiting', `slot ${id} loads ${model}`);
      await this.#slotEvent(id, LOOK_AGAIN_MS);
    }
  }

  /** Waits until the slot has noticed that its engine is gone, but not long. */
  async #change(endpoint: SlotEndpoint): Promise<void> {
    const deadline = performance.now() + REASON_MS;
    while (this.#deps.slots.endpointOf(endpoint.slotId) === endpoint && performance.now() < deadline)
      await this.#slotEvent(endpoint.slotId, LOOK_AGAIN_MS);
  }

  async #slotEvent(id: string, longestMs: number): Promise<void> {
    const { signal } = this.#context;
    await new Promise<void>((resolve) => {
      const finish = (): void => {
        stop();
        clearTimeout(timer);
        signal.removeEventListener('abort', finish);
        resolve();
      };
      const stop = this.#deps.hub.listen(
        ({ name, data }) => {
          if (name === 'slot' && (data as { slot: { id: string } }).slot.id === id) finish();
        },
        () => undefined,
      );
      const timer = setTimeout(finish, longestMs);
      signal.addEventListener('abort', finish, { once: true });
    });
    signal.throwIfAborted();
  }

  /** Why it could not be measured to the end, in the words of the slot. */
  #stopped(endpoint: SlotEndpoint, slotId: string, cause: unknown): AppError {
    const slot = this.#deps.slots.get(slotId);
    const model = endpoint.modelId;
    const why =
      slot.load_error !== null
        ? slot.load_error.message
        : slot.assigned_model_id === null
          ? 'it was unloaded.'
          : slot.assigned_model_id === model
            ? 'its runtime was started again.'
            : `it was given ${slot.assigned_model_id}.`;
    return new AppError('model_not_loaded', `Slot ${slotId} stopped serving ${model} in the middle: ${why}`, {
      hint: slot.load_error?.hint ?? 'Measure again once it serves the model.',
      details: { slot_id: slotId, load_state: slot.load_state, error: slot.load_error?.error ?? null },
      cause,
    });
  }

  // ---- the result --------------------------------------------------------------------------------------------------

  async #keep(
    slot: Slot,
    workload: Workload,
    rounds: readonly BenchmarkRound[],
    others: number,
  ): Promise<string> {
    const { database, journal, store, models, specs, deviceOf } = this.#deps;
    const { payload, actorId } = this.#context;
    const id = newId();
    const device = specs.find(slot.runtime_spec)?.device ?? 'cpu';
    await database.transact((unit) => {
      store.add({
        id,
        model_id: payload.model_id,
        version_id: models.get(payload.model_id).version_id,
        slot_id: slot.id,
        capability: slot.capability,
        runtime_spec: slot.runtime_spec,
        runtime_identity: slot.runtime_identity,
        image_id: slot.image_id,
        engine_version: slot.engine_version,
        device: deviceOf(device, slot.gpu_ids),
        config: slot.effective_config?.values ?? slot.config,
        workload,
        rounds,
        memory_bytes: slot.measured_memory_bytes,
        load_ms: slot.load_ms,
        other_requests: others,
        note: payload.note,
        created_by: actorId,
      });
      journal.append(unit, {
        actorId,
        action: 'model.benchmarked',
        subject: `model:${payload.model_id}`,
        data: { benchmark_id: id, slot_id: slot.id, runtime_identity: slot.runtime_identity },
      });
    });
    return id;
  }

  #report(phase: string, reason?: string): void {
    this.#context.report({
      phase,
      steps: [...this.#steps],
      ...(reason === undefined ? {} : { reason }),
    });
  }
}

/** Whether the engine refused the request as such, and may take another one. */
function isRefusal(error: unknown): boolean {
  const status = error instanceof AppError ? error.details?.['status'] : null;
  return status === 400 || status === 413 || status === 422;
}

/** Nothing over the wanted length is closer than something under it. Pure. */
function isCloser(tokens: number, than: number, wanted: number): boolean {
  if (tokens <= wanted !== than <= wanted) return tokens <= wanted;
  return Math.abs(wanted - tokens) < Math.abs(wanted - than);
}

function stepOf(round: BenchmarkRound): Step {
  const first = round.time_to_first_token_ms;
  const rate = `${round.tokens_per_second} tokens/s`;
  return {
    name: `${round.concurrency} at once`,
    detail: first === null ? rate : `${rate}, first token after ${Math.round(first.p50)} ms`,
    duration_ms: round.duration_ms,
  };
}
