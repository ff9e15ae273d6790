import type { DockerImages } from '../../adapters/docker/index.ts';
import type { Egress } from '../../kernel/egress.ts';
import type { JobRunner } from '../../kernel/jobs/job-runner.ts';
import type { RuntimeProfile } from '../../kernel/profile.ts';
import type { ImageDesk } from './image-desk.ts';

/** What pulls, imports and exports work with. */
export interface ImageJobDeps {
  readonly jobs: JobRunner;
  readonly engine: DockerImages;
  readonly desk: ImageDesk;
  readonly egress: Egress;
  readonly profile: RuntimeProfile;
}
