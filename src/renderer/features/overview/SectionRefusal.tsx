import type { ReactNode } from 'react';
import type { AppError } from '../../../shared/contract/index.ts';
import { Refusal } from '../../parts/ErrorStrip.tsx';

/** Why a part could not be read; that the agent is gone is said once, at the top. */
export function SectionRefusal({ error }: { readonly error: AppError | null }): ReactNode {
  if (error === null || error.code === 'agent_unreachable') return null;
  return <Refusal error={error} alert={false} />;
}
