import type { Progress, EffectSchema } from '../../shared/contract/index.ts';
import type { z } from 'zod';
import { SOURCE_WORDS, type Profile, type ProfileState } from '../kernel/profile.ts';

type Effect = z.infer<typeof EffectSchema>;

/** What a switch of the profile touches, as it is now. */
export interface ProfileFacts {
  readonly state: ProfileState;
  /** Ids of active models at providers. */
  readonly activeCloudModels: readonly string[];
  /** Slots that serve a local model. */
  readonly servingSlots: number;
  readonly downloads: readonly { readonly title: string; readonly progress: Progress | null }[];
  /** Where the credentials in use lead, one row a host. */
  readonly providerHosts: readonly {
    readonly host: string;
    readonly credentials: number;
    readonly models: number;
  }[];
}

const NAMED = 3;

/** What switching to a profile would do now, in sentences that dialogs and the CLI quote. Pure. */
export function profileEffects(target: Profile, facts: ProfileFacts): Effect[] {
  const { state } = facts;
  if (state.locked)
    return [
      effect(
        'locked',
        `The profile is ${state.profile}, set by ${SOURCE_WORDS[state.source]} when the agent started. Change it there and restart the agent.`,
      ),
    ];
  if (state.profile === target) return [effect('unchanged', `This node is ${target} already.`)];
  return target === 'offline' ? goingOffline(facts) : goingOnline(facts);
}

function goingOffline({ downloads, activeCloudModels, providerHosts, servingSlots }: ProfileFacts): Effect[] {
  return [
    ...downloads.map(({ title, progress }) =>
      effect('download_pauses', `Pauses “${title}”${percent(progress)}.`),
    ),
    ...(activeCloudModels.length === 0
      ? []
      : [
          effect(
            'cloud_models_refused',
            `Refuses calls of ${count(activeCloudModels.length, 'active cloud model')} until the node is online again: ${named(activeCloudModels)}. They stay active.`,
          ),
        ]),
    ...(providerHosts.length === 0
      ? []
      : [
          effect(
            'providers_refused',
            `Nothing is asked of ${named(providerHosts.map(({ host }) => host))}: no discovery, no test, no renewal of a validation.`,
          ),
        ]),
    servingSlots === 0
      ? effect('local_unaffected', 'Local models are not affected.')
      : effect(
          'keeps_serving',
          `${count(servingSlots, 'local slot')} ${servingSlots === 1 ? 'keeps' : 'keep'} serving.`,
        ),
  ];
}

function goingOnline({ downloads, providerHosts }: ProfileFacts): Effect[] {
  return [
    ...providerHosts.map(({ host, credentials, models }) =>
      effect(
        'may_connect',
        `This node may then connect to ${host}, for ${count(credentials, 'credential')} and ${count(models, 'model')}.`,
      ),
    ),
    ...(providerHosts.length > 0
      ? []
      : [effect('no_hosts', 'No credential names a provider, so nothing connects anywhere by itself.')]),
    ...downloads.map(({ title, progress }) =>
      effect('download_resumes', `Goes on with “${title}”${percent(progress)}.`),
    ),
    effect('local_unaffected', 'Local models are not affected.'),
  ];
}

function effect(code: string, sentence: string): Effect {
  return { code, sentence };
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

function named(all: readonly string[]): string {
  const shown = all.slice(0, NAMED).join(', ');
  return all.length > NAMED ? `${shown} and ${all.length - NAMED} more` : shown;
}

function percent(progress: Progress | null): string {
  const { bytes_done: done, bytes_total: total } = progress ?? {};
  if (done === undefined || total == null || total === 0) return '';
  return ` at ${Math.floor((done / total) * 100)} %`;
}
