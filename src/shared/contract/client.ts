import type { Endpoint, EndpointInput, EndpointOutput } from './endpoint.ts';
import { AppError, isErrorCode } from './errors.ts';

/** The part of fetch that the client needs; the same in Node, the browser and Electron. */
export interface FetchResponse {
  readonly ok: boolean;
  readonly status: number;
  text(): Promise<string>;
}
export type Fetch<S> = (
  url: string,
  init: { method: string; headers: Record<string, string>; body?: string; signal?: S },
) => Promise<FetchResponse>;

export interface ClientOptions<S> {
  /** Without a slash at the end; empty for same-origin calls. */
  readonly baseUrl: string;
  readonly fetch: Fetch<S>;
  /** Asked before every call; null sends no key. */
  readonly token: () => string | null;
}

interface RawInput {
  params?: Record<string, string>;
  query?: Record<string, unknown>;
  body?: unknown;
}

export interface CallOptions<S> {
  readonly signal?: S;
  readonly ifMatch?: number;
}

export type Call<S> = <E extends Endpoint>(
  endpoint: E,
  input: EndpointInput<E>,
  options?: CallOptions<S>,
) => Promise<EndpointOutput<E>>;

/** The path of a row with its parameters and query filled in. */
export function endpointUrl(endpoint: Endpoint, input: RawInput): string {
  const path = endpoint.path
    .replace(/:(\w+)/g, (_match, name: string) => encodeURIComponent(input.params?.[name] ?? ''))
    // A path within a path keeps its slashes.
    .replace(/\*$/, () => (input.params?.['*'] ?? '').split('/').map(encodeURIComponent).join('/'));
  const query = Object.entries(input.query ?? {})
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(String(value))}`)
    .join('&');
  return query === '' ? path : `${path}?${query}`;
}

/**
 * Makes the typed client of the contract.
 * @throws {AppError} with the code of the answer; `agent_unreachable` when there is none.
 */
export function createClient<S>({ baseUrl, fetch, token }: ClientOptions<S>): Call<S> {
  return async (endpoint, input, options = {}) => {
    const raw = input as RawInput;
    const key = token();
    const headers: Record<string, string> = { accept: 'application/json' };
    if (key !== null) headers['authorization'] = `Bearer ${key}`;
    if (raw.body !== undefined) headers['content-type'] = 'application/json';
    if (options.ifMatch !== undefined) headers['if-match'] = String(options.ifMatch);
    const init = {
      method: endpoint.method,
      headers,
      ...(raw.body === undefined ? {} : { body: JSON.stringify(raw.body) }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    };
    const response = await reach(() => fetch(baseUrl + endpointUrl(endpoint, raw), init));
    const text = await reach(() => response.text());
    const answer: unknown = text === '' ? {} : parse(text);
    if (!response.ok) throw refusal(response.status, answer);
    return answer as EndpointOutput<typeof endpoint>;
  };
}

async function reach<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'AbortError') throw cause;
    throw new AppError('agent_unreachable', 'The agent does not answer.', { cause });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Not our agent, or a proxy's page: the status decides what is said.
    return null;
  }
}

function refusal(status: number, answer: unknown): AppError {
  const body = (answer ?? {}) as {
    error?: unknown;
    message?: unknown;
    hint?: unknown;
    details?: unknown;
    request_id?: unknown;
  };
  const inner =
    typeof body.error === 'object' && body.error !== null
      ? (body.error as typeof body & { code?: unknown })
      : body;
  const code = 'code' in inner ? inner.code : inner.error;
  const details = {
    ...(typeof inner.details === 'object' && inner.details !== null ? inner.details : {}),
    ...(typeof inner.request_id === 'string' ? { request_id: inner.request_id } : {}),
  };
  if (!isErrorCode(code)) {
    return new AppError(
      'agent_unreachable',
      `Something that is not the agent answered with status ${status}.`,
      { details },
    );
  }
  return new AppError(code, typeof inner.message === 'string' ? inner.message : code, {
    ...(typeof inner.hint === 'string' ? { hint: inner.hint } : {}),
    details,
  });
}
