import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { openDialog } from '../../app/dialogs.ts';
import { closeLayer } from '../../app/layers.ts';
import { profileEffectsQuery, profileQuery } from '../../data/node.ts';
import { useQuery } from '../../data/queries.ts';
import { useMay } from '../../data/session.ts';
import { Effects } from '../../parts/Effects.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import { RefusedAttempts } from './RefusedAttempts.tsx';
import { lockedSentence } from './words.ts';
import css from './profile.module.css';

const SHOWN_ATTEMPTS = 5;

/** Does anything leave this machine: what holds now, who decided, what the other would do, and what was refused. */
export default function ProfilePanel(): ReactNode {
  const { data: profile, error } = useQuery(profileQuery);
  const superadmin = useMay('superadmin');
  const admin = useMay('admin');
  if (profile === undefined)
    return (
      <div className={css.panel}>
        {error === null ? <Pending rows={3} /> : <Refusal error={error} alert={false} />}
      </div>
    );
  const locked = lockedSentence(profile);
  return (
    <div className={css.panel}>
      <div className={css.part}>
        <h2 className={css.title}>
          {t('profile.now', { profile: t(`profile.${profile.profile}`).toLowerCase() })}
        </h2>
        <p>{t(`profile.${profile.profile}Means`)}</p>
        <p className={css.dim}>
          {locked ?? t('profile.setBy', { source: t(`profile.by.${profile.source}`) })}
        </p>
      </div>
      {superadmin && <Other to={profile.profile === 'online' ? 'offline' : 'online'} locked={locked} />}
      <div className={css.part}>
        <div className={css.head}>
          <h3>{t('profile.refusedTitle')}</h3>
          {profile.refused_count > 0 && (
            <span className={css.dim}>{t('profile.refusedCount', { count: profile.refused_count })}</span>
          )}
          {admin && profile.refused_count > SHOWN_ATTEMPTS && (
            <Link href="/settings#network" onClick={() => closeLayer('profile')}>
              {t('profile.refusedAll', { count: profile.refused_count })}
            </Link>
          )}
        </div>
        {admin ? (
          <RefusedAttempts most={SHOWN_ATTEMPTS} reasons={false} />
        ) : (
          profile.refused_count === 0 && <p className={css.dim}>{t('profile.refusedNone')}</p>
        )}
      </div>
    </div>
  );
}

function Other({
  to,
  locked,
}: {
  readonly to: 'online' | 'offline';
  readonly locked: string | null;
}): ReactNode {
  const effects = useQuery(profileEffectsQuery(to));
  return (
    <div className={css.part}>
      <div className={css.head}>
        <h3>{t(to === 'offline' ? 'profile.wouldOffline' : 'profile.wouldOnline')}</h3>
      </div>
      <Effects of={effects} none={t('profile.noEffects')} />
      <div>
        <ReasonButton
          changes
          reason={locked}
          onClick={() => {
            closeLayer('profile');
            openDialog({ kind: 'switch-profile', to });
          }}
        >
          {`${t(to === 'offline' ? 'profile.goOffline' : 'profile.goOnline')}…`}
        </ReasonButton>
      </div>
    </div>
  );
}
