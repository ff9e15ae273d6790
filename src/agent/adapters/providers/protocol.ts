import type { SseEvent } from '../../../shared/contract/index.ts';
import type { Invocation, JsonBody, ListedModel, ProviderAccount } from './provider.ts';

/** Turns the events of one stream into OpenAI's chunks. */
export interface ChunkReader {
  /** @returns the chunks of one event. @throws {AppError} what the provider reports in the middle of a stream. */
  push(event: SseEvent): JsonBody[];
  /** The provider said that this was all. */
  readonly ended: boolean;
  /** Whether the connection may end here; before that, its end is a break. */
  readonly complete: boolean;
}

/** One page of a provider's list of models. */
export interface ModelPage {
  readonly models: readonly ListedModel[];
  /** Where the next page begins; null at the end. */
  readonly next: string | null;
}

/** What differs from provider to provider. Pure: nothing here opens a connection. */
export interface Protocol {
  headers(apiKey: string): Record<string, string>;
  /** @throws {AppError} `invalid_argument` naming a parameter it cannot carry over, `unsupported_format` for a route it lacks. */
  request(invocation: Invocation): { readonly path: string; readonly body: JsonBody };
  /** @throws {AppError} `upstream_failed`, reason `malformed`. */
  answer(account: ProviderAccount, invocation: Invocation, body: unknown): JsonBody;
  reader(account: ProviderAccount, invocation: Invocation): ChunkReader;
  modelsPath(after: string | null): string;
  /** @throws {AppError} `upstream_failed`, reason `malformed`. */
  modelPage(account: ProviderAccount, body: unknown): ModelPage;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
