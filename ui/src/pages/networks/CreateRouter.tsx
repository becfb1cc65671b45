import { useQuery } from '@tanstack/react-query';

import { queries } from '../../api/queries';
import { useScope } from '../../api/scope';
import { FormDialog } from '../../parts/FormDialog';
import { useChange } from '../../parts/useChange';
import { texts } from '../../texts';

const t = texts.routers;

/** Create a router, with the way out if wanted. */
export function CreateRouter({ close }: { close: () => void }) {
  const scope = useScope();
  const networks = useQuery(queries.networks(scope));
  const change = useChange();
  const external = (networks.data ?? []).filter((one) => one['router:external']);
  return (
    <FormDialog
      title={t.create}
      action={texts.actions.create}
      close={close}
      fields={[
        { name: 'name', title: t.columns.name, required: true },
        {
          name: 'gateway', title: t.gateway, kind: 'select',
          choices: [...external.map(({ id, name }) => ({ value: id, title: name })), { value: '', title: t.noGateway }],
        },
      ]}
      send={({ name = '', gateway }) => change({ title: t.create, subject: name }, 'network', 'POST', '/v2.0/routers', {
        router: { name, project_id: scope.project, ...(gateway ? { external_gateway_info: { network_id: gateway } } : {}) },
      }, 'router', 'port')}
    />
  );
}
