import type { Credential, Job, Key, Model, Slot, System } from '../../../shared/contract/index.ts';
import { t } from '../../strings/text.ts';
import { isDown } from '../slots/words.ts';
import { modelTitle } from '../models/words.ts';

/** What is worth saying first about the node, and what waits for a person. All from facts the agent sent. */

export interface Waiting {
  readonly id: string;
  readonly harm: 'bad' | 'warn';
  readonly kind:
    | 'slot'
    | 'job'
    | 'stale'
    | 'artifact'
    | 'unloaded'
    | 'database'
    | 'secrets'
    | 'key'
    | 'credential';
  readonly sentence: string;
  readonly since: string | null;
  readonly button: string;
  readonly to: string;
  /** What the button opens instead of a page. */
  readonly opens?: { readonly loadModel: string };
}

export interface NodeFacts {
  readonly slots: readonly Slot[];
  readonly failedJobs: readonly Job[];
  readonly models: readonly Model[];
  readonly system: System | undefined;
  /** Keys of applications that end soon, with how long they still work. Only a superadmin sees them. */
  readonly endingKeys?: readonly { readonly key: Key; readonly rest: string }[];
  /** Those in force whose provider did not take them. */
  readonly failingCredentials?: readonly Credential[];
}

/** What waits for a person, the most harmful first. Pure. */
export function waiting(facts: NodeFacts): Waiting[] {
  const { slots, failedJobs, models, system } = facts;
  return [
    ...systemTroubles(system),
    ...slots.filter(isDown).map((slot): Waiting => ({
      id: `slot:${slot.id}`,
      harm: 'bad',
      kind: 'slot',
      sentence: t('waits.slot', { slot: slot.id, message: slot.load_error?.message ?? '' }),
      since: slot.load_error?.at ?? null,
      button: t('waits.seeFix'),
      to: `/slots/${slot.id}`,
    })),
    ...models.filter(hasBadFiles).map((model): Waiting => ({
      id: `artifact:${model.id}`,
      harm: 'bad',
      kind: 'artifact',
      sentence: t('waits.artifact', {
        model: modelTitle(model),
        state: t(`artifact.${model.artifact?.artifact_status ?? 'missing'}`),
      }),
      since: model.updated_at,
      button: t('action.open'),
      to: `/models/${model.id}/artifacts`,
    })),
    ...models
      .filter((model) => isCounted(model) && isUnloaded(model, slots))
      .map((model): Waiting => ({
        id: `unloaded:${model.id}`,
        harm: 'warn',
        kind: 'unloaded',
        sentence: t('waits.unloaded', { model: modelTitle(model) }),
        since: null,
        button: t('modelAction.load'),
        to: `/models/${model.id}`,
        opens: { loadModel: model.id },
      })),
    ...models
      .filter((model) => model.validation_error !== null && isManaged(model))
      .map((model): Waiting => ({
        id: `stale:${model.id}`,
        harm: 'warn',
        kind: 'stale',
        sentence: t('waits.stale', {
          model: modelTitle(model),
          message: model.validation_error?.message ?? '',
        }),
        since: model.updated_at,
        button: t('model.testAndValidate'),
        to: `/models/${model.id}/test`,
      })),
    ...failedJobs.map((job): Waiting => ({
      id: `job:${job.id}`,
      harm: 'warn',
      kind: 'job',
      sentence: t('waits.job', { title: job.title, message: job.error?.message ?? '' }),
      since: job.finished_at,
      button: t('jobs.see'),
      to: `/jobs/${job.id}`,
    })),
    ...accessTroubles(facts),
  ];
}

/** What stops calls later, or calls to a provider now. */
function accessTroubles({ endingKeys = [], failingCredentials = [] }: NodeFacts): Waiting[] {
  return [
    ...failingCredentials.map((credential): Waiting => ({
      id: `credential:${credential.id}`,
      harm: 'warn',
      kind: 'credential',
      sentence: t('waits.credential', {
        name: credential.display_name,
        message: credential.last_probe?.message ?? '',
      }),
      since: credential.last_probe?.at ?? null,
      button: t('action.open'),
      to: `/credentials/${credential.id}`,
    })),
    ...endingKeys.map(({ key, rest }): Waiting => ({
      id: `key:${key.id}`,
      harm: 'warn',
      kind: 'key',
      sentence: t('waits.key', { name: key.name, last4: key.last4, span: rest }),
      since: null,
      button: t('action.open'),
      to: `/access/keys/${key.id}`,
    })),
  ];
}

function systemTroubles(system: System | undefined): Waiting[] {
  if (system === undefined) return [];
  const rows: Waiting[] = [];
  if (system.database.state === 'corrupt')
    rows.push({
      id: 'database',
      harm: 'bad',
      kind: 'database',
      sentence: t('waits.database'),
      since: null,
      button: t('waits.seeFix'),
      to: '/doctor#database',
    });
  if (system.secrets.state === 'locked')
    rows.push({
      id: 'secrets',
      harm: 'warn',
      kind: 'secrets',
      sentence: t('waits.secrets'),
      since: null,
      button: t('waits.seeFix'),
      to: '/doctor#secrets',
    });
  return rows;
}

function hasBadFiles(model: Model): boolean {
  const status = model.artifact?.artifact_status;
  return isManaged(model) && (status === 'missing' || status === 'corrupt' || status === 'quarantined');
}

function isManaged(model: Model): boolean {
  return model.lifecycle_state !== 'unregistered' && model.lifecycle_state !== 'deleted';
}

/** The sample is there to look at once; nobody waits for it. */
function isCounted(model: Model): boolean {
  return model.lifecycle_state === 'active' && !model.is_sample;
}

/** Calls for it are refused, and nothing is on the way. */
function isUnloaded(model: Model, slots: readonly Slot[]): boolean {
  return (
    model.hosting === 'local' &&
    model.loaded_in.length === 0 &&
    !slots.some((slot) => slot.assigned_model_id === model.id)
  );
}

function holdsNothingElse(slot: Slot, models: readonly Model[]): boolean {
  const id = slot.loaded_managed_model_id ?? slot.assigned_model_id;
  return id === null || models.some((model) => model.id === id && model.is_sample);
}

export interface Verdict {
  readonly tone: 'ok' | 'warn' | 'bad' | 'idle';
  readonly sentence: string;
  readonly fix: Waiting | null;
}

/** One sentence about everything: all right, or the worst fact with its way out. Pure. */
export function verdict(facts: NodeFacts, runningJobs: number): Verdict {
  const rows = waiting(facts);
  const [worst] = rows;
  const serving = facts.slots.filter((slot) => slot.load_state === 'loaded').length;
  const down = facts.slots.filter(isDown);
  const [first] = down;
  if (first !== undefined && worst?.kind === 'slot')
    return {
      tone: 'bad',
      sentence: t('verdict.slotDown', {
        count: down.length,
        slot: first.id,
        message: first.load_error?.message ?? '',
      }),
      fix: worst,
    };
  if (worst?.harm === 'bad') return { tone: 'bad', sentence: worst.sentence, fix: worst };
  if (rows.length > 0 && worst !== undefined)
    return {
      tone: 'warn',
      sentence: t('verdict.waits', { serving, count: rows.length, sentence: worst.sentence }),
      fix: worst,
    };
  if (serving === 0 && facts.slots.every((slot) => slot.assigned_model_id === null))
    return { tone: 'idle', sentence: t('verdict.idle'), fix: null };
  const loading = facts.slots.filter((slot) => slot.load_state === 'loading').length;
  if (serving > 0 && loading === 0 && facts.slots.every((slot) => holdsNothingElse(slot, facts.models)))
    return { tone: 'ok', sentence: t('verdict.sample'), fix: null };
  return {
    tone: 'ok',
    sentence: t('verdict.ok', { serving, jobs: runningJobs, loading }),
    fix: null,
  };
}
