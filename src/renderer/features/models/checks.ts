import { useState } from 'react';
import { ENDPOINTS, type AppError, type CheckResult, type Model } from '../../../shared/contract/index.ts';
import { asAppError, call } from '../../data/api.ts';
import { validationsQuery } from '../../data/node.ts';
import { queries, useQuery, type Query } from '../../data/queries.ts';

/** What the validators say about a model: the newest answers known, and asking them now. */

interface Answers {
  readonly checks: readonly CheckResult[];
  readonly at: string;
}

/** Answers of this page; nothing but asking makes new ones. */
function askedQuery(id: string): Query<Answers | null> {
  return { key: `checks ${id}`, about: [], read: () => Promise.resolve(null) };
}

export interface Checks extends Partial<Answers> {
  readonly busy: boolean;
  readonly error: AppError | null;
  readonly ask: () => Promise<void>;
}

export function useChecks(model: Model): Checks {
  const { data: asked } = useQuery(askedQuery(model.id));
  const { data: validations } = useQuery(validationsQuery(model.id));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<AppError | null>(null);
  const ask = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      const { checks } = await call(ENDPOINTS.checkModel, { params: { id: model.id } });
      queries.put(askedQuery(model.id), { checks, at: new Date().toISOString() });
      // Failures of required validators are rows of the history.
      queries.invalidate(new Set([`model:${model.id}:history`, `model:${model.id}`]));
    } catch (thrown) {
      setError(asAppError(thrown));
    } finally {
      setBusy(false);
    }
  };
  const last = validations?.find((validation) => validation.checks.length > 0);
  const stored = last === undefined ? null : { checks: last.checks, at: last.created_at };
  const newest = asked != null && (stored === null || asked.at > stored.at) ? asked : stored;
  return { ...newest, busy, error, ask };
}

/** Those about the files themselves. */
const FILE_CHECKS: ReadonlySet<string> = new Set([
  'artifact_integrity',
  'unsafe_formats',
  'remote_code',
  'licence',
]);

export function isAboutFiles(check: CheckResult): boolean {
  return FILE_CHECKS.has(check.validator_kind);
}
