/** What the load generator is told, and what it tells. */

export interface LoadTarget {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly body: string;
  /** A piece of text that every right answer holds. */
  readonly expect: string;
}

export interface LoadTask {
  readonly target: LoadTarget;
  readonly connections: number;
  /** Requests a second on a fixed schedule; null sends the next one when the last was answered. */
  readonly rate: number | null;
  /** Time until the first streamed token instead of the whole answer. */
  readonly firstToken: boolean;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export interface LoadResult {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly requestsPerSecond: number;
  /** Requests of the whole task, warm-up included. */
  readonly sent: number;
  /** How much of one core the generator itself used, 0 to 1. */
  readonly generatorShare: number;
}

export type LoadAnswer = { readonly result: LoadResult } | { readonly failure: string };
