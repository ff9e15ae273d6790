import type { z } from 'zod';
import type { EffectSchema } from '../../../shared/contract/index.ts';

type Effect = z.infer<typeof EffectSchema>;
export type SlotAction = 'load' | 'unload' | 'restart' | 'change' | 'delete';

export interface Caller {
  readonly name: string;
  readonly calls: number;
}

/** Who called a model; composition fills it from usage. */
export interface CallerFacts {
  /** Keys that called it since then, the busiest first. */
  callersOf(modelId: string, since: number): readonly Caller[];
}

export interface SlotEffectFacts {
  readonly slotId: string;
  readonly enabled: boolean;
  /** What it serves now; null when it serves nothing. */
  readonly serves: string | null;
  /** What it shall hold. */
  readonly wants: string | null;
  /** For `load`: the model. */
  readonly loads: string | null;
  readonly running: number;
  readonly drainSeconds: number;
  /** Of what it serves, in the last hour. */
  readonly callers: readonly Caller[];
  /** Other slots that serve the same model. */
  readonly alsoServedBy: readonly string[];
  /** How long what is started next usually takes; null when it was never loaded here. */
  readonly usualLoadMs: number | null;
  /** Whether memory allows the new runtime beside the old one; null where nothing is replaced. */
  readonly isRoom: boolean | null;
  /** For `change`: the settings that differ. */
  readonly changed: readonly string[];
  /** For `change`: a setting among them can change answers, and the model holds no validation for that. */
  readonly needsValidation: boolean;
  readonly memoryBytes: number | null;
  readonly settings: number;
  readonly logs: number;
}

/** What an action on a slot would do now, in sentences that dialogs quote. Pure. */
export function slotEffectsOf(action: SlotAction, facts: SlotEffectFacts): Effect[] {
  switch (action) {
    case 'load':
      return loadEffects(facts);
    case 'unload':
      return unloadEffects(facts);
    case 'restart':
      return replaceEffects(facts);
    case 'change':
      return changeEffects(facts);
    case 'delete':
      return deleteEffects(facts);
  }
}

function loadEffects(facts: SlotEffectFacts): Effect[] {
  const { serves, loads, slotId, alsoServedBy } = facts;
  if (loads !== null && loads === serves)
    return [effect('nothing', `${slotId} serves ${loads} already. Nothing changes.`)];
  if (serves === null) return [...duration(facts)];
  return [
    effect('replaces', `${serves} leaves ${slotId}.`),
    ...whoCalls(facts),
    ...(alsoServedBy.length > 0
      ? [effect('served_elsewhere', `${serves} goes on in ${alsoServedBy.join(', ')}.`)]
      : [effect('calls_refused', `Calls that name ${serves} are refused afterwards with model_not_loaded.`)]),
    ...gap(facts),
    ...runningRequests(facts),
    ...duration(facts),
  ];
}

function unloadEffects(facts: SlotEffectFacts): Effect[] {
  const { serves, wants, slotId, alsoServedBy } = facts;
  if (serves === null && wants === null) return [effect('nothing', `${slotId} holds no model.`)];
  if (serves === null) return [effect('given_up', `Loading ${wants ?? ''} is given up.`)];
  return [
    ...whoCalls(facts),
    ...runningRequests(facts),
    ...(alsoServedBy.length > 0
      ? [effect('served_elsewhere', `Calls go on in ${alsoServedBy.join(', ')}.`)]
      : [effect('calls_refused', 'New calls are refused with model_not_loaded.')]),
    ...(facts.memoryBytes === null ? [] : [effect('frees', 'Its memory becomes free.', facts.memoryBytes)]),
    effect('kept', 'The model keeps its state, and its files stay.'),
    ...(facts.usualLoadMs === null
      ? []
      : [effect('load_again', `Loading it again takes ${about(facts.usualLoadMs)}.`)]),
  ];
}

function replaceEffects(facts: SlotEffectFacts): Effect[] {
  if (facts.serves === null) {
    return facts.wants === null || !facts.enabled
      ? [effect('nothing', `${facts.slotId} holds no model; nothing is started.`)]
      : [effect('starts', `${facts.wants} is started again.`), ...duration(facts)];
  }
  return [...whoCalls(facts), ...gap(facts), ...runningRequests(facts), ...duration(facts)];
}

function changeEffects(facts: SlotEffectFacts): Effect[] {
  if (facts.changed.length === 0) return [effect('nothing', 'Nothing differs from what it has.')];
  const count = facts.changed.length === 1 ? '1 setting changes' : `${facts.changed.length} settings change`;
  return [
    effect('settings', `${count}: ${facts.changed.join(', ')}.`),
    ...replaceEffects(facts),
    ...(facts.needsValidation
      ? [
          effect(
            'validation_needed',
            `${facts.wants ?? 'The model'} holds no validation for this. Calls are refused until it is tested and validated on ${facts.slotId} again.`,
          ),
        ]
      : []),
  ];
}

function deleteEffects({ slotId, serves, wants, settings, logs }: SlotEffectFacts): Effect[] {
  const holds = serves ?? wants;
  return [
    ...(holds === null
      ? []
      : [effect('refused', `${slotId} holds ${holds}, so it is not deleted. Unload it first.`)]),
    effect('goes', `Its ${plural(settings, 'setting')} and ${plural(logs, 'kept log')} go.`),
    effect('kept', 'No model and no file is deleted.'),
  ];
}

function whoCalls({ callers, running }: SlotEffectFacts): Effect[] {
  if (callers.length === 0)
    return [
      effect(
        'callers',
        running === 0
          ? 'Nobody uses it now, and nobody called it in the last hour.'
          : 'Nobody finished a call in the last hour.',
      ),
    ];
  const named = callers.slice(0, 3).map((caller) => caller.name);
  const more = callers.length - named.length;
  const names = more > 0 ? `${named.join(', ')} and ${more} more` : listed(named);
  const calls = callers.reduce((sum, caller) => sum + caller.calls, 0);
  return [effect('callers', `${names} called it in the last hour, ${plural(calls, 'time')}.`)];
}

function runningRequests({ running, drainSeconds }: SlotEffectFacts): Effect[] {
  if (running === 0) return [];
  const are = running === 1 ? '1 request is running' : `${running} requests are running`;
  const get = running === 1 ? 'It gets' : 'They get';
  return [effect('running_requests', `${are}. ${get} ${drainSeconds} s to finish.`)];
}

/** Whether callers notice the change from one runtime to the next. */
function gap({ isRoom, slotId, usualLoadMs }: SlotEffectFacts): Effect[] {
  if (isRoom === null) return [];
  if (isRoom) {
    return [
      effect(
        'no_gap',
        'Memory allows the new runtime beside the old one: the old one answers until the new one is ready.',
      ),
    ];
  }
  const away = usualLoadMs === null ? 'while it loads' : about(usualLoadMs);
  return [effect('gap', `Memory does not allow both at once: ${slotId} is away ${away}.`)];
}

function duration({ usualLoadMs }: SlotEffectFacts): Effect[] {
  return usualLoadMs === null
    ? [effect('first_load', 'It was not loaded here before, so nobody knows how long it takes.')]
    : [effect('takes', `Loading usually takes ${about(usualLoadMs)}.`)];
}

function listed(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

function plural(count: number, word: string): string {
  return count === 1 ? `1 ${word}` : `${count} ${word}s`;
}

function about(ms: number): string {
  if (ms < 1000) return 'less than a second';
  return ms < 120_000 ? `about ${Math.round(ms / 1000)} s` : `about ${Math.round(ms / 60_000)} min`;
}

function effect(code: string, sentence: string, bytes?: number): Effect {
  return bytes === undefined ? { code, sentence } : { code, sentence, bytes };
}
