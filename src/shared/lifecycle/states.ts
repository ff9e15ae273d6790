/** The closed sets of states. One axis each; see docs/architecture.md for what may follow what. */

export const LIFECYCLE_STATES = [
  'created',
  'registered',
  'validated',
  'active',
  'inactive',
  'unregistered',
  'deleted',
] as const;
export type LifecycleState = (typeof LIFECYCLE_STATES)[number];

export const LOAD_STATES = ['empty', 'loading', 'reconciling', 'loaded', 'error'] as const;
export type LoadState = (typeof LOAD_STATES)[number];

export const SLOT_PHASES = [
  'pulling',
  'starting',
  'probing',
  'ready',
  'draining',
  'stopping',
  'backoff',
] as const;
export type SlotPhase = (typeof SLOT_PHASES)[number];

export const ARTIFACT_STATES = [
  'absent',
  'partial',
  'verifying',
  'ready',
  'missing',
  'corrupt',
  'quarantined',
] as const;
export type ArtifactState = (typeof ARTIFACT_STATES)[number];

export const JOB_STATES = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export type JobState = (typeof JOB_STATES)[number];

export const APPROVAL_STATES = ['none', 'pending', 'approved', 'rejected'] as const;
export type ApprovalState = (typeof APPROVAL_STATES)[number];

export const STAGES = ['none', 'staging', 'shadow', 'canary', 'production', 'archived'] as const;
export type Stage = (typeof STAGES)[number];

export const ROLES = ['user', 'reviewer', 'admin', 'superadmin'] as const;
export type Role = (typeof ROLES)[number];

/** reviewer is a user who may vote; it does not reach admin's routes. */
const RANK: Record<Role, number> = { user: 1, reviewer: 1, admin: 2, superadmin: 3 };

/** Whether a caller of role `held` may use something that asks for `needed`. */
export function roleCovers(held: Role, needed: Role): boolean {
  if (needed === 'reviewer') return held !== 'user';
  return RANK[held] >= RANK[needed];
}

/** What follows what for a job; the job store changes no row that is not in a state before the new one. */
export const JOB_TRANSITIONS: Record<JobState, readonly JobState[]> = {
  queued: ['running', 'cancelled'],
  // Back to queued: the agent died, or a resumable job was paused.
  running: ['queued', 'succeeded', 'failed', 'cancelled'],
  succeeded: [],
  failed: [],
  cancelled: [],
};

/** The states that may become `to`. */
export function statesBefore<S extends string>(table: Record<S, readonly S[]>, to: S): S[] {
  return (Object.keys(table) as S[]).filter((from) => table[from].includes(to));
}

/** What follows what for a slot; its reporter refuses anything else. */
export const LOAD_TRANSITIONS: Record<LoadState, readonly LoadState[]> = {
  empty: ['loading'],
  loading: ['loaded', 'error', 'reconciling', 'empty'],
  reconciling: ['loading', 'loaded', 'error', 'empty'],
  loaded: ['reconciling', 'error', 'empty'],
  error: ['loading', 'reconciling', 'empty', 'loaded'],
};
