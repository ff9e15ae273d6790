import {
  ENDPOINTS,
  type EndpointInput,
  type EndpointOutput,
  type Group,
  type Key,
  type Principal,
} from '../../shared/contract/index.ts';
import { call } from './api.ts';
import { listQuery, type List } from './lists.ts';
import { queries, type Query } from './queries.ts';

/** People, services, groups and keys. Only a superadmin may ask. */

export type Effects = EndpointOutput<typeof ENDPOINTS.previewKeyEffects>['effects'];

const PAGE = 200;

export function principalsQuery(q = ''): Query<List<Principal>> {
  const filter = q === '' ? {} : { q };
  return listQuery(`principals ${q}`, ['principal:*', 'group:*', 'key:*'], async (cursor, signal) => {
    const answer = await call(
      ENDPOINTS.listPrincipals,
      { query: { limit: PAGE, ...filter, ...cursor } },
      { signal },
    );
    return { rows: answer.principals, next: answer.next_cursor };
  });
}

export function principalQuery(id: string): Query<Principal> {
  return {
    key: `principal ${id}`,
    about: [`principal:${id}`, 'group:*', 'key:*'],
    read: async (signal) => (await call(ENDPOINTS.getPrincipal, { params: { id } }, { signal })).principal,
  };
}

export function groupsQuery(q = ''): Query<List<Group>> {
  const filter = q === '' ? {} : { q };
  return listQuery(`groups ${q}`, ['group:*', 'principal:*', 'model:*'], async (cursor, signal) => {
    const answer = await call(
      ENDPOINTS.listGroups,
      { query: { limit: PAGE, ...filter, ...cursor } },
      { signal },
    );
    return { rows: answer.groups, next: answer.next_cursor };
  });
}

export function groupQuery(id: string): Query<Group> {
  return {
    key: `group ${id}`,
    about: [`group:${id}`, 'principal:*', 'model:*'],
    read: async (signal) => (await call(ENDPOINTS.getGroup, { params: { id } }, { signal })).group,
  };
}

/** @param principalId keys of one principal; null for all */
export function keysQuery(principalId: string | null = null): Query<List<Key>> {
  const filter = principalId === null ? {} : { principal_id: principalId };
  return listQuery(`keys ${principalId ?? '*'}`, ['key:*', 'principal:*'], async (cursor, signal) => {
    const answer = await call(
      ENDPOINTS.listKeys,
      { query: { limit: PAGE, ...filter, ...cursor } },
      { signal },
    );
    return { rows: answer.keys, next: answer.next_cursor };
  });
}

export function keyQuery(id: string): Query<Key> {
  return {
    key: `key ${id}`,
    about: [`key:${id}`, 'principal:*'],
    read: async (signal) => (await call(ENDPOINTS.getKey, { params: { id } }, { signal })).key,
  };
}

/** What revoking or rotating a key would do now. */
export function keyEffectsQuery(id: string, action: 'revoke' | 'rotate'): Query<Effects> {
  return {
    key: `effects key ${id} ${action}`,
    about: [`key:${id}`],
    read: async (signal) =>
      (await call(ENDPOINTS.previewKeyEffects, { params: { id }, body: { action } }, { signal })).effects,
  };
}

/** Everything about access is read again: an answer names what changed, lists follow. */
function changed(...subjects: string[]): void {
  queries.invalidate(new Set(subjects));
}

function putPrincipal(principal: Principal): void {
  queries.put(principalQuery(principal.id), principal);
  changed(`principal:${principal.id}`);
}

function putGroup(group: Group): void {
  queries.put(groupQuery(group.id), group);
  changed(`group:${group.id}`);
}

function putKey(key: Key): void {
  queries.put(keyQuery(key.id), key);
  changed(`key:${key.id}`);
}

export async function addPrincipal(
  body: EndpointInput<typeof ENDPOINTS.createPrincipal>['body'],
): Promise<Principal> {
  const { principal } = await call(ENDPOINTS.createPrincipal, { body });
  putPrincipal(principal);
  return principal;
}

export async function changePrincipal(
  { id, rev }: Principal,
  body: EndpointInput<typeof ENDPOINTS.patchPrincipal>['body'],
): Promise<Principal> {
  const { principal } = await call(ENDPOINTS.patchPrincipal, { params: { id }, body }, { ifMatch: rev });
  putPrincipal(principal);
  return principal;
}

/** @returns how many keys ended with it */
export async function removePrincipal(id: string): Promise<number> {
  const { revoked_keys: revoked } = await call(ENDPOINTS.deletePrincipal, { params: { id } });
  changed(`principal:${id}`, 'key:*', 'group:*');
  return revoked;
}

export async function addGroup(body: EndpointInput<typeof ENDPOINTS.createGroup>['body']): Promise<Group> {
  const { group } = await call(ENDPOINTS.createGroup, { body });
  putGroup(group);
  return group;
}

export async function changeGroup(
  { id, rev }: Group,
  body: EndpointInput<typeof ENDPOINTS.patchGroup>['body'],
): Promise<Group> {
  const { group } = await call(ENDPOINTS.patchGroup, { params: { id }, body }, { ifMatch: rev });
  putGroup(group);
  return group;
}

export async function deleteGroup(id: string): Promise<void> {
  await call(ENDPOINTS.deleteGroup, { params: { id } });
  changed(`group:${id}`);
}

/** Puts a principal into a group, or takes it out. */
export async function setMember(groupId: string, principalId: string, member: boolean): Promise<void> {
  const params = { id: groupId, principal_id: principalId };
  const { group } = member
    ? await call(ENDPOINTS.putGroupMember, { params })
    : await call(ENDPOINTS.deleteGroupMember, { params });
  putGroup(group);
  changed(`principal:${principalId}`);
}

export async function addKey(
  body: EndpointInput<typeof ENDPOINTS.createKey>['body'],
): Promise<EndpointOutput<typeof ENDPOINTS.createKey>> {
  const made = await call(ENDPOINTS.createKey, { body });
  putKey(made.key);
  return made;
}

export async function changeKey(
  id: string,
  body: EndpointInput<typeof ENDPOINTS.patchKey>['body'],
): Promise<Key> {
  const { key } = await call(ENDPOINTS.patchKey, { params: { id }, body });
  putKey(key);
  return key;
}

export async function rotateKey(
  id: string,
  overlapSeconds: number,
): Promise<EndpointOutput<typeof ENDPOINTS.rotateKey>> {
  const made = await call(ENDPOINTS.rotateKey, {
    params: { id },
    body: { overlap_seconds: overlapSeconds },
  });
  putKey(made.key);
  putKey(made.replaced);
  return made;
}

export async function revokeKey(id: string): Promise<void> {
  const { key } = await call(ENDPOINTS.revokeKey, { params: { id } });
  putKey(key);
}
