import { access } from './access.ts';
import { benchmarks } from './benchmarks.ts';
import { catalogue } from './catalogue.ts';
import { common } from './common.ts';
import { credentials } from './credentials.ts';
import { entry } from './entry.ts';
import { families } from './families.ts';
import { hardware } from './hardware.ts';
import { journal } from './journal.ts';
import { modelPage } from './model-page.ts';
import { models } from './models.ts';
import { overview } from './overview.ts';
import { parts } from './parts.ts';
import { playground } from './playground.ts';
import { profile } from './profile.ts';
import { runtimes } from './runtimes.ts';
import { shell } from './shell.ts';
import { slots } from './slots.ts';
import { states } from './states.ts';
import { usage } from './usage.ts';

/** Every text of the UI, in English. Whole sentences, ICU plurals, no markup but named tags. */
export const en = {
  ...common,
  ...states,
  ...parts,
  ...shell,
  ...entry,
  ...journal,
  ...models,
  ...slots,
  ...benchmarks,
  ...hardware,
  ...runtimes,
  ...overview,
  ...playground,
  ...catalogue,
  ...modelPage,
  ...families,
  ...access,
  ...credentials,
  ...usage,
  ...profile,
} as const;
