import type { ReactNode } from 'react';
import { ENDPOINTS } from '../../../shared/contract/index.ts';
import { toastDone } from '../../app/toasts.ts';
import { call } from '../../data/api.ts';
import { profileEffectsQuery, profileQuery } from '../../data/node.ts';
import { queries, useQuery } from '../../data/queries.ts';
import { Confirm } from '../../parts/Confirm.tsx';
import { Effects } from '../../parts/Effects.tsx';
import { t } from '../../strings/text.ts';
import { lockedSentence } from './words.ts';

/** Go offline, go online: what the agent says it would do now, then the verb. */
export function SwitchProfileDialog({
  to,
  onClose,
}: {
  readonly to: 'online' | 'offline';
  readonly onClose: () => void;
}): ReactNode {
  const { data: profile } = useQuery(profileQuery);
  const effects = useQuery(profileEffectsQuery(to));
  const offline = to === 'offline';
  return (
    <Confirm
      title={t(offline ? 'profile.goOfflineTitle' : 'profile.goOnlineTitle')}
      keep={t(offline ? 'profile.stayOnline' : 'profile.stayOffline')}
      verb={t(offline ? 'profile.goOffline' : 'profile.goOnline')}
      busyVerb={t('profile.switching')}
      reason={
        (profile === undefined ? null : lockedSentence(profile)) ??
        (effects.data === undefined ? t('profile.effectsPending') : null)
      }
      onClose={onClose}
      onConfirm={async () => {
        queries.put(profileQuery, await call(ENDPOINTS.putProfile, { body: { profile: to } }));
        toastDone(t('profile.switched', { profile: t(`profile.${to}`).toLowerCase() }));
      }}
    >
      <Effects of={effects} none={t('profile.noEffects')} />
    </Confirm>
  );
}
