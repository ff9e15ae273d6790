import { useCallback, useState } from 'react';
import type { AppError } from '../../shared/contract/index.ts';
import { asAppError } from './api.ts';

/** A change that is asked for once at a time. */
export interface Mutation<A extends readonly unknown[]> {
  readonly busy: boolean;
  readonly error: AppError | null;
  readonly run: (...args: A) => Promise<boolean>;
  readonly clear: () => void;
}

/** Runs a change and keeps its refusal for the place that asked. @returns whether it was made. */
export function useMutation<A extends readonly unknown[]>(
  change: (...args: A) => Promise<void>,
): Mutation<A> {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<AppError | null>(null);
  const run = useCallback(
    async (...args: A) => {
      setBusy(true);
      setError(null);
      try {
        await change(...args);
        return true;
      } catch (thrown) {
        setError(asAppError(thrown));
        return false;
      } finally {
        setBusy(false);
      }
    },
    [change],
  );
  const clear = useCallback(() => setError(null), []);
  return { busy, error, run, clear };
}
