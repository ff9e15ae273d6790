import { useEffect } from 'react';
import {
  ENDPOINTS,
  type EndpointOutput,
  type JournalRow,
  type Runtime,
  type System,
  type TestRun,
  type Validation,
} from '../../shared/contract/index.ts';
import { call } from './api.ts';
import { queries, useQuery, type Query, type QueryState } from './queries.ts';

/** Questions about the node and the histories of its objects. */

export type Profile = EndpointOutput<typeof ENDPOINTS.getProfile>;
export type RefusedAttempts = EndpointOutput<typeof ENDPOINTS.listRefusedAttempts>;
export type RefusedAttempt = RefusedAttempts['attempts'][number];
export type Doctor = EndpointOutput<typeof ENDPOINTS.getDoctor>;
export type TestRuntimes = EndpointOutput<typeof ENDPOINTS.listTestRuntimes>;

const systemQuery: Query<System> = {
  key: 'system',
  about: ['system'],
  read: async (signal) => (await call(ENDPOINTS.getSystem, {}, { signal })).system,
};

export const profileQuery: Query<Profile> = {
  key: 'profile',
  about: ['profile:runtime'],
  read: (signal) => call(ENDPOINTS.getProfile, {}, { signal }),
};

/** What going online or offline would do now. */
export function profileEffectsQuery(
  profile: Profile['profile'],
): Query<EndpointOutput<typeof ENDPOINTS.previewProfileEffects>['effects']> {
  return {
    key: `effects profile ${profile}`,
    about: ['profile:runtime', 'slot:*', 'model:*', 'job:*'],
    read: async (signal) =>
      (await call(ENDPOINTS.previewProfileEffects, { body: { profile } }, { signal })).effects,
  };
}

const refusedQuery: Query<RefusedAttempts> = {
  key: 'refused attempts',
  about: ['profile:runtime'],
  read: (signal) => call(ENDPOINTS.listRefusedAttempts, {}, { signal }),
};

/** What wanted to leave this machine and was not let, newest first. */
export function useRefusedAttempts(): QueryState<RefusedAttempts> {
  return useQuery(refusedQuery);
}

export const doctorQuery: Query<Doctor> = {
  key: 'doctor',
  about: [],
  read: (signal) => call(ENDPOINTS.getDoctor, {}, { signal }),
};

export const runtimesQuery: Query<readonly Runtime[]> = {
  key: 'runtimes',
  about: ['runtime:*'],
  read: async (signal) => (await call(ENDPOINTS.listRuntimes, {}, { signal })).runtimes,
};

/** Models that a call can name right now. */
export const servedQuery: Query<readonly string[]> = {
  key: 'served',
  about: ['model:*', 'slot:*'],
  read: async (signal) =>
    (await call(ENDPOINTS.listServedModels, {}, { signal })).data.map((model) => model.id),
};

/** Journal rows, newest first. @param subject `model:alpha-v1`; null for all */
export function auditQuery(subject: string | null, limit: number): Query<readonly JournalRow[]> {
  return {
    key: `audit ${subject ?? '*'} ${limit}`,
    about: [subject ?? '*'],
    read: async (signal) => {
      const query = subject === null ? { limit } : { limit, subject };
      return (await call(ENDPOINTS.listAudit, { query }, { signal })).audit;
    },
  };
}

export function testsQuery(modelId: string): Query<readonly TestRun[]> {
  return {
    key: `tests ${modelId}`,
    about: [`model:${modelId}`, `model:${modelId}:history`],
    read: async (signal) =>
      (await call(ENDPOINTS.listTestRuns, { params: { id: modelId }, query: { limit: 100 } }, { signal }))
        .tests,
  };
}

export function validationsQuery(modelId: string): Query<readonly Validation[]> {
  return {
    key: `validations ${modelId}`,
    about: [`model:${modelId}`, `model:${modelId}:history`],
    read: async (signal) =>
      (await call(ENDPOINTS.listValidations, { params: { id: modelId }, query: { limit: 100 } }, { signal }))
        .validations,
  };
}

export function testRuntimesQuery(modelId: string): Query<TestRuntimes> {
  return {
    key: `test-runtimes ${modelId}`,
    about: [`model:${modelId}`, 'slot:*'],
    read: (signal) => call(ENDPOINTS.listTestRuntimes, { params: { id: modelId } }, { signal }),
  };
}

const POLL_MS = 15_000;

/** Disk, memory and load. Nothing tells their changes, so they are asked for while somebody looks. */
export function useSystem(): QueryState<System> {
  const state = useQuery(systemQuery);
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') queries.refresh(systemQuery.key);
    }, POLL_MS);
    return () => clearInterval(timer);
  }, []);
  return state;
}
