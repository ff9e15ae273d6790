import { Checkbox, SegmentedControl, useMantineColorScheme } from '@mantine/core';
import type { ReactNode } from 'react';
import { openDialog } from '../../app/dialogs.ts';
import { desktop } from '../../data/desktop.ts';
import { profileQuery, useSystem } from '../../data/node.ts';
import { preferencesStore, usePreferences } from '../../data/preferences.ts';
import { useQuery } from '../../data/queries.ts';
import { signOut, useMay, useSession } from '../../data/session.ts';
import { Copy } from '../../parts/Copy.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Facts } from '../../parts/Facts.tsx';
import { Time } from '../../parts/figures.tsx';
import { formatBytes } from '../../parts/format.ts';
import { PageHeader } from '../../parts/PageHeader.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Section } from '../../parts/Section.tsx';
import { t } from '../../strings/text.ts';
import { RefusedAttempts } from '../profile/RefusedAttempts.tsx';
import { lockedSentence } from '../profile/words.ts';
import css from './SettingsPage.module.css';

const SCHEMES = ['auto', 'light', 'dark'] as const;

/** One page: how it looks, how it takes keys, who this is, and which node. */
export default function SettingsPage(): ReactNode {
  return (
    <>
      <PageHeader title={t('place.settings')} />
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a region that scrolls has to be reached by keys */}
      <div className={css.page} tabIndex={0} role="region" aria-label={t('place.settings')}>
        <Appearance />
        <Keyboard />
        <SessionSection />
        <NetworkSection />
        <About />
      </div>
    </>
  );
}

function Appearance(): ReactNode {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Section title={t('settings.appearance')}>
      <div className={css.row} id="appearance">
        <span id="settings-theme">{t('settings.theme')}</span>
        <SegmentedControl
          aria-labelledby="settings-theme"
          value={colorScheme}
          onChange={(value) => setColorScheme(value)}
          data={SCHEMES.map((value) => ({ value, label: t(`settings.theme.${value}`) }))}
        />
        <span className={css.note}>{t('settings.theme.note')}</span>
      </div>
    </Section>
  );
}

function Keyboard(): ReactNode {
  const { letters } = usePreferences();
  return (
    <Section title={t('settings.keyboard')}>
      <div className={css.row} id="keyboard">
        <Checkbox
          className={css.wide ?? ''}
          label={t('settings.letters')}
          description={t('settings.letters.note')}
          checked={letters}
          onChange={(event) => preferencesStore.setState({ letters: event.currentTarget.checked })}
        />
        <ReasonButton onClick={() => openDialog({ kind: 'shortcuts' })}>
          {t('settings.showShortcuts')}
        </ReasonButton>
      </div>
    </Section>
  );
}

function SessionSection(): ReactNode {
  const session = useSession();
  if (session.state !== 'signed-in') return null;
  const { key } = session;
  return (
    <Section title={t('settings.session')}>
      <Facts
        facts={[
          [t('settings.signedInAs'), key.principal_name],
          [t('settings.role'), t(`role.${key.role}`)],
          [t('settings.key'), t('settings.keyValue', { name: key.name, last4: key.last4 })],
          [
            t('settings.keyExpires'),
            key.kind === 'session' || key.expires_at === null ? (
              t('settings.keyIdle')
            ) : (
              <Time key="expires" at={key.expires_at} />
            ),
          ],
        ]}
      />
      <div className={css.row}>
        {desktop === null ? (
          <>
            <ReasonButton onClick={() => void signOut()}>{t('settings.signOut')}</ReasonButton>
            <span className={css.note}>{t('settings.signOutNote')}</span>
          </>
        ) : (
          <span className={css.note}>{t('settings.desktopKey')}</span>
        )}
      </div>
    </Section>
  );
}

/** Whether anything leaves this machine, and everything that wanted to and was not let. */
function NetworkSection(): ReactNode {
  const { data: profile } = useQuery(profileQuery);
  const admin = useMay('admin');
  const superadmin = useMay('superadmin');
  if (profile === undefined) return null;
  const to = profile.profile === 'online' ? 'offline' : 'online';
  const locked = lockedSentence(profile);
  return (
    <Section title={t('profile.network')}>
      <div className={css.row} id="network">
        <span className={css.wide}>
          {t('profile.now', { profile: t(`profile.${profile.profile}`).toLowerCase() })}{' '}
          <span className={css.note}>
            {locked ?? t('profile.setBy', { source: t(`profile.by.${profile.source}`) })}
          </span>
        </span>
        {superadmin && (
          <ReasonButton changes reason={locked} onClick={() => openDialog({ kind: 'switch-profile', to })}>
            {`${t(to === 'offline' ? 'profile.goOffline' : 'profile.goOnline')}…`}
          </ReasonButton>
        )}
      </div>
      <p>{t('profile.refused', { count: profile.refused_count })}</p>
      {admin && profile.refused_count > 0 && <RefusedAttempts />}
    </Section>
  );
}

function About(): ReactNode {
  const { data: system, error } = useSystem();
  return (
    <Section title={t('settings.about')}>
      {error !== null && system === undefined && <Refusal error={error} alert={false} />}
      {system === undefined ? (
        error === null && <Pending />
      ) : (
        <Facts
          facts={[
            [t('settings.node'), system.node_name],
            [
              t('settings.nodeId'),
              <Copy key="node" value={system.node_id} what={t('what.id')}>
                <span className="mono">{system.node_id}</span>
              </Copy>,
            ],
            [t('settings.version'), system.version],
            [t('settings.platform'), `${system.platform}, ${system.cpu.model}`],
            [
              t('settings.dataDir'),
              <Copy key="data" value={system.data_dir} what={t('what.path')}>
                <span className="mono">{system.data_dir}</span>
              </Copy>,
            ],
            [
              t('settings.listening'),
              <span key="listening">
                <span className="mono">{system.listening.url}</span>
                {system.listening.insecure && <strong className={css.bad}> {t('settings.insecure')}</strong>}
              </span>,
            ],
            [t('settings.running'), <Time key="running" at={system.started_at} as="since" />],
            [
              t('settings.database'),
              t('settings.databaseState', {
                state: t(`settings.database.${system.database.state}`),
                schema: system.database.schema_version,
                size: formatBytes(system.database.size_bytes),
              }),
            ],
            [
              t('settings.backup'),
              system.database.last_backup_at === null ? (
                t('settings.noBackup')
              ) : (
                <Time key="backup" at={system.database.last_backup_at} />
              ),
            ],
          ]}
        />
      )}
    </Section>
  );
}
