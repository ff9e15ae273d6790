import { useState } from 'react';
import type { AppError, Probe } from '../../../shared/contract/index.ts';
import { asAppError } from '../../data/api.ts';
import { testCredential, type CredentialTest } from '../../data/credentials.ts';

/** A key that was tried before it is kept. The answer holds for what was tried and for nothing else. */
export interface Tried {
  readonly busy: boolean;
  readonly probe: Probe | null;
  readonly error: AppError | null;
  readonly run: () => Promise<void>;
}

interface Result {
  readonly of: string;
  readonly probe: Probe | null;
  readonly error: AppError | null;
}

/** @param body what would be tried; null while the form lacks something */
export function useTest(body: CredentialTest | null): Tried {
  const [busy, setBusy] = useState(false);
  const [result, setResult] = useState<Result | null>(null);
  const asked = JSON.stringify(body);
  const current = result?.of === asked ? result : null;
  return {
    busy,
    probe: current?.probe ?? null,
    error: current?.error ?? null,
    run: async () => {
      if (body === null) return;
      setBusy(true);
      try {
        setResult({ of: asked, probe: await testCredential(body), error: null });
      } catch (error) {
        setResult({ of: asked, probe: null, error: asAppError(error) });
      } finally {
        setBusy(false);
      }
    },
  };
}

/** The range that a refused address is in, where the agent names one. Pure. */
export function refusedRange(error: AppError | null): string | null {
  const range = error?.details?.['range'];
  return typeof range === 'string' ? range : null;
}
