import { Spinner } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { lazy, type ReactNode, Suspense, useEffect, useMemo, useRef } from 'react';
import { Navigate, Outlet, Route, Routes, useParams } from 'react-router';

import { pathIn, ScopeContext } from './api/scope';
import { type Session, SessionContext, sessionQuery, useMaybeSession, useSession, useSessionActions } from './api/session';
import { ErrorState } from './parts/ErrorState';
import { Boundary } from './shell/Boundary';
import { LoginPage } from './shell/LoginPage';
import { Shell } from './shell/Shell';
import { texts } from './texts';

const Overview = lazy(() => import('./pages/Overview'));
const Activity = lazy(() => import('./pages/Activity'));
const Instances = lazy(() => import('./pages/Instances'));
const CreateInstance = lazy(() => import('./pages/CreateInstance'));
const InstanceDetail = lazy(() => import('./pages/InstanceDetail'));
const ConsoleWindow = lazy(() => import('./pages/ConsoleWindow'));
const Volumes = lazy(() => import('./pages/Volumes'));
const Snapshots = lazy(() => import('./pages/Snapshots'));
const Images = lazy(() => import('./pages/Images'));
const Keypairs = lazy(() => import('./pages/Keypairs'));
const Networks = lazy(() => import('./pages/Networks'));
const NetworkDetail = lazy(() => import('./pages/NetworkDetail'));
const Topology = lazy(() => import('./pages/Topology'));
const Routers = lazy(() => import('./pages/Routers'));
const RouterDetail = lazy(() => import('./pages/RouterDetail'));
const FloatingIps = lazy(() => import('./pages/FloatingIps'));
const SecurityGroups = lazy(() => import('./pages/SecurityGroups'));
const SecurityGroupDetail = lazy(() => import('./pages/SecurityGroupDetail'));
const AdminPages = lazy(() => import('./pages/admin/AdminPages'));
const ProviderPages = lazy(() => import('./pages/provider/ProviderPages'));

/** Everything: the login page, or the pages of whoever is logged in. */
export function App() {
  return (
    <Boundary>
      <Suspense fallback={<Spinner className="al-waiting" aria-label={texts.loading} />}>
        <Entry />
      </Suspense>
    </Boundary>
  );
}

function Entry() {
  const session = useMaybeSession();
  const was = useRef(false);
  useEffect(() => {
    was.current = session !== null;
  });
  if (session === null) return <LoginPage ended={was.current} />;
  return (
    <SessionContext value={session}>
      {session.face === 'provider' ? (
        <Routes>
          <Route path="/provider/*" element={<Shell scope={null}><ProviderPages /></Shell>} />
          <Route path="*" element={<Navigate to="/provider" replace />} />
        </Routes>
      ) : (
        <CustomerRoutes session={session} />
      )}
    </SessionContext>
  );
}

function CustomerRoutes({ session }: { session: Session }) {
  const region = session.regions[0]?.name;
  const project = session.project?.id;
  if (region === undefined || project === undefined) {
    return <Shell scope={null}><ErrorState error={new Error(region === undefined ? texts.errors.noRegion : texts.errors.noProject)} /></Shell>;
  }
  const home = pathIn({ project, region });
  return (
    <Routes>
      <Route path="/console/:project/:region/:id" element={<InScope bare />}>
        <Route index element={<ConsoleWindow />} />
      </Route>
      <Route path="/project/:project/:region" element={<InScope />}>
        <Route index element={<Overview />} />
        <Route path="activity" element={<Activity />} />
        <Route path="instances" element={<Instances />} />
        <Route path="instances/create" element={<CreateInstance />} />
        <Route path="instances/:id/:tab?" element={<InstanceDetail />} />
        <Route path="volumes" element={<Volumes />} />
        <Route path="snapshots" element={<Snapshots />} />
        <Route path="images" element={<Images />} />
        <Route path="keypairs" element={<Keypairs />} />
        <Route path="networks" element={<Networks />} />
        <Route path="networks/:id" element={<NetworkDetail />} />
        <Route path="topology" element={<Topology />} />
        <Route path="routers" element={<Routers />} />
        <Route path="routers/:id" element={<RouterDetail />} />
        <Route path="floating-ips" element={<FloatingIps />} />
        <Route path="security-groups" element={<SecurityGroups />} />
        <Route path="security-groups/:id" element={<SecurityGroupDetail />} />
        <Route path="*" element={<Lost />} />
      </Route>
      <Route path="/admin/:region" element={<InScope />}>
        <Route path="*" element={session.administrator ? <AdminPages /> : <Lost />} />
      </Route>
      <Route path="*" element={<Navigate to={home} replace />} />
    </Routes>
  );
}

function Lost() {
  return <ErrorState error={new Error(texts.errors.noPage)} />;
}

/** The project and region of the address; enters the project when it is another than the session's. */
function InScope({ bare = false }: { bare?: boolean }) {
  const session = useSession();
  const parameters = useParams();
  const region = parameters.region ?? '';
  const project = parameters.project ?? session.project?.id ?? '';
  const known = session.regions.some(({ name }) => name === region) && session.projects.some(({ id }) => id === project);
  const page: ReactNode = known ? <Entered project={project}><Outlet /></Entered> : <ErrorState error={new Error(texts.errors.noPlace)} />;
  const ours = { project: session.project?.id ?? '', region: session.regions[0]?.name ?? '' };
  const where = known ? { project, region } : ours;
  // The same for as long as the place is: all that asks for the scope would be made anew with each address.
  const here = useMemo(() => ({ project: where.project, region: where.region }), [where.project, where.region]);
  return <ScopeContext value={here}>{bare ? page : <Shell scope={here}>{page}</Shell>}</ScopeContext>;
}

function Entered({ project, children }: { project: string; children: ReactNode }) {
  const session = useSession();
  const { enterProject } = useSessionActions();
  const other = session.project?.id !== project;
  const entering = useQuery({
    queryKey: [...sessionQuery.queryKey, 'enter', project],
    queryFn: async () => {
      await enterProject(project);
      return true;
    },
    enabled: other,
    retry: false,
    gcTime: 0,
  });
  if (entering.isError) return <ErrorState error={entering.error} retry={() => void entering.refetch()} />;
  return other ? <Spinner className="al-waiting" aria-label={texts.loading} /> : children;
}
