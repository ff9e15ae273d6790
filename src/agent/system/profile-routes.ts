import type { Endpoints, Progress } from '../../shared/contract/index.ts';
import type { Router } from '../../server/router.ts';
import { toIso } from '../kernel/clock.ts';
import type { Database } from '../kernel/database/database.ts';
import type { Egress } from '../kernel/egress.ts';
import type { JobRunner } from '../kernel/jobs/job-runner.ts';
import type { RuntimeProfile } from '../kernel/profile.ts';
import type { Slots } from '../runtimes/index.ts';
import { profileEffects, type ProfileFacts } from './profile-effects.ts';

export interface ProfileRouteDeps {
  readonly database: Database;
  readonly profile: RuntimeProfile;
  readonly egress: Egress;
  readonly slots: Slots;
  readonly jobs: JobRunner;
}

/** Online or offline: the state, the switch, what it would do, and what was refused. */
export function profileRoutes(router: Router<Endpoints>, deps: ProfileRouteDeps): void {
  const { profile, egress } = deps;
  const answer = () => ({ ...profile.state, refused_count: egress.refusedCount });

  router.implement('getProfile', answer);
  router.implement('putProfile', async ({ body }, { caller }) => {
    await profile.set(body.profile, caller.principalId);
    return answer();
  });
  router.implement('previewProfileEffects', ({ body }) => ({
    effects: profileEffects(body.profile, readFacts(deps)),
  }));
  router.implement('listRefusedAttempts', () => ({
    attempts: egress.refusedAttempts.map((attempt) => ({ ...attempt, at: toIso(attempt.at) })),
    refused_count: egress.refusedCount,
  }));
}

function readFacts({ database, profile, slots, jobs }: ProfileRouteDeps): ProfileFacts {
  const cloud = database
    .prepare<{ id: string }>(
      "SELECT id FROM models WHERE hosting = 'cloud' AND lifecycle_state = 'active' ORDER BY id",
    )
    .all({});
  const credentials = database
    .prepare<{ api_base_url: string; models: number }>(
      `SELECT api_base_url, (SELECT COUNT(*) FROM models
         WHERE credential_id = credentials.id AND lifecycle_state NOT IN ('unregistered', 'deleted')) AS models
       FROM credentials WHERE revoked_at IS NULL ORDER BY created_at, id`,
    )
    .all({});
  const hosts = new Map<string, { host: string; credentials: number; models: number }>();
  for (const { api_base_url: url, models } of credentials) {
    const { host } = new URL(url);
    const known = hosts.get(host) ?? { host, credentials: 0, models: 0 };
    hosts.set(host, { host, credentials: known.credentials + 1, models: known.models + models });
  }
  return {
    state: profile.state,
    activeCloudModels: cloud.map(({ id }) => id),
    servingSlots: slots.list().filter((slot) => slot.load_state === 'loaded').length,
    downloads: [...jobs.store.inState('running'), ...jobs.store.inState('queued')]
      .filter((job) => job.kind === 'download' || job.kind === 'image_pull')
      .map((job) => ({
        title: job.title,
        progress: job.progress === null ? null : (JSON.parse(job.progress) as Progress),
      })),
    providerHosts: [...hosts.values()],
  };
}
