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

export interface EligibilityFacts extends ModelFacts {
  readonly visible: boolean;
  /** Through what the caller sees it, in words. */
  readonly visible_through: string;
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

export interface Requirement {
  readonly code: string;
  readonly met: boolean;
  /** A sentence with the fact: what is so, or what is missing. */
  readonly fact: string;
  readonly since: string | null;
  /** What would meet it, when something the caller can ask for would. */
  readonly action: RequestedAction | 'load' | null;
  /** Codes of earlier requirements that have to be met first. */
  readonly blocked_by: readonly string[];
}

export interface Eligibility {
  readonly eligible: boolean;
  readonly reasons: readonly EligibilityReason[];
  readonly requirements: readonly Requirement[];
}

interface Rung {
  readonly code: string;
  readonly applies: (facts: EligibilityFacts) => boolean;
  /** null when met. */
  readonly missing: (facts: EligibilityFacts) => EligibilityReason | null;
  readonly fact: (facts: EligibilityFacts) => string;
  readonly since: (facts: EligibilityFacts) => string | null;
  readonly action: Requirement['action'];
  /** Purposes that ask for it. */
  readonly for: readonly Purpose[];
}

const always = (): boolean => true;
const local = ({ hosting }: EligibilityFacts): boolean => hosting === 'local';
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
    for: ['test', 'bind', 'invoke'],
  },
  {
    code: 'artifact_ready',
    applies: local,
    missing: ({ artifact_status }) => (artifact_status === 'ready' ? null : 'artifact_not_ready'),
    fact: ({ artifact_fact }) => artifact_fact,
    since: nothing,
    action: null,
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
    for: ['bind', 'invoke'],
  },
  {
    code: 'credential',
    applies: ({ credential }) => credential !== 'not_required',
    missing: ({ credential }) => (credential === 'active' ? null : 'credential_unavailable'),
    fact: ({ credential }) => `Its credential is ${credential}.`,
    since: nothing,
    action: null,
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
    for: ['invoke'],
  },
  {
    code: 'profile',
    applies: ({ hosting }) => hosting === 'cloud',
    missing: ({ profile }) => (profile === 'online' ? null : 'offline_not_allowed'),
    fact: ({ profile }) =>
      profile === 'online' ? 'This node is online.' : 'It runs at a provider, and this node is offline.',
    since: nothing,
    action: null,
    for: ['test', 'bind', 'invoke'],
  },
  {
    code: 'visible',
    applies: always,
    missing: ({ visible }) => (visible ? null : 'not_visible'),
    fact: ({ visible, visible_through }) => (visible ? visible_through : 'This caller cannot see it.'),
    since: nothing,
    action: null,
    for: ['test', 'bind', 'invoke'],
  },
];

/** Pure. `facts` are those of one caller. */
export function eligibility(facts: EligibilityFacts, purpose: Purpose): Eligibility {
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
      blocked_by: reason === null ? [] : [...unmet],
    });
    // Being visible or online waits for nobody, and nobody waits for it.
    if (reason !== null && rung.code !== 'visible' && rung.code !== 'profile') unmet.push(rung.code);
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
