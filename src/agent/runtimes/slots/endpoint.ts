import type { Pool } from 'undici';
import type { ProbePlan } from '../specs/spec.ts';

/** A runtime that serves a model now, as the gateway sees it. Counts the requests in it, so that a stop can wait for them. */
export class SlotEndpoint {
  readonly slotId: string;
  readonly modelId: string;
  /** The id the runtime itself knows the model by. */
  readonly runtimeModelId: string;
  readonly runtimeIdentity: string;
  readonly refusedParameters: ReadonlySet<string>;
  readonly pool: Pool;
  readonly probe: ProbePlan;
  #inFlight = 0;
  #accepted = 0;
  readonly #closing = new AbortController();
  #answeredAt: number | null = null;
  readonly #drained = Promise.withResolvers<void>();
  readonly #now: () => number;
  readonly #onFailure: () => void;

  constructor(options: {
    slotId: string;
    modelId: string;
    runtimeModelId: string;
    runtimeIdentity: string;
    refusedParameters: readonly string[];
    pool: Pool;
    probe: ProbePlan;
    now: () => number;
    onFailure: () => void;
  }) {
    this.slotId = options.slotId;
    this.modelId = options.modelId;
    this.runtimeModelId = options.runtimeModelId;
    this.runtimeIdentity = options.runtimeIdentity;
    this.refusedParameters = new Set(options.refusedParameters);
    this.pool = options.pool;
    this.probe = options.probe;
    this.#now = options.now;
    this.#onFailure = options.onFailure;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get open(): boolean {
    return !this.#closing.signal.aborted;
  }

  /** Aborted as soon as it takes no more requests; for work that nobody should wait for. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** How many requests it has taken since it began to serve. */
  get accepted(): number {
    return this.#accepted;
  }

  enter(): void {
    this.#accepted += 1;
    this.#inFlight += 1;
  }

  leave(): void {
    this.#inFlight -= 1;
    if (!this.open && this.#inFlight === 0) this.#drained.resolve();
  }

  /** When it last gave a byte of an answer; null before the first. */
  get answeredAt(): number | null {
    return this.#answeredAt;
  }

  /** It gave a byte of an answer: it computes. */
  noteAnswer(): void {
    this.#answeredAt = this.#now();
  }

  /** The gateway could not reach it: whoever watches the slot looks at once. */
  reportFailure(): void {
    this.#onFailure();
  }

  /** Takes no more requests; resolves when the last has left. */
  drain(): Promise<void> {
    this.#closing.abort();
    if (this.#inFlight === 0) this.#drained.resolve();
    return this.#drained.promise;
  }
}
