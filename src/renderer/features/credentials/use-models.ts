import { useEffect } from 'react';
import type { Model } from '../../../shared/contract/index.ts';
import { modelListQuery, moreModels, useModels } from '../../data/models.ts';
import { useQuery } from '../../data/queries.ts';
import { modelsOf } from './words.ts';

const CLOUD = { hosting: 'cloud' } as const;

/** Models that are called with a credential; undefined until all cloud models were read. */
export function useModelsOf(credentialId: string): readonly Model[] | undefined {
  const { data } = useQuery(modelListQuery(CLOUD));
  const models = useModels(data?.ids ?? []);
  const more = data?.next ?? null;
  useEffect(() => {
    if (more !== null) void moreModels(CLOUD);
  }, [more]);
  return data === undefined || more !== null ? undefined : modelsOf(credentialId, models);
}
