import type { ErrorCode } from '../contract/errors.ts';
import type { ArtifactState, LifecycleState } from './states.ts';

/**
 * The lifecycle of a managed model: one table and one pure `decide()`.
 *
 * Rows and the order of their guards are design decisions; use cases, the `actions` the server sends with a
 * model, the SQL checks, the diagram in docs/architecture.md and the exhaustive test all read this table.
 */

export const MODEL_ACTIONS = [
  'register',
  'assign',
  'test',
  'validate',
  'activate',
  'deactivate',
  'unregister',
  'delete',
  'mark_stale',
  'recall',
] as const;
export type ModelAction = (typeof MODEL_ACTIONS)[number];

/** The actions a person asks for; the others happen. */
export const REQUESTED_ACTIONS = [
  'register',
  'assign',
  'test',
  'validate',
  'activate',
  'deactivate',
  'unregister',
  'delete',
] as const satisfies readonly ModelAction[];
export type RequestedAction = (typeof REQUESTED_ACTIONS)[number];

export type CredentialState = 'not_required' | 'missing' | 'active' | 'revoked';

/** A test run as the validation guards see it. */
export interface TestRunFacts {
  readonly id: string;
  readonly model_id: string;
  readonly result: 'success' | 'failure';
  /** Whether its fingerprint equals the model's fingerprint now, on the runtime identity it was run on. */
  readonly fingerprint_current: boolean;
  /** Whether it is newer than the validation in force for its runtime identity. */
  readonly newer_than_validation: boolean;
}

/** Everything the guards may ask about a model. Gathered in the transaction that changes it. */
export interface ModelFacts {
  readonly id: string;
  readonly hosting: 'local' | 'cloud';
  readonly lifecycle_state: LifecycleState;
  readonly recalled: { readonly reason: string; readonly by: string } | null;
  readonly artifact_status: ArtifactState;
  readonly credential: CredentialState;
  readonly profile: 'online' | 'offline';
  /** Current for at least one runtime identity. */
  readonly validation_current: boolean;
  readonly validation_stale_reason: string | null;
  /** Slots whose desired model this is. */
  readonly assigned_slots: readonly string[];
  readonly bindings: readonly {
    readonly profile: string;
    readonly capability: string;
    readonly is_default: boolean;
  }[];
  readonly aliases: readonly string[];
  readonly holds: readonly string[];
}

/** What a request adds to the facts. Each field is needed by the guards of one action only. */
export interface ActionInput {
  readonly note?: string | undefined;
  /** assign: why this model cannot run in that slot, or null. */
  readonly slot_mismatch?: { readonly message: string; readonly details: Record<string, unknown> } | null;
  /** assign: the memory verdict; null when nothing was estimated. */
  readonly memory?: {
    readonly fits: boolean;
    readonly message: string;
    readonly details: Record<string, unknown>;
  } | null;
  readonly memory_override?: boolean;
  /** test: what is wrong with the inputs, or null. */
  readonly input_problem?: string | null;
  /** validate */
  readonly test_run_id?: string | undefined;
  readonly test_run?: TestRunFacts | null;
}

export interface Refusal {
  readonly ok: false;
  readonly code: ErrorCode;
  readonly reason: string;
  /** What would satisfy it. */
  readonly hint: string;
  /** Which guard said no; `state` is the first of all. */
  readonly guard: GuardId | 'state';
  readonly details?: Record<string, unknown>;
}

export type Verdict = { readonly ok: true; readonly to: LifecycleState } | Refusal;

/** What a guard says against an action; its name and what would satisfy it are added where it was asked. */
interface Objection {
  readonly code: ErrorCode;
  readonly reason: string;
  readonly details?: Record<string, unknown>;
}

type Guard = (facts: ModelFacts, input: ActionInput) => Objection | null;

const refuse = (code: ErrorCode, reason: string, details?: Record<string, unknown>): Objection =>
  details === undefined ? { code, reason } : { code, reason, details };

const STALE_WORDS: Record<string, string> = {
  content_changed: 'the files changed',
  config_changed: 'the configuration changed',
  credential_changed: 'the credential changed',
  credential_revoked: 'the credential was revoked',
  runtime_changed: 'the runtime changed',
  expired: 'it expired',
  unregistered: 'the model was unregistered',
  check_failed: 'a check that it needs found a problem',
};

/** The reason of a stale validation in words; unknown reasons come back as they are. */
export function staleWords(reason: string): string {
  return STALE_WORDS[reason] ?? reason;
}

export const GUARDS = {
  not_recalled: ({ recalled }) =>
    recalled === null
      ? null
      : refuse('recalled', `Recalled by ${recalled.by}: ${recalled.reason}.`, { ...recalled }),

  artifact_ready: ({ hosting, artifact_status }) =>
    hosting === 'cloud' || artifact_status === 'ready'
      ? null
      : refuse('artifact_not_ready', `The files of this model are ${artifact_status}, not ready.`, {
          artifact_status,
        }),

  fits_slot: (_facts, { slot_mismatch }) =>
    slot_mismatch == null ? null : refuse('unsupported_format', slot_mismatch.message, slot_mismatch.details),

  fits_memory: (_facts, { memory, memory_override }) =>
    memory == null || memory.fits || memory_override === true
      ? null
      : refuse('insufficient_vram', memory.message, memory.details),

  input_usable: (_facts, { input_problem }) =>
    input_problem == null ? null : refuse('invalid_argument', input_problem, { fields: ['inputs'] }),

  validation_outdated: ({ validation_current }, { test_run }) =>
    validation_current && test_run?.newer_than_validation !== true
      ? refuse('validation_already_current', 'This model is validated and nothing changed since.')
      : null,

  test_run_named: (_facts, { test_run_id }) =>
    test_run_id === undefined
      ? refuse('validation_test_required', 'Validation needs a successful test of these exact bytes.')
      : null,

  test_run_exists: (_facts, { test_run, test_run_id }) =>
    test_run == null
      ? refuse('test_run_not_found', `There is no test run ${test_run_id ?? ''}.`, { test_run_id })
      : null,

  test_run_of_this_model: ({ id }, { test_run }) =>
    test_run != null && test_run.model_id !== id
      ? refuse('test_run_mismatch', `Test run ${test_run.id} belongs to ${test_run.model_id}.`, {
          model_id: test_run.model_id,
        })
      : null,

  test_run_succeeded: (_facts, { test_run }) =>
    test_run?.result === 'failure'
      ? refuse('validation_test_failed', `Test run ${test_run.id} failed.`, { test_run_id: test_run.id })
      : null,

  test_run_current: (_facts, { test_run }) =>
    test_run != null && !test_run.fingerprint_current
      ? refuse(
          'validation_test_stale',
          'The files, the configuration or the runtime changed since that test.',
          {
            test_run_id: test_run.id,
          },
        )
      : null,

  credential_usable: ({ credential }) =>
    credential === 'active' || credential === 'not_required'
      ? null
      : refuse('credential_unavailable', `The credential of this model is ${credential}.`, { credential }),

  validated: ({ validation_current, validation_stale_reason }) =>
    validation_current
      ? null
      : refuse(
          'validation_failed',
          validation_stale_reason === null
            ? 'This model was not validated yet.'
            : `The validation no longer holds: ${staleWords(validation_stale_reason)}.`,
          validation_stale_reason === null ? undefined : { reason: validation_stale_reason },
        ),

  allowed_by_profile: ({ hosting, profile, id }) =>
    hosting === 'cloud' && profile === 'offline'
      ? refuse('offline_not_allowed', `${id} runs at a provider, and this node is offline.`)
      : null,

  note_if_default: ({ bindings }, { note }) => {
    const defaults = bindings.filter((binding) => binding.is_default);
    if (defaults.length === 0 || (note ?? '').trim() !== '') return null;
    return refuse(
      'invalid_argument',
      'It is the default of a deployment profile; say in a note why it goes.',
      {
        fields: ['note'],
        bindings: defaults,
      },
    );
  },

  not_bound_or_assigned: ({ bindings, assigned_slots }) =>
    bindings.length === 0 && assigned_slots.length === 0
      ? null
      : refuse('dependencies_unsatisfied', dependents({ bindings, assigned_slots }), {
          bindings,
          slots: assigned_slots,
        }),

  not_needed: ({ bindings, aliases, holds }) =>
    bindings.length === 0 && aliases.length === 0 && holds.length === 0
      ? null
      : refuse('dependencies_unsatisfied', dependents({ bindings, aliases, holds }), {
          bindings,
          aliases,
          holds,
        }),
} as const satisfies Record<string, Guard>;

export type GuardId = keyof typeof GUARDS;

function dependents({
  bindings,
  assigned_slots = [],
  aliases = [],
  holds = [],
}: Pick<ModelFacts, 'bindings'> & Partial<Pick<ModelFacts, 'assigned_slots' | 'aliases' | 'holds'>>): string {
  const parts = [
    ...(assigned_slots.length > 0 ? [`assigned to slot ${assigned_slots.join(', ')}`] : []),
    ...(bindings.length > 0 ? [`bound in ${bindings.map((binding) => binding.profile).join(', ')}`] : []),
    ...(aliases.length > 0 ? [`what the alias ${aliases.join(', ')} points at`] : []),
    ...(holds.length > 0 ? [`held by ${holds.join(', ')}`] : []),
  ];
  return `It is ${parts.join(' and ')}.`;
}

/** What would satisfy each guard, told with its refusal. */
const REMEDIES: Record<GuardId, string> = {
  not_recalled: 'Ask whoever recalled it; another version may be free of the problem.',
  artifact_ready: 'Import the same files again: bytes that changed or are missing are replaced.',
  fits_slot: 'Choose a slot of the capability that its task needs, with a runtime that reads its format.',
  fits_memory: 'Lower the context length, free memory, or override explicitly.',
  input_usable: 'Send the inputs that its task asks for.',
  validation_outdated: 'Nothing to do. Run a new test if you want to validate again.',
  test_run_named: 'Run a test, then validate with the id of that test run.',
  test_run_exists: 'See the test runs of this model for the ids there are.',
  test_run_of_this_model: 'Use a test run of this model.',
  test_run_succeeded: 'Only a successful test run validates a model. Run the test again.',
  test_run_current: 'Something that matters changed since that test. Run the test again.',
  credential_usable: 'Give the model a credential that is active.',
  validated: 'Test the model and validate it with that test.',
  allowed_by_profile: 'Switch the runtime profile to online, or use a local model.',
  note_if_default: 'Send a note with the reason.',
  not_bound_or_assigned: 'Unload it from the slots and take it out of the profiles that details name.',
  not_needed: 'Point the aliases elsewhere or remove them, and release what details name.',
};

/** The shortest way of requested actions from a state into one of those that are allowed, in words. */
function stateRemedy(allowed: readonly string[], now: LifecycleState): string {
  const ways: { state: LifecycleState; steps: RequestedAction[] }[] = [{ state: now, steps: [] }];
  const seen = new Set<LifecycleState>([now]);
  for (const { state, steps } of ways) {
    for (const action of REQUESTED_ACTIONS) {
      const to = MODEL_LIFECYCLE[action].from[state];
      if (to === undefined || seen.has(to)) continue;
      const way = [...steps, action];
      if (allowed.includes(to)) return `First ${way.join(', then ')} it.`;
      seen.add(to);
      ways.push({ state: to, steps: way });
    }
  }
  return 'No action of a person leads there.';
}

interface LifecycleRow {
  /** The states the action is possible in, and what each becomes. */
  readonly from: Partial<Record<LifecycleState, LifecycleState>>;
  /** Asked in this order after the state; the first that refuses answers. */
  readonly guards: readonly GuardId[];
}

const unchanged = (...states: LifecycleState[]): Partial<Record<LifecycleState, LifecycleState>> =>
  Object.fromEntries(states.map((state) => [state, state]));

const MANAGED = [
  'registered',
  'validated',
  'inactive',
  'active',
] as const satisfies readonly LifecycleState[];

export const MODEL_LIFECYCLE: Record<ModelAction, LifecycleRow> = {
  register: {
    from: { created: 'registered', unregistered: 'registered' },
    guards: ['not_recalled', 'artifact_ready'],
  },
  assign: {
    from: unchanged(...MANAGED),
    guards: ['not_recalled', 'artifact_ready', 'fits_slot', 'fits_memory'],
  },
  // What goes wrong after these two guards is recorded as a failed run, so it is not a guard.
  test: { from: unchanged(...MANAGED), guards: ['input_usable'] },
  validate: {
    from: { registered: 'validated', validated: 'validated', inactive: 'validated', active: 'active' },
    guards: [
      'validation_outdated',
      'test_run_named',
      'test_run_exists',
      'test_run_of_this_model',
      'test_run_succeeded',
      'test_run_current',
    ],
  },
  activate: {
    from: { validated: 'active', inactive: 'active' },
    guards: ['not_recalled', 'credential_usable', 'validated', 'allowed_by_profile'],
  },
  deactivate: { from: { active: 'inactive' }, guards: ['note_if_default'] },
  unregister: {
    from: {
      created: 'unregistered',
      registered: 'unregistered',
      validated: 'unregistered',
      inactive: 'unregistered',
    },
    guards: ['not_bound_or_assigned'],
  },
  delete: { from: { unregistered: 'deleted' }, guards: ['not_needed'] },
  mark_stale: {
    from: {
      ...unchanged('created', 'registered', 'inactive', 'unregistered', 'deleted'),
      validated: 'registered',
      active: 'inactive',
    },
    guards: [],
  },
  recall: {
    from: {
      ...unchanged('created', 'registered', 'validated', 'inactive', 'unregistered', 'deleted'),
      active: 'inactive',
    },
    guards: [],
  },
};

/** Where a new model starts. */
export const INITIAL_STATE = { local: 'created', cloud: 'registered' } as const satisfies Record<
  string,
  LifecycleState
>;

/**
 * Whether an action is possible now, and what the model becomes.
 * Pure: the same facts give the same verdict in the use case, the list of actions and the tests.
 */
export function decide(action: ModelAction, facts: ModelFacts, input: ActionInput = {}): Verdict {
  const rule = MODEL_LIFECYCLE[action];
  const to = rule.from[facts.lifecycle_state];
  if (to === undefined) {
    const allowed = Object.keys(rule.from);
    return {
      ok: false,
      guard: 'state',
      code: 'invalid_state_transition',
      reason: `A model that is ${facts.lifecycle_state} cannot ${verb(action)}; it has to be ${allowed.join(' or ')}.`,
      hint: stateRemedy(allowed, facts.lifecycle_state),
      details: { action, lifecycle_state: facts.lifecycle_state, allowed_from: allowed },
    };
  }
  for (const guard of rule.guards) {
    const objection = GUARDS[guard](facts, input);
    if (objection !== null) return { ok: false, guard, hint: REMEDIES[guard], ...objection };
  }
  return { ok: true, to };
}

const PASSIVE: Record<ModelAction, string> = {
  register: 'be registered',
  assign: 'be assigned to a slot',
  test: 'be tested',
  validate: 'be validated',
  activate: 'be activated',
  deactivate: 'be deactivated',
  unregister: 'be unregistered',
  delete: 'be deleted',
  mark_stale: 'become stale',
  recall: 'be recalled',
};

function verb(action: ModelAction): string {
  return PASSIVE[action];
}

/**
 * The verdict on an action before its request is written, for the `actions` sent with a model. Guards that judge the
 * request alone (inputs, a slot, a note) have nothing to judge yet; for `validate` the newest usable test run is taken.
 */
export function preview(
  action: RequestedAction,
  facts: ModelFacts,
  newestTestRun: TestRunFacts | null,
): Verdict {
  if (action === 'deactivate') return decide(action, facts, { note: 'asked for in the dialog' });
  if (action !== 'validate' || newestTestRun === null) return decide(action, facts);
  return decide(action, facts, { test_run_id: newestTestRun.id, test_run: newestTestRun });
}
