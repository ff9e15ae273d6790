import type { ErrorCode } from '../contract/errors.ts';
import { staleWords, type ModelFacts, type RequestedAction } from './model.ts';
import type { ApprovalState } from './states.ts';

/**
 * One answer to "may this caller use this model, and if not, what is missing": lists, pickers, the gateway, the CLI
 * and the ladder on the model page all read it, so they cannot disagree.
 */

export const ELIGIBILITY_REASONS = [
  'recalled',
  'artifact_not_ready',
  'not_registered',
  'not_tested',
  'validation_missing',
  'validation_stale',
  'approval_pending',
  'approval_rejected',
  'credential_unavailable',
  'not_active',
  'not_loaded',
  'runtime_changed',
  'offline_not_allowed',
  'not_visible',
] as const;
export type EligibilityReason = (typeof ELIGIBILITY_REASONS)[number];

/** `test`: may be loaded and tried. `bind`: may be picked and invoked once loaded. `invoke`: answers now. */
export type Purpose = 'test' | 'bind' | 'invoke';

/** Whether the node is online or offline: what runs elsewhere is out of reach in one of them. */
export type Mode = ModelFacts['profile'];

/** What is so about a model, whoever asks. */
export interface EligibilityFacts extends Omit<ModelFacts, 'profile'> {
  readonly artifact_fact: string;
  readonly registered_at: string | null;
  readonly last_test: {
    readonly result: 'success' | 'failure';
    readonly fact: string;
    readonly at: string;
  } | null;
  readonly validated_at: string | null;
  readonly approval: { readonly required: boolean; readonly state: ApprovalState; readonly fact: string };
  readonly activated_at: string | null;
  /** Slots that advertise the model now. */
  readonly loaded: readonly {
    readonly slot_id: string;
    readonly validated: boolean;
    readonly since: string | null;
  }[];
}

/** What is so about one caller and one model. */
export interface CallerFacts {
  readonly visible: boolean;
  /** Through what the caller sees it, in words; empty when he does not. */
  readonly through: string;
}

/** Everything the rungs look at. */
interface Situation extends EligibilityFacts {
  readonly mode: Mode;
  readonly caller: CallerFacts;
}

export interface Requirement {
  readonly code: string;
  readonly met: boolean;
  /** A sentence with the fact: what is so, or what is missing. */
  readonly fact: string;
  readonly since: string | null;
  /** What would meet it, when something the caller can ask for would. */
  readonly action: RequestedAction | 'load' | null;
  /** What would meet it, in a sentence; null when it is met. */
  readonly hint: string | null;
  /** Codes of earlier requirements that have to be met first. */
  readonly blocked_by: readonly string[];
}

/** Being visible or online waits for nobody, and nobody waits for it. */
const WAITS_FOR_NOBODY: ReadonlySet<string> = new Set(['visible', 'profile']);

export interface Eligibility {
  readonly eligible: boolean;
  readonly reasons: readonly EligibilityReason[];
  readonly requirements: readonly Requirement[];
}

interface Rung {
  readonly code: string;
  readonly applies: (facts: Situation) => boolean;
  /** null when met. */
  readonly missing: (facts: Situation) => EligibilityReason | null;
  readonly fact: (facts: Situation) => string;
  readonly since: (facts: Situation) => string | null;
  readonly action: Requirement['action'];
  /** What would meet it. */
  readonly hint: (facts: Situation) => string;
  /** Purposes that ask for it. */
  readonly for: readonly Purpose[];
}

const always = (): boolean => true;
const local = ({ hosting }: Situation): boolean => hosting === 'local';
const nothing = (): null => null;
const REGISTERED_OR_LATER = new Set(['registered', 'validated', 'active', 'inactive']);

/** In the order in which a person meets them. */
const LADDER: readonly Rung[] = [
  {
    code: 'not_recalled',
    applies: ({ recalled }) => recalled !== null,
    missing: () => 'recalled',
    fact: ({ recalled }) => (recalled === null ? '' : `Recalled by ${recalled.by}: ${recalled.reason}.`),
    since: nothing,
    action: null,
    hint: ({ recalled }) =>
      `Ask ${recalled?.by ?? 'whoever recalled it'}; another version may be free of the problem.`,
    for: ['test', 'bind', 'invoke'],
  },
  {
    code: 'artifact_ready',
    applies: local,
    missing: ({ artifact_status }) => (artifact_status === 'ready' ? null : 'artifact_not_ready'),
    fact: ({ artifact_fact }) => artifact_fact,
    since: nothing,
    action: null,
    hint: () => 'Import the same files again: bytes that changed or are missing are replaced.',
    // Not asked of a call: a runtime that serves has the bytes in memory.
    for: ['test', 'bind'],
  },
  {
    code: 'registered',
    applies: always,
    missing: ({ lifecycle_state }) => (REGISTERED_OR_LATER.has(lifecycle_state) ? null : 'not_registered'),
    fact: ({ lifecycle_state }) =>
      REGISTERED_OR_LATER.has(lifecycle_state) ? 'This node manages it.' : `It is ${lifecycle_state}.`,
    since: ({ registered_at }) => registered_at,
    action: 'register',
    hint: () => 'Register it.',
    for: ['test', 'bind', 'invoke'],
  },
  {
    code: 'tested',
    applies: always,
    missing: ({ last_test, validation_current }) =>
      validation_current || last_test?.result === 'success' ? null : 'not_tested',
    fact: ({ last_test }) => last_test?.fact ?? 'It was never tested on this machine.',
    since: ({ last_test }) => last_test?.at ?? null,
    action: 'test',
    hint: ({ hosting }) =>
      hosting === 'local'
        ? 'Load it into a slot, then test it there.'
        : 'Test it; the test calls the provider once.',
    for: [],
  },
  {
    code: 'validated',
    applies: always,
    missing: ({ validation_current, validation_stale_reason }) => {
      if (validation_current) return null;
      return validation_stale_reason === null ? 'validation_missing' : 'validation_stale';
    },
    fact: ({ validation_current, validation_stale_reason }) => {
      if (validation_current) return 'It holds for these bytes, this configuration and this runtime.';
      if (validation_stale_reason === null) return 'No successful test was taken as its validation yet.';
      return `It no longer holds: ${staleWords(validation_stale_reason)}.`;
    },
    since: ({ validated_at }) => validated_at,
    action: 'validate',
    hint: ({ last_test, validation_stale_reason }) =>
      last_test?.result === 'success' && validation_stale_reason === null
        ? 'Validate it with its successful test.'
        : 'Test it again, then validate it with that test.',
    for: ['bind', 'invoke'],
  },
  {
    code: 'approved',
    applies: ({ approval }) => approval.required,
    missing: ({ approval }) => {
      if (approval.state === 'approved') return null;
      return approval.state === 'rejected' ? 'approval_rejected' : 'approval_pending';
    },
    fact: ({ approval }) => approval.fact,
    since: nothing,
    action: null,
    hint: () => 'Ask a reviewer to approve this version.',
    for: ['bind', 'invoke'],
  },
  {
    code: 'credential',
    applies: ({ credential }) => credential !== 'not_required',
    missing: ({ credential }) => (credential === 'active' ? null : 'credential_unavailable'),
    fact: ({ credential }) => `Its credential is ${credential}.`,
    since: nothing,
    action: null,
    hint: ({ credential }) =>
      credential === 'missing'
        ? 'Give it a credential of its provider.'
        : 'Give it a credential that is active; a revoked one never works again.',
    for: ['bind', 'invoke'],
  },
  {
    code: 'active',
    applies: always,
    missing: ({ lifecycle_state }) => (lifecycle_state === 'active' ? null : 'not_active'),
    fact: ({ lifecycle_state }) =>
      lifecycle_state === 'active' ? 'It may be invoked.' : `It is ${lifecycle_state}, not active.`,
    since: ({ activated_at }) => activated_at,
    action: 'activate',
    hint: () => 'Activate it.',
    for: ['bind', 'invoke'],
  },
  {
    code: 'loaded',
    applies: local,
    missing: ({ loaded }) => {
      if (loaded.length === 0) return 'not_loaded';
      return loaded.some((slot) => slot.validated) ? null : 'runtime_changed';
    },
    fact: ({ loaded }) => {
      if (loaded.length === 0) return 'No slot serves it.';
      const names = loaded.map((slot) => slot.slot_id).join(', ');
      return loaded.some((slot) => slot.validated)
        ? `${names} serves it.`
        : `${names} serves it on a runtime that it was not validated on.`;
    },
    since: ({ loaded }) => loaded[0]?.since ?? null,
    action: 'load',
    hint: ({ loaded }) =>
      loaded.length === 0
        ? 'Load it into a slot.'
        : 'Test it on that slot and validate it with that test, or load it where it was validated.',
    for: ['invoke'],
  },
  {
    code: 'profile',
    applies: ({ hosting }) => hosting === 'cloud',
    missing: ({ mode }) => (mode === 'online' ? null : 'offline_not_allowed'),
    fact: ({ mode }) =>
      mode === 'online' ? 'This node is online.' : 'It runs at a provider, and this node is offline.',
    since: nothing,
    action: null,
    hint: () => 'Switch the runtime profile to online, or use a local model.',
    for: ['test', 'bind', 'invoke'],
  },
  {
    code: 'visible',
    applies: always,
    missing: ({ caller }) => (caller.visible ? null : 'not_visible'),
    fact: ({ caller }) => (caller.visible ? caller.through : 'This caller cannot see it.'),
    since: nothing,
    action: null,
    hint: () => 'Ask its owner or a superadmin to assign it, by name or through a group.',
    for: ['test', 'bind', 'invoke'],
  },
];

/**
 * Whether a caller may use a model for a purpose in a mode, every reason why not, and every step in between. Pure, and
 * the only place that decides it.
 */
export function eligibility(
  model: EligibilityFacts,
  caller: CallerFacts,
  purpose: Purpose,
  mode: Mode,
): Eligibility {
  const facts: Situation = { ...model, caller, mode };
  const reasons: EligibilityReason[] = [];
  const requirements: Requirement[] = [];
  const unmet: string[] = [];
  for (const rung of LADDER) {
    if (!rung.applies(facts)) continue;
    const reason = rung.missing(facts);
    if (reason !== null && rung.for.includes(purpose)) reasons.push(reason);
    requirements.push({
      code: rung.code,
      met: reason === null,
      fact: rung.fact(facts),
      since: rung.since(facts),
      action: reason === null ? null : rung.action,
      hint: reason === null ? null : rung.hint(facts),
      blocked_by: reason === null || WAITS_FOR_NOBODY.has(rung.code) ? [] : [...unmet],
    });
    if (reason !== null && !WAITS_FOR_NOBODY.has(rung.code)) unmet.push(rung.code);
  }
  return { eligible: reasons.length === 0, reasons, requirements };
}

/**
 * The refusal a call gets for each reason, in the order in which they are told: first what must not be revealed,
 * then what no load would cure, then what a load would.
 */
export const INVOCATION_REFUSALS: readonly (readonly [EligibilityReason, ErrorCode])[] = [
  ['not_visible', 'not_found'],
  ['recalled', 'recalled'],
  ['not_registered', 'invalid_state_transition'],
  ['not_active', 'invalid_state_transition'],
  ['validation_missing', 'validation_failed'],
  ['validation_stale', 'validation_failed'],
  ['approval_pending', 'forbidden'],
  ['approval_rejected', 'forbidden'],
  ['credential_unavailable', 'credential_unavailable'],
  ['offline_not_allowed', 'offline_not_allowed'],
  ['not_loaded', 'model_not_loaded'],
  ['runtime_changed', 'validation_failed'],
];
