import { describe, expect, it } from 'vitest';
import {
  eligibility,
  INVOCATION_REFUSALS,
  type CallerFacts,
  type EligibilityFacts,
  type Mode,
} from './eligibility.ts';
import { roleCovers, ROLES, type Role } from './states.ts';

const serving: EligibilityFacts = {
  id: 'alpha-v1',
  hosting: 'local',
  lifecycle_state: 'active',
  recalled: null,
  artifact_status: 'ready',
  credential: 'not_required',
  validation_current: true,
  validation_stale_reason: null,
  assigned_slots: ['chat'],
  bindings: [],
  aliases: [],
  holds: [],
  artifact_fact: 'ok',
  registered_at: null,
  last_test: { result: 'success', fact: 'ok', at: '2026-11-21T00:00:00.000Z' },
  validated_at: null,
  approval: { required: false, state: 'none', fact: '' },
  activated_at: null,
  loaded: [{ slot_id: 'chat', validated: true, since: null }],
};

const everyone: CallerFacts = { visible: true, through: 'Everyone sees it.' };
const nobody: CallerFacts = { visible: false, through: '' };

describe('eligibility', () => {
  it('needs nothing for a model that serves, and a local one works offline', () => {
    const answer = eligibility(serving, everyone, 'invoke', 'offline');
    expect(answer).toMatchObject({ eligible: true, reasons: [] });
    expect(answer.requirements.every((requirement) => requirement.met)).toBe(true);
  });

  const cases: [string, Partial<EligibilityFacts>, string, Mode?, CallerFacts?][] = [
    ['recalled', { recalled: { reason: 'x', by: 'y' } }, 'recalled'],
    ['unregistered', { lifecycle_state: 'unregistered' }, 'not_registered'],
    ['inactive', { lifecycle_state: 'inactive' }, 'not_active'],
    ['never validated', { validation_current: false }, 'validation_missing'],
    ['stale', { validation_current: false, validation_stale_reason: 'expired' }, 'validation_stale'],
    [
      'waiting for approval',
      { approval: { required: true, state: 'pending', fact: '' } },
      'approval_pending',
    ],
    ['rejected', { approval: { required: true, state: 'rejected', fact: '' } }, 'approval_rejected'],
    [
      'without its credential',
      { hosting: 'cloud', credential: 'revoked' },
      'credential_unavailable',
      'online',
    ],
    ['not loaded', { loaded: [] }, 'not_loaded'],
    [
      'loaded on another runtime',
      { loaded: [{ slot_id: 'chat', validated: false, since: null }] },
      'runtime_changed',
    ],
    ['in the cloud while offline', { hosting: 'cloud', credential: 'active' }, 'offline_not_allowed'],
    ['invisible', {}, 'not_visible', 'offline', nobody],
  ];
  it.each(cases)('is refused when %s', (_name, more, reason, mode = 'offline', caller = everyone) => {
    const answer = eligibility({ ...serving, ...more }, caller, 'invoke', mode);
    expect(answer.eligible).toBe(false);
    expect(answer.reasons).toContain(reason);
    expect(INVOCATION_REFUSALS.map(([known]) => known)).toContain(reason);
    // Whatever is missing says what would meet it, and what is met says nothing.
    for (const { met, hint } of answer.requirements) {
      if (met) expect(hint).toBeNull();
      else expect(hint).toMatch(/^[A-Z].{5,}\.$/);
    }
  });

  it('may be bound without being loaded', () => {
    expect(eligibility({ ...serving, loaded: [] }, everyone, 'bind', 'offline').eligible).toBe(true);
  });

  it('names the steps before a step', () => {
    const created = {
      ...serving,
      lifecycle_state: 'created' as const,
      validation_current: false,
      last_test: null,
      loaded: [],
    };
    const { requirements } = eligibility(created, everyone, 'invoke', 'offline');
    expect(requirements.find((requirement) => requirement.code === 'registered')).toMatchObject({
      met: false,
      action: 'register',
      blocked_by: [],
    });
    expect(requirements.find((requirement) => requirement.code === 'loaded')?.blocked_by).toEqual([
      'registered',
      'tested',
      'validated',
      'active',
    ]);
    expect(requirements.find((requirement) => requirement.code === 'artifact_ready')).toMatchObject({
      met: true,
      action: null,
    });
  });

  it('says of the profile and of who sees it what is so, whatever else is missing', () => {
    const cloud = {
      ...serving,
      hosting: 'cloud' as const,
      lifecycle_state: 'registered' as const,
      validation_current: false,
      last_test: null,
    };
    const { requirements } = eligibility(cloud, { visible: false, through: '' }, 'invoke', 'offline');
    for (const code of ['profile', 'visible'])
      expect(requirements.find((requirement) => requirement.code === code)).toMatchObject({
        met: false,
        blocked_by: [],
      });
  });

  it('leaves out what no policy asks for', () => {
    expect(
      eligibility(serving, everyone, 'invoke', 'offline').requirements.map((requirement) => requirement.code),
    ).not.toContain('approved');
  });
});

describe('roles', () => {
  const covers: Record<Role, Role[]> = {
    user: ['user'],
    reviewer: ['user', 'reviewer'],
    admin: ['user', 'reviewer', 'admin'],
    superadmin: ['user', 'reviewer', 'admin', 'superadmin'],
  };
  it.each(ROLES.flatMap((held) => ROLES.map((needed) => [held, needed] as const)))(
    '%s covers %s',
    (held, needed) => {
      expect(roleCovers(held, needed)).toBe(covers[held].includes(needed));
    },
  );
});
