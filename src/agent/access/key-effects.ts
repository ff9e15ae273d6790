import type { z } from 'zod';
import type { EffectSchema, Key } from '../../shared/contract/index.ts';

export type KeyEffect = z.infer<typeof EffectSchema>;

export interface KeyFacts {
  readonly kind: Key['kind'];
  readonly lastUsedAt: number | null;
  readonly callsToday: number;
  /** Opened with it and still alive. */
  readonly sessions: number;
  readonly hasLimits: boolean;
  readonly revoked: boolean;
  readonly now: number;
}

/** What ending or rotating a key would do now, in sentences that dialogs quote. Pure. */
export function keyEffects(action: 'revoke' | 'rotate', facts: KeyFacts): KeyEffect[] {
  if (facts.revoked) return [{ code: 'nothing', sentence: 'It was revoked already.' }];
  if (facts.kind === 'admin')
    return [{ code: 'refused', sentence: 'The admin token of this node stays; it is the way back in.' }];
  const used = { code: 'last_used', sentence: usedSentence(facts) };
  if (action === 'revoke')
    return [
      used,
      { code: 'calls_refused', sentence: 'Calls with it get 401 from now on. It cannot come back.' },
      ...(facts.sessions === 0
        ? []
        : [
            {
              code: 'sessions_end',
              sentence: `${count(facts.sessions, 'session')} opened with it ${facts.sessions === 1 ? 'ends' : 'end'}.`,
            },
          ]),
      ...(facts.kind === 'desktop'
        ? [
            {
              code: 'desktop_returns',
              sentence: 'The desktop app makes itself a new key when it connects again.',
            },
          ]
        : []),
    ];
  return [
    used,
    { code: 'successor', sentence: 'A new key takes its name, role, scopes and limits; it is shown once.' },
    {
      code: 'overlap',
      sentence: 'This key goes on working until the overlap ends, then calls with it get 401.',
    },
    ...(facts.hasLimits
      ? [{ code: 'limits_shared', sentence: 'Both count as one towards the limits.' }]
      : []),
  ];
}

function usedSentence({ lastUsedAt, callsToday, now }: KeyFacts): string {
  if (lastUsedAt === null) return 'It was never used.';
  return `Used ${ago(now - lastUsedAt)}, ${count(callsToday, 'call')} today.`;
}

function count(n: number, noun: string): string {
  return `${n.toLocaleString('en-US')} ${noun}${n === 1 ? '' : 's'}`;
}

/** @param ms since then; a clock that was set back makes it "just now". */
function ago(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ago`;
  return `${count(Math.floor(hours / 24), 'day')} ago`;
}
