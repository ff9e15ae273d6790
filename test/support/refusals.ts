import type { AppError } from '../../src/shared/contract/index.ts';

/** What a call threw. @throws when it threw nothing */
export function refusal(run: () => unknown): AppError {
  try {
    run();
  } catch (error) {
    return error as AppError;
  }
  throw new Error('it was accepted');
}

/** What a promise was rejected with. @throws when it was not */
export async function refused(run: Promise<unknown>): Promise<AppError> {
  return run.then(
    () => Promise.reject(new Error('it was accepted')),
    (error: unknown) => error as AppError,
  );
}
