import type { z } from 'zod';
import type { EffectSchema } from '../../shared/contract/index.ts';
import type { RequestedAction } from '../../shared/lifecycle/index.ts';

export type Effect = z.infer<typeof EffectSchema>;

export interface EffectFacts {
  readonly id: string;
  readonly hosting: 'local' | 'cloud';
  readonly loadedIn: readonly string[];
  readonly bindings: readonly { profile: string; capability: string; is_default: boolean }[];
  readonly validationCurrent: boolean;
  readonly sizeBytes: number;
  readonly uniqueBytes: number;
  readonly source: string;
}

/** What an action would do now, in sentences that dialogs quote. Pure. */
export function effectsOf(action: RequestedAction, facts: EffectFacts): Effect[] {
  switch (action) {
    case 'deactivate':
      return [
        ...facts.bindings
          .filter((binding) => binding.is_default)
          .map((binding) =>
            effect(
              'default_binding',
              `It is the default for ${binding.capability} in profile ${binding.profile}.`,
            ),
          ),
        effect(
          'calls_refused',
          'Calls that name it are refused at once; no other model answers in its place.',
        ),
        ...(facts.loadedIn.length > 0
          ? [effect('stays_loaded', `It stays loaded in ${facts.loadedIn.join(', ')}.`)]
          : []),
        effect('kept', whatStays(facts)),
      ];
    case 'unregister':
      return [
        effect('unmanaged', 'This node stops managing it.'),
        ...(facts.validationCurrent
          ? [effect('validation_ends', 'Its validation ends and must be done again after registering.')]
          : []),
        facts.hosting === 'cloud'
          ? effect('credential_kept', 'Its credential stays as it is.')
          : effect('files_kept', 'Its files stay.', facts.sizeBytes),
      ];
    case 'delete':
      if (facts.hosting === 'cloud') {
        return [
          effect('provider_keeps', 'Nothing changes at the provider, and its credential stays as it is.'),
          effect('tombstone', 'A record of it and its history stays; its number is never used again.'),
        ];
      }
      return [
        effect('frees', 'Its files are deleted.', facts.uniqueBytes),
        ...(facts.uniqueBytes < facts.sizeBytes
          ? [effect('shared', 'Files that other versions need stay.', facts.sizeBytes - facts.uniqueBytes)]
          : []),
        effect('tombstone', 'A record of its digest and history stays; its number is never used again.'),
        ...(facts.source === 'import'
          ? [effect('last_copy', 'It came from a file; after this no copy is known to this node.')]
          : []),
      ];
    case 'activate':
      return [
        effect(
          'callable',
          facts.hosting === 'cloud' || facts.loadedIn.length > 0
            ? 'It answers calls at once.'
            : 'It answers as soon as it is loaded.',
        ),
        ...(facts.hosting === 'cloud'
          ? [effect('leaves_the_node', 'What callers send goes to the provider, which may charge for it.')]
          : []),
      ];
    default:
      return [];
  }
}

function whatStays({ hosting, validationCurrent }: EffectFacts): string {
  if (hosting === 'cloud')
    return validationCurrent ? 'Credential and validation stay.' : 'Its credential stays.';
  return validationCurrent ? 'Files, slot and validation stay.' : 'Files and slot stay.';
}

function effect(code: string, sentence: string, bytes?: number): Effect {
  return bytes === undefined ? { code, sentence } : { code, sentence, bytes };
}
