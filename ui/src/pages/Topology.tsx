import { Button, EmptyState, EmptyStateBody } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useMemo } from 'react';
import { useNavigate } from 'react-router';

import { queries } from '../api/queries';
import { pathIn, useScope } from '../api/scope';
import { topology, type TopologyNode } from '../model/topology';
import { ErrorState } from '../parts/ErrorState';
import { Page } from '../parts/Page';
import { useDialog } from '../parts/useChange';
import { texts } from '../texts';
import { CreateNetwork } from './networks/CreateNetwork';
import { CreateRouter } from './networks/CreateRouter';
import { useRouterActions } from './networks/routerActions';

const Graph = lazy(() => import('./networks/Graph'));
const t = texts.topology;

/** The project's networks, routers and instances as they are joined now. */
export default function Topology() {
  const scope = useScope();
  const navigate = useNavigate();
  const networks = useQuery(queries.networks(scope));
  const routers = useQuery(queries.routers(scope));
  const ports = useQuery(queries.ports(scope));
  const instances = useQuery(queries.instances(scope));
  const { dialog, open, close } = useDialog();
  const routerActions = useRouterActions(open, close);
  const drawn = useMemo(
    () => topology(networks.data ?? [], routers.data ?? [], ports.data ?? [], instances.data ?? []),
    [networks.data, routers.data, ports.data, instances.data],
  );
  const error = networks.error ?? routers.error ?? ports.error;
  const go = ({ id, kind }: TopologyNode) => {
    if (kind === 'folded') void navigate(pathIn(scope, 'networks', id.replace(/-instances$/, '')));
    else void navigate(pathIn(scope, kind === 'instance' ? 'instances' : kind === 'router' ? 'routers' : 'networks', id));
  };
  const attach = (id: string) => {
    const router = routers.data?.find((one) => one.id === id);
    if (router !== undefined) routerActions.find(({ key }) => key === 'attach')?.run([router]);
  };
  return (
    <Page
      title={t.title}
      fill
      actions={
        <>
          <Button variant="secondary" onClick={() => open(<CreateNetwork close={close} />)}>{t.addNetwork}</Button>
          <Button variant="secondary" onClick={() => open(<CreateRouter close={close} />)}>{t.addRouter}</Button>
        </>
      }
    >
      {error !== null && <ErrorState error={error} retry={() => void Promise.all([networks.refetch(), routers.refetch(), ports.refetch()])} />}
      {networks.isSuccess && drawn.nodes.length === 0 && (
        <EmptyState titleText={t.empty} headingLevel="h2"><EmptyStateBody>{t.emptyBody}</EmptyStateBody></EmptyState>
      )}
      {drawn.nodes.length > 0 && networks.isSuccess && routers.isSuccess && ports.isSuccess && (
        <Suspense><Graph topology={drawn} go={go} attach={attach} /></Suspense>
      )}
      {dialog}
    </Page>
  );
}
