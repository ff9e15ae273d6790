import { Modal } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { ENDPOINTS } from '../../../shared/contract/index.ts';
import { toastDone } from '../../app/toasts.ts';
import { call } from '../../data/api.ts';
import { useSlots } from '../../data/live.ts';
import { profileQuery, type Profile } from '../../data/node.ts';
import { queries, useQuery } from '../../data/queries.ts';
import { useMay } from '../../data/session.ts';
import { Confirm } from '../../parts/Confirm.tsx';
import confirmCss from '../../parts/Confirm.module.css';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';

/** Online or offline: what it is, who decided, what was refused, and the switch. */
export function ProfileDialog({ onClose }: { readonly onClose: () => void }): ReactNode {
  const { data: profile, error } = useQuery(profileQuery);
  const mayAct = useMay('superadmin');
  const [asked, setAsked] = useState(false);
  if (profile === undefined) return error === null ? null : <Refusal error={error} />;
  if (asked) return <SwitchDialog profile={profile} onClose={onClose} />;
  const locked = profile.locked
    ? t('profile.lockedBy', { source: t(`profile.source.${profile.source}`) })
    : null;
  return (
    <Modal opened onClose={onClose} size={480} withCloseButton={false} title={t('profile.title')}>
      <div className={confirmCss.body}>
        <p>
          {t('profile.now', { profile: t(`profile.${profile.profile}`).toLowerCase() })}{' '}
          {t(`profile.${profile.profile}Means`)}
        </p>
        <p>{t('profile.refused', { count: profile.refused_count })}</p>
        {locked !== null && <p>{locked}</p>}
      </div>
      <div className={confirmCss.buttons}>
        <ReasonButton autoFocusInDialog onClick={onClose}>
          {t('action.close')}
        </ReasonButton>
        {mayAct && (
          <ReasonButton changes reason={locked} onClick={() => setAsked(true)}>
            {profile.profile === 'online' ? `${t('profile.goOffline')}…` : `${t('profile.goOnline')}…`}
          </ReasonButton>
        )}
      </div>
    </Modal>
  );
}

function SwitchDialog({
  profile,
  onClose,
}: {
  readonly profile: Profile;
  readonly onClose: () => void;
}): ReactNode {
  const serving = (useSlots() ?? []).filter((slot) => slot.load_state === 'loaded').length;
  const toOffline = profile.profile === 'online';
  return (
    <Confirm
      title={t(toOffline ? 'profile.goOfflineTitle' : 'profile.goOnlineTitle')}
      keep={t(toOffline ? 'profile.stayOnline' : 'profile.stayOffline')}
      verb={t(toOffline ? 'profile.goOffline' : 'profile.goOnline')}
      busyVerb={t('profile.switching')}
      onClose={onClose}
      onConfirm={async () => {
        const next = toOffline ? 'offline' : 'online';
        queries.put(profileQuery, await call(ENDPOINTS.putProfile, { body: { profile: next } }));
        toastDone(t('profile.switched', { profile: t(`profile.${next}`).toLowerCase() }));
      }}
    >
      <p>{t(toOffline ? 'profile.offlineEffect' : 'profile.onlineEffect', { serving })}</p>
    </Confirm>
  );
}
