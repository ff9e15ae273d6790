import { DatabaseMaintenance } from '../kernel/database/maintenance.ts';
import { Egress } from '../kernel/egress.ts';
import { EventHub } from '../kernel/event-hub.ts';
import { JobRunner } from '../kernel/jobs/job-runner.ts';
import { JobStore } from '../kernel/jobs/job-store.ts';
import { Journal } from '../kernel/journal.ts';
import { loadNodeIdentity, loadSigner } from '../kernel/node-identity.ts';
import { RuntimeProfile } from '../kernel/profile.ts';
import { Secrets } from '../kernel/secrets.ts';
import type { Foundation } from './foundation.ts';

export type Kernel = Awaited<ReturnType<typeof composeKernel>>;

/** What every feature stands on: journal, events, secrets, jobs, the profile and the way out. */
export async function composeKernel({ config, paths, database, clock, log, overrides }: Foundation) {
  const journal = new Journal(database, clock);
  const hub = new EventHub(journal);
  const secrets = await Secrets.open(database, paths, clock, overrides.secretsKey ?? null);
  const sign = (): void => {
    journal.signer = loadSigner(database, secrets);
  };
  sign();
  const identity = loadNodeIdentity(database);
  const profile = new RuntimeProfile(database, journal, clock, config.profile);
  const egress = new Egress(
    () => ({ profile: profile.current, allowedPeers: config.allowedPeers, proxy: config.proxy }),
    clock,
  );
  const tellProfile = (): void =>
    hub.publish('system', 'profile', { profile: profile.current, refused_count: egress.refusedCount });
  profile.listen(tellProfile);
  profile.listen(() => void egress.dropForbidden());
  egress.onRefused(tellProfile);
  const maintenance = new DatabaseMaintenance(
    database,
    paths.backups,
    clock,
    log.child({ part: 'database' }),
  );
  const jobs = new JobRunner({
    store: new JobStore(database, clock),
    database,
    journal,
    hub,
    clock,
    log: log.child({ part: 'jobs' }),
  });
  return { journal, hub, secrets, identity, profile, egress, maintenance, jobs, onUnlocked: sign };
}
