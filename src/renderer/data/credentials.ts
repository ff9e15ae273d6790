import {
  ENDPOINTS,
  type Credential,
  type EndpointInput,
  type EndpointOutput,
  type Probe,
} from '../../shared/contract/index.ts';
import type { Effects } from './access.ts';
import { call } from './api.ts';
import { listQuery, type List } from './lists.ts';
import { queries, type Query } from './queries.ts';

/** Credentials of providers. A caller sees his own, a superadmin all; nobody ever sees a secret again. */

const PAGE = 200;

/** @param revoked with those that were revoked */
export function credentialsQuery(revoked = false): Query<List<Credential>> {
  return listQuery(`credentials ${revoked}`, ['credential:*', 'model:*'], async (cursor, signal) => {
    const answer = await call(
      ENDPOINTS.listCredentials,
      { query: { limit: PAGE, revoked, ...cursor } },
      { signal },
    );
    return { rows: answer.credentials, next: answer.next_cursor };
  });
}

export function credentialQuery(id: string): Query<Credential> {
  return {
    key: `credential ${id}`,
    about: [`credential:${id}`, 'model:*'],
    read: async (signal) => (await call(ENDPOINTS.getCredential, { params: { id } }, { signal })).credential,
  };
}

/** What revoking a credential would do now. */
export function credentialEffectsQuery(id: string): Query<Effects> {
  return {
    key: `effects credential ${id}`,
    about: [`credential:${id}`, 'model:*'],
    read: async (signal) =>
      (
        await call(
          ENDPOINTS.previewCredentialEffects,
          { params: { id }, body: { action: 'revoke' } },
          { signal },
        )
      ).effects,
  };
}

function putCredential(credential: Credential): void {
  queries.put(credentialQuery(credential.id), credential);
  queries.invalidate(new Set([`credential:${credential.id}`]));
}

export type NewCredential = EndpointInput<typeof ENDPOINTS.createCredential>['body'];
export type CredentialTest = EndpointInput<typeof ENDPOINTS.testCredential>['body'];

export async function testCredential(body: CredentialTest): Promise<Probe> {
  return (await call(ENDPOINTS.testCredential, { body })).probe;
}

export async function addCredential(body: NewCredential): Promise<Credential> {
  const { credential } = await call(ENDPOINTS.createCredential, { body });
  putCredential(credential);
  return credential;
}

export async function changeCredential(
  { id, rev }: Credential,
  body: EndpointInput<typeof ENDPOINTS.patchCredential>['body'],
): Promise<Credential> {
  const { credential } = await call(ENDPOINTS.patchCredential, { params: { id }, body }, { ifMatch: rev });
  putCredential(credential);
  return credential;
}

export async function probeCredential(id: string): Promise<Probe> {
  const { probe, credential } = await call(ENDPOINTS.probeCredential, { params: { id } });
  putCredential(credential);
  return probe;
}

export async function revokeCredential(
  id: string,
): Promise<EndpointOutput<typeof ENDPOINTS.revokeCredential>> {
  const answer = await call(ENDPOINTS.revokeCredential, { params: { id } });
  putCredential(answer.credential);
  queries.invalidate(new Set(['model:*']));
  return answer;
}
