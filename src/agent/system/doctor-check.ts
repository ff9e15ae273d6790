import type { z } from 'zod';
import type { CheckSchema } from '../../shared/contract/index.ts';

export type Check = z.infer<typeof CheckSchema>;
type Finding = Omit<Check, 'id' | 'group' | 'title'>;

/** One question of the doctor. */
export interface CheckRow<Deps> {
  readonly id: string;
  readonly group: Check['group'];
  readonly title: string;
  readonly run: (deps: Deps, signal: AbortSignal) => Promise<Finding>;
}

export const ok = (found: string): Finding => ({ status: 'ok', found, wanted: null, hint: null });

export const bad = (
  status: 'warning' | 'failed',
  found: string,
  wanted: string,
  hint: string | null,
): Finding => ({ status, found, wanted, hint });

/** There is nothing here to be checked. */
export const skipped = (found: string): Finding => ({ status: 'skipped', found, wanted: null, hint: null });
