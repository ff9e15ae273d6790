import { Popover } from '@mantine/core';
import { lazy, Suspense, useEffect, type ReactNode } from 'react';
import { Link } from 'wouter';
import { connectionStore, useConnection } from '../data/connection.ts';
import { hasEnded, liveFeed, useJobs, useSlots } from '../data/live.ts';
import { useModels } from '../data/models.ts';
import { profileQuery, useSystem } from '../data/node.ts';
import { useNow } from '../data/now.ts';
import { useQuery } from '../data/queries.ts';
import { useMay } from '../data/session.ts';
import { Digest } from '../parts/figures.tsx';
import { formatBytes, formatEta, formatTime } from '../parts/format.ts';
import { jobState } from '../parts/JobProgress.tsx';
import { StateMark } from '../parts/StateMark.tsx';
import { rich, t } from '../strings/text.ts';
import { closeLayer, toggleLayer, useLayer } from './layers.ts';
import { StatusGpus } from './StatusGpus.tsx';
import css from './StatusBar.module.css';

const ProfilePanel = lazy(() => import('../features/profile/ProfilePanel.tsx'));

/** The glance, from every screen: is the agent there, what serves, may anything leave, is there room, what runs. */
export function StatusBar(): ReactNode {
  const mayAdmin = useMay('admin');
  return (
    <footer className={css.bar} aria-label={t('shell.status')}>
      <AgentItem />
      {mayAdmin && <ServingItem />}
      <ProfileItem />
      {mayAdmin && <StatusGpus />}
      <DiskItem />
      <span className={css.spring} />
      {mayAdmin && <JobsItem />}
    </footer>
  );
}

function AgentItem(): ReactNode {
  const { phase, lostAt, heardAt } = useConnection();
  const now = useNow();
  if (phase === 'fine')
    return (
      <Link href="/doctor" className={css.item}>
        <StateMark axis="load" state="loaded" size={12} plain>
          {t('status.agent')}
        </StateMark>
      </Link>
    );
  if (phase === 'reconnecting')
    return (
      <span className={css.item} role="status">
        <StateMark axis="load" state="reconciling" size={12}>
          {t('connection.reconnecting')}
        </StateMark>
      </span>
    );
  const since = new Date(heardAt ?? lostAt ?? now).toISOString();
  return (
    <button type="button" className={css.item} onClick={() => liveFeed.retry()}>
      <span role="status">
        <StateMark axis="load" state="error" size={12}>
          {t('status.agentGone', { time: formatTime(since, now) })}
        </StateMark>
      </span>
      <span className={css.link}>{t('connection.retry')}</span>
    </button>
  );
}

function ServingItem(): ReactNode {
  const slots = useSlots();
  const serving = slots?.filter((slot) => slot.load_state === 'loaded') ?? [];
  const models = useModels(serving.flatMap((slot) => slot.loaded_managed_model_id ?? []));
  if (slots === null) return null;
  const failed = slots.filter((slot) => slot.load_error !== null && slot.load_state !== 'loading').length;
  return (
    <Popover position="top-start" withinPortal>
      <Popover.Target>
        <button type="button" className={css.item}>
          <span className={css.strong}>{t('status.serving', { count: serving.length })}</span>
          {failed > 0 && (
            <StateMark axis="load" state="error" size={12}>
              {t('status.failed', { count: failed })}
            </StateMark>
          )}
        </button>
      </Popover.Target>
      <Popover.Dropdown>
        {serving.length === 0 ? (
          <p className={css.note}>{t('status.servesNothing')}</p>
        ) : (
          <ul className={css.serving}>
            {serving.map((slot) => {
              const model = models.find((one) => one.id === slot.loaded_managed_model_id);
              return (
                <li key={slot.id} className={css.served}>
                  <Link href={`/slots/${slot.id}`}>{slot.id}</Link>
                  <span>
                    {model === undefined ? slot.loaded_managed_model_id : `${model.name} v${model.seq}`}
                  </span>
                  <Digest value={model?.checksum ?? null} />
                </li>
              );
            })}
          </ul>
        )}
      </Popover.Dropdown>
    </Popover>
  );
}

function ProfileItem(): ReactNode {
  const { data: profile } = useQuery(profileQuery);
  const open = useLayer('profile');
  useEffect(() => {
    if (!open) return;
    // The popover itself hears Escape only while the focus is inside, and its content may still be on its way.
    const close = (event: KeyboardEvent): void => {
      if (event.key === 'Escape' && document.querySelector('[aria-modal="true"]') === null)
        closeLayer('profile');
    };
    globalThis.addEventListener('keydown', close);
    return () => globalThis.removeEventListener('keydown', close);
  }, [open]);
  if (profile === undefined) return null;
  const word = t(`profile.${profile.profile}`);
  return (
    <Popover
      position="top-start"
      withinPortal
      trapFocus
      returnFocus
      withRoles={false}
      opened={open}
      onChange={(next) => (next ? toggleLayer('profile') : closeLayer('profile'))}
    >
      <Popover.Target>
        <button
          type="button"
          className={css.item}
          aria-haspopup="dialog"
          aria-expanded={open}
          onClick={() => toggleLayer('profile')}
        >
          <span className={css.strong}>{word}</span>
          {profile.locked && <span>{t('profile.locked')}</span>}
          {profile.refused_count > 0 && <span>{t('status.refused', { count: profile.refused_count })}</span>}
        </button>
      </Popover.Target>
      <Popover.Dropdown role="dialog" tabIndex={-1} aria-label={t('profile.panel')}>
        <Suspense fallback={null}>{open && <ProfilePanel />}</Suspense>
      </Popover.Dropdown>
    </Popover>
  );
}

function strong(parts: ReactNode[]): ReactNode {
  return (
    <span key="strong" className={css.strong}>
      {parts}
    </span>
  );
}

function DiskItem(): ReactNode {
  const { data: system } = useSystem();
  if (system === undefined) return null;
  return (
    <span className={css.item}>
      {rich('status.disk', {
        free: formatBytes(system.disk.free_bytes),
        strong,
      })}
    </span>
  );
}

function JobsItem(): ReactNode {
  const jobs = useJobs();
  const open = useLayer('jobs');
  if (jobs === null) return null;
  const running = jobs.filter((job) => !hasEnded(job));
  const stalled = running.filter((job) => jobState(job) === 'stalled').length;
  const etas = running.flatMap((job) => job.progress?.eta_seconds ?? []);
  const eta = etas.length > 0 ? Math.max(...etas) : null;
  const label =
    running.length === 0
      ? t('status.noJobs')
      : stalled > 0
        ? t('status.stalled', { count: stalled })
        : eta === null
          ? t('status.jobs', { count: running.length })
          : t('status.jobsEta', { count: running.length, eta: formatEta(eta) });
  return (
    <button
      type="button"
      className={css.item}
      aria-expanded={open}
      aria-controls="jobs-tray"
      onClick={() => toggleLayer('jobs')}
    >
      {running.length === 0 ? (
        label
      ) : (
        <StateMark axis="job" state={stalled > 0 ? 'stalled' : 'running'} size={12}>
          {label}
        </StateMark>
      )}
    </button>
  );
}

/** One line when the agent that answers is not the one this page came from. */
export function ReplacedNotice(): ReactNode {
  const { version, firstVersion } = useConnection();
  if (version === null || firstVersion === null || version === firstVersion) return null;
  return (
    <div className={css.replaced} role="status">
      {t('connection.replaced', { version, before: firstVersion })}
      <button type="button" className={css.link} onClick={() => location.reload()}>
        {t('action.reload')}
      </button>
      <button
        type="button"
        className={css.link}
        onClick={() => connectionStore.setState({ firstVersion: version })}
      >
        {t('action.dismiss')}
      </button>
    </div>
  );
}
