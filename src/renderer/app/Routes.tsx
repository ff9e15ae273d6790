import { lazy, Suspense, useEffect, type ReactNode } from 'react';
import { Redirect, Route, Switch, useLocation } from 'wouter';
import { useMay } from '../data/session.ts';
import { useSecret } from '../features/access/secret.ts';
import { Pending } from '../parts/Pending.tsx';
import { t } from '../strings/text.ts';
import { Boundary } from './Boundary.tsx';
import { NeedsRole, NotFound } from './NotFound.tsx';

/** The pages, each a file of its own that is fetched when it is first shown, or before. */
const PAGES = {
  OverviewPage: () => import('../features/overview/OverviewPage.tsx'),
  ModelsPage: () => import('../features/models/ModelsPage.tsx'),
  ModelPage: () => import('../features/models/ModelPage.tsx'),
  SlotsPage: () => import('../features/slots/SlotsPage.tsx'),
  SlotPage: () => import('../features/slots/SlotPage.tsx'),
  PlaygroundPage: () => import('../features/playground/PlaygroundPage.tsx'),
  UsagePage: () => import('../features/usage/UsagePage.tsx'),
  AccessPage: () => import('../features/access/AccessPage.tsx'),
  CredentialsPage: () => import('../features/credentials/CredentialsPage.tsx'),
  CredentialPage: () => import('../features/credentials/CredentialPage.tsx'),
  SecretPage: () => import('../features/access/SecretPage.tsx'),
  HardwarePage: () => import('../features/hardware/HardwarePage.tsx'),
  GpuPage: () => import('../features/hardware/GpuPage.tsx'),
  RuntimesPage: () => import('../features/runtimes/RuntimesPage.tsx'),
  RuntimePage: () => import('../features/runtimes/RuntimePage.tsx'),
  DoctorPage: () => import('../features/doctor/DoctorPage.tsx'),
  SettingsPage: () => import('../features/settings/SettingsPage.tsx'),
  JobPage: () => import('../features/jobs/JobPage.tsx'),
  GoPage: () => import('./GoPage.tsx'),
};

const OverviewPage = lazy(PAGES.OverviewPage);
const ModelsPage = lazy(PAGES.ModelsPage);
const ModelPage = lazy(PAGES.ModelPage);
const SlotsPage = lazy(PAGES.SlotsPage);
const SlotPage = lazy(PAGES.SlotPage);
const PlaygroundPage = lazy(PAGES.PlaygroundPage);
const UsagePage = lazy(PAGES.UsagePage);
const AccessPage = lazy(PAGES.AccessPage);
const CredentialsPage = lazy(PAGES.CredentialsPage);
const CredentialPage = lazy(PAGES.CredentialPage);
const SecretPage = lazy(PAGES.SecretPage);
const HardwarePage = lazy(PAGES.HardwarePage);
const GpuPage = lazy(PAGES.GpuPage);
const RuntimesPage = lazy(PAGES.RuntimesPage);
const RuntimePage = lazy(PAGES.RuntimePage);
const DoctorPage = lazy(PAGES.DoctorPage);
const SettingsPage = lazy(PAGES.SettingsPage);
const JobPage = lazy(PAGES.JobPage);
const GoPage = lazy(PAGES.GoPage);

/** Fetches every page while nothing else happens, so that each can still be shown when the agent is gone. */
function fetchPages(): void {
  const rest: (() => Promise<unknown>)[] = Object.values(PAGES);
  const next = (): void => {
    // One that does not come is fetched again when it is wanted.
    rest
      .shift()?.()
      .then(next, () => undefined);
  };
  next();
}

/** One path, one page; the same in the browser and in the desktop app. */
export function Routes(): ReactNode {
  const [path] = useLocation();
  const admin = useMay('admin');
  const secret = useSecret();
  useEffect(() => {
    // After the page that was asked for.
    const later = setTimeout(fetchPages, 500);
    return () => clearTimeout(later);
  }, []);
  // A key that can be seen only now stays, wherever one goes meanwhile.
  if (secret !== null)
    return (
      <Suspense fallback={<Pending />}>
        <SecretPage secret={secret} />
      </Suspense>
    );
  return (
    <Boundary place={path}>
      <Suspense fallback={<Pending />}>
        <Switch>
          <Route path="/">
            <OverviewPage />
          </Route>
          <Route path="/models">
            <ModelsPage />
          </Route>
          <Route path="/models/:id/:tab?">{({ id, tab }) => <ModelPage key={id} id={id} tab={tab} />}</Route>
          <Route path="/slots">
            {admin ? <SlotsPage /> : <NeedsRole needed="admin" title={t('place.slots')} />}
          </Route>
          <Route path="/slots/:id/:tab?">
            {({ id, tab }) =>
              admin ? (
                <SlotPage key={id} id={id} tab={tab} />
              ) : (
                <NeedsRole needed="admin" title={t('place.slots')} />
              )
            }
          </Route>
          <Route path="/playground">
            <PlaygroundPage />
          </Route>
          <Route path="/usage/:tab?">{({ tab }) => <UsagePage tab={tab} />}</Route>
          <Route path="/access">
            <Redirect to="/access/people" replace />
          </Route>
          <Route path="/access/:tab">{({ tab }) => <Access tab={tab} />}</Route>
          <Route path="/access/:tab/:id/:part?">
            {({ tab, id, part }) => <Access tab={tab} id={id} part={part} />}
          </Route>
          <Route path="/credentials">
            <CredentialsPage />
          </Route>
          <Route path="/credentials/:id/:part?">
            {({ id, part }) => <CredentialPage key={id} id={id} part={part} />}
          </Route>
          <Route path="/hardware">
            {admin ? <HardwarePage /> : <NeedsRole needed="admin" title={t('place.hardware')} />}
          </Route>
          <Route path="/hardware/:uuid">
            {({ uuid }) =>
              admin ? (
                <GpuPage key={uuid} uuid={decodeURIComponent(uuid)} />
              ) : (
                <NeedsRole needed="admin" title={t('place.hardware')} />
              )
            }
          </Route>
          <Route path="/runtimes">
            {admin ? <RuntimesPage /> : <NeedsRole needed="admin" title={t('place.runtimes')} />}
          </Route>
          <Route path="/runtimes/:id/:tab?">
            {({ id, tab }) =>
              admin ? (
                <RuntimePage key={id} id={id} tab={tab} />
              ) : (
                <NeedsRole needed="admin" title={t('place.runtimes')} />
              )
            }
          </Route>
          <Route path="/doctor">
            {admin ? <DoctorPage /> : <NeedsRole needed="admin" title={t('place.doctor')} />}
          </Route>
          <Route path="/settings">
            <SettingsPage />
          </Route>
          <Route path="/jobs/:id">
            {({ id }) =>
              admin ? <JobPage key={id} id={id} /> : <NeedsRole needed="admin" title={t('jobs.title')} />
            }
          </Route>
          <Route path="/go/*">{(params) => <GoPage name={params['*']} />}</Route>
          <Route path="/index.html">
            <Redirect to="/" />
          </Route>
          <Route>
            <NotFound />
          </Route>
        </Switch>
      </Suspense>
    </Boundary>
  );
}

function Access(path: {
  readonly tab: string;
  readonly id?: string;
  readonly part?: string | undefined;
}): ReactNode {
  const superadmin = useMay('superadmin');
  if (!superadmin) return <NeedsRole needed="superadmin" title={t('place.access')} />;
  return <AccessPage tab={path.tab} id={path.id} part={path.part} />;
}
