import {
  ENDPOINTS,
  type EndpointInput,
  type EndpointOutput,
  type Family,
  type Model,
} from '../../../shared/contract/index.ts';
import { call } from '../../data/api.ts';
import { putModelDetail } from '../../data/models.ts';
import { queries, type Query } from '../../data/queries.ts';

/** Changes of what a model and its family say about themselves. Each is made against a revision. */

export type ModelPatch = EndpointInput<typeof ENDPOINTS.patchModel>['body'];
export type FamilyPatch = EndpointInput<typeof ENDPOINTS.patchFamily>['body'];

/** @throws {AppError} `conflict` when somebody changed it since that revision. */
export async function patchModel(id: string, rev: number, body: ModelPatch): Promise<Model> {
  const { model } = await call(ENDPOINTS.patchModel, { params: { id }, body }, { ifMatch: rev });
  putModelDetail(model);
  return model;
}

export function familyQuery(name: string): Query<Family> {
  return {
    key: `family ${name}`,
    about: [`family:${name}`, 'model:*'],
    read: async (signal) => (await call(ENDPOINTS.getFamily, { params: { name } }, { signal })).model,
  };
}

export function versionsQuery(
  name: string,
): Query<{ readonly versions: readonly FamilyVersion[]; readonly more: boolean }> {
  return {
    key: `versions ${name}`,
    about: [`family:${name}`, 'model:*'],
    read: async (signal) => {
      const answer = await call(
        ENDPOINTS.listVersions,
        { params: { name }, query: { limit: 200 } },
        { signal },
      );
      return { versions: answer.versions, more: answer.next_cursor !== null };
    },
  };
}
export type FamilyVersion = EndpointOutput<typeof ENDPOINTS.listVersions>['versions'][number];

function putFamily(family: Family): void {
  queries.put(familyQuery(family.name), family);
  queries.invalidate(new Set([`family:${family.name}`]));
}

/** @throws {AppError} `conflict` when somebody changed it since that revision. */
export async function patchFamily(name: string, rev: number, body: FamilyPatch): Promise<Family> {
  const { model } = await call(ENDPOINTS.patchFamily, { params: { name }, body }, { ifMatch: rev });
  putFamily(model);
  return model;
}

/** Points an alias at a version, wherever it pointed before. @throws {AppError} the refusal. */
export async function pointAlias(name: string, alias: string, version: number): Promise<void> {
  const { model } = await call(ENDPOINTS.putAlias, { params: { name, alias }, body: { version } });
  putFamily(model);
}

/** @throws {AppError} the refusal. */
export async function removeAlias(name: string, alias: string): Promise<void> {
  const { model } = await call(ENDPOINTS.deleteAlias, { params: { name, alias } });
  putFamily(model);
}
