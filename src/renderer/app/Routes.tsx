import { lazy, Suspense, type ReactNode } from 'react';
import { Redirect, Route, Switch, useLocation } from 'wouter';
import { useMay } from '../data/session.ts';
import { useSecret } from '../features/access/secret.ts';
import { Pending } from '../parts/Pending.tsx';
import { t } from '../strings/text.ts';
import { Boundary } from './Boundary.tsx';
import { NeedsRole, NotFound } from './NotFound.tsx';

const OverviewPage = lazy(() => import('../features/overview/OverviewPage.tsx'));
const ModelsPage = lazy(() => import('../features/models/ModelsPage.tsx'));
const ModelPage = lazy(() => import('../features/models/ModelPage.tsx'));
const SlotsPage = lazy(() => import('../features/slots/SlotsPage.tsx'));
const SlotPage = lazy(() => import('../features/slots/SlotPage.tsx'));
const PlaygroundPage = lazy(() => import('../features/playground/PlaygroundPage.tsx'));
const UsagePage = lazy(() => import('../features/usage/UsagePage.tsx'));
const AccessPage = lazy(() => import('../features/access/AccessPage.tsx'));
const CredentialsPage = lazy(() => import('../features/credentials/CredentialsPage.tsx'));
const CredentialPage = lazy(() => import('../features/credentials/CredentialPage.tsx'));
const SecretPage = lazy(() => import('../features/access/SecretPage.tsx'));
const DoctorPage = lazy(() => import('../features/doctor/DoctorPage.tsx'));
const SettingsPage = lazy(() => import('../features/settings/SettingsPage.tsx'));
const JobPage = lazy(() => import('../features/jobs/JobPage.tsx'));
const GoPage = lazy(() => import('./GoPage.tsx'));

/** One path, one page; the same in the browser and in the desktop app. */
export function Routes(): ReactNode {
  const [path] = useLocation();
  const admin = useMay('admin');
  const secret = useSecret();
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
