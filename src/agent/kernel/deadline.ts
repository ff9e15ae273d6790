import { AppError } from '../../shared/contract/index.ts';

/**
 * Runs something that stops by its signal, for at most `ms` milliseconds. Whoever asked may stop it as well.
 * @throws {AppError} `upstream_failed` when the time is over; else whatever `run` throws.
 */
export async function within<T>(
  ms: number,
  signal: AbortSignal,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = AbortSignal.timeout(ms);
  try {
    return await run(AbortSignal.any([signal, deadline]));
  } catch (error) {
    if (signal.aborted || !deadline.aborted) throw error;
    throw new AppError('upstream_failed', `There was no answer within ${Math.round(ms / 1000)} seconds.`, {
      hint: 'Try again later; the provider or the way to it is slow.',
      details: { status_code: null, timeout_ms: ms },
      cause: error,
    });
  }
}
