import { useEffect, useState } from 'react';
import type { AppError } from '../../../../shared/contract/index.ts';
import { asAppError, isAbort } from '../../../data/api.ts';

export interface Preview<T> {
  /** Of the last question that was answered; stays while the next one is asked. */
  readonly data: T | undefined;
  readonly error: AppError | null;
  /** It answers an older question: shown paler. */
  readonly stale: boolean;
}

/** After the last change, so that typing asks once. */
const SETTLE_MS = 150;

/**
 * Asks what would be, as long as the question changes, a moment after it last did. The old answer stays until the new one
 * is there.
 * @param key the question; null asks nothing
 * @param ask has to ask the same for the same key
 */
export function usePreview<T>(key: string | null, ask: (signal: AbortSignal) => Promise<T>): Preview<T> {
  const [state, setState] = useState<{ key: string | null; data: T | undefined; error: AppError | null }>({
    key: null,
    data: undefined,
    error: null,
  });
  useEffect(() => {
    if (key === null) return undefined;
    const stop = new AbortController();
    const timer = setTimeout(() => {
      ask(stop.signal).then(
        (data) => {
          if (!stop.signal.aborted) setState({ key, data, error: null });
        },
        (error: unknown) => {
          if (stop.signal.aborted || isAbort(error)) return;
          setState((before) => ({ key, data: before.data, error: asAppError(error) }));
        },
      );
    }, SETTLE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- the key is the question
  }, [key]);
  if (key === null) return { data: undefined, error: null, stale: false };
  return { data: state.data, error: state.error, stale: state.key !== key || state.error !== null };
}
