import type { Profile, RefusedAttempt } from '../../data/node.ts';
import { known, t } from '../../strings/text.ts';

/** Why the profile cannot be switched here, or null. Pure. */
export function lockedSentence(profile: Profile): string | null {
  if (!profile.locked) return null;
  return t('profile.lockedSentence', {
    profile: t(`profile.${profile.profile}`).toLowerCase(),
    source: t(`profile.by.${profile.source}`),
  });
}

/** The part of the agent that wanted to go out. Pure. */
export function partWords({ purpose }: Pick<RefusedAttempt, 'purpose'>): string {
  return known(`purpose.${purpose}`) ?? purpose;
}
