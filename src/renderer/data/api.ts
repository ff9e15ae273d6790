import { createStore } from 'zustand/vanilla';
import {
  AppError,
  createClient,
  type Call,
  type Endpoint,
  type EndpointInput,
} from '../../shared/contract/index.ts';

/** The key that calls carry. In the desktop app the main process adds it, so there is none here. */
export const keyStore = createStore<{ readonly token: string | null }>(() => ({ token: null }));

type Refused = (error: AppError) => void;
let onUnauthenticated: Refused = () => undefined;

/** Told once per answer that says the key is not, or no longer, good. */
export function whenUnauthenticated(listener: Refused): void {
  onUnauthenticated = listener;
}

const client = createClient<AbortSignal>({
  baseUrl: '',
  fetch: (url, init) => fetch(url, init),
  token: () => keyStore.getState().token,
});

/**
 * Calls the agent this page came from.
 * @throws {AppError} the refusal of the agent; `agent_unreachable` when nobody answers.
 */
export const call: Call<AbortSignal> = async (endpoint, input, options) => {
  try {
    return await client(endpoint, input, options);
  } catch (error) {
    if (error instanceof AppError && error.code === 'unauthenticated') onUnauthenticated(error);
    throw error;
  }
};

/** Whether somebody gave up waiting, which is nobody's failure. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

/** Anything thrown as an AppError, so that screens have one shape to show. */
export function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError('internal_error', error instanceof Error ? error.message : String(error), {
    hint: 'This is a fault of the page. Reload it; if it stays, copy the report.',
    cause: error,
  });
}

/**
 * Reads an answer that is text, such as CSV.
 * @throws {AppError} the refusal of the agent; `agent_unreachable` when nobody answers.
 */
export async function readText<E extends Endpoint>(endpoint: E, input: EndpointInput<E>): Promise<string> {
  let text = '';
  // The typed client reads JSON: refusals go through it, the text of a good answer is kept on the way.
  const reader = createClient<AbortSignal>({
    baseUrl: '',
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      text = await response.text();
      return {
        ok: response.ok,
        status: response.status,
        text: () => Promise.resolve(response.ok ? '' : text),
      };
    },
    token: () => keyStore.getState().token,
  });
  await reader(endpoint, input);
  return text;
}
