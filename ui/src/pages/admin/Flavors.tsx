import { useQuery } from '@tanstack/react-query';

import { openstack } from '../../api/client';
import { queries } from '../../api/queries';
import { useScope } from '../../api/scope';
import type { Flavor } from '../../api/types';
import { mebibytes } from '../../model/format';
import { asLines, fromLines } from '../../model/metadata';
import { FormDialog, type Values } from '../../parts/FormDialog';
import { ListPage } from '../../parts/ListPage';
import type { Column } from '../../parts/ResourceTable';
import { deleteAction } from '../../parts/rowActions';
import { useChange, useDialog } from '../../parts/useChange';
import { tell } from '../../shell/tasks';
import { texts } from '../../texts';

const t = texts.flavors;
const EPHEMERAL = 'OS-FLV-EXT-DATA:ephemeral';
const PUBLIC = 'os-flavor-access:is_public';
const COLUMNS: Column<Flavor>[] = [
  { key: 'name', title: t.columns.name, value: ({ name }) => name },
  { key: 'vcpus', title: t.columns.vcpus, value: ({ vcpus }) => vcpus, right: true, narrow: true },
  { key: 'ram', title: t.columns.ram, value: ({ ram }) => ram, render: ({ ram }) => mebibytes(ram), right: true, narrow: true },
  { key: 'disk', title: t.columns.disk, value: ({ disk }) => disk, render: ({ disk }) => `${disk} GiB`, right: true },
  { key: 'ephemeral', title: t.columns.ephemeral, value: (flavor) => flavor[EPHEMERAL], render: (flavor) => `${flavor[EPHEMERAL]} GiB`, right: true, hidden: true },
  { key: 'public', title: t.columns.public, value: (flavor) => (flavor[PUBLIC] ? texts.actions.yes : texts.actions.no) },
  { key: 'specs', title: t.columns.specs, value: (flavor) => asLines(flavor.extra_specs ?? {}).replaceAll('\n', ', ') },
  { key: 'id', title: t.columns.id, value: ({ id }) => id, hidden: true },
];

/** The sizes that instances can have. */
export default function Flavors() {
  const scope = useScope();
  const query = useQuery(queries.flavors(scope));
  const projects = useQuery(queries.projects(scope));
  const change = useChange();
  const { dialog, open, close } = useDialog();
  const number = (name: string, title: string, initial: string) => ({ name, title, kind: 'number' as const, minimum: 0, initial, required: true });
  const create = () => open(
    <FormDialog
      title={t.create}
      action={texts.actions.create}
      close={close}
      fields={[
        { name: 'name', title: t.fields.name, required: true },
        number('vcpus', t.fields.vcpus, '1'), number('ram', t.fields.ram, '2048'), number('disk', t.fields.disk, '20'), number('ephemeral', t.fields.ephemeral, '0'),
        { name: 'public', title: t.fields.public, kind: 'tick', initial: 'true' },
      ]}
      send={({ name = '', vcpus, ram, disk, ephemeral, public: open_ }) => change({ title: t.create, subject: name }, 'compute', 'POST', '/v2.1/flavors', {
        flavor: { name, vcpus: Number(vcpus), ram: Number(ram), disk: Number(disk), [EPHEMERAL]: Number(ephemeral), [PUBLIC]: open_ === 'true' },
      }, 'flavor')}
    />,
  );
  const chooseProjects = async (flavor: Flavor) => {
    const { flavor_access: access } = await openstack<{ flavor_access: { tenant_id: string }[] }>(scope.region, 'compute', `/v2.1/flavors/${flavor.id}/os-flavor-access`);
    const before = access.map(({ tenant_id: project }) => project);
    const send = async ({ projects: chosen = '' }: Values) => {
      const after = chosen.split(',').filter(Boolean);
      const act = (verb: string, project: string) =>
        change({ title: t.access, subject: flavor.name }, 'compute', 'POST', `/v2.1/flavors/${flavor.id}/action`, { [verb]: { tenant: project } }, 'flavor');
      for (const project of after.filter((one) => !before.includes(one))) await act('addTenantAccess', project);
      for (const project of before.filter((one) => !after.includes(one))) await act('removeTenantAccess', project);
    };
    open(
      <FormDialog
        title={`${t.access}: ${flavor.name}`}
        lead={t.accessLead}
        action={texts.actions.save}
        close={close}
        fields={[{ name: 'projects', title: t.accessOf, kind: 'many', initial: before.join(','), choices: (projects.data ?? []).map(({ id, name }) => ({ value: id, title: name })) }]}
        send={send}
      />,
    );
  };
  const setSpecs = async (flavor: Flavor, pairs: Record<string, string>) => {
    const path = `/v2.1/flavors/${flavor.id}/os-extra_specs`;
    for (const key of Object.keys(flavor.extra_specs ?? {}).filter((one) => pairs[one] === undefined)) {
      await openstack(scope.region, 'compute', `${path}/${encodeURIComponent(key)}`, { method: 'DELETE' });
    }
    if (Object.keys(pairs).length > 0) await change({ title: t.specs, subject: flavor.name }, 'compute', 'POST', path, { extra_specs: pairs }, 'flavor');
    else await query.refetch();
  };
  return (
    <ListPage
      id="flavors"
      title={t.title}
      query={query}
      columns={COLUMNS}
      rowKey={({ id }) => id}
      empty={t.empty}
      create={{ title: t.create, run: create }}
      rowActions={() => [
        {
          key: 'specs', title: t.specs,
          run: ([flavor]) => flavor !== undefined && open(
            <FormDialog
              title={`${t.specs}: ${flavor.name}`}
              action={texts.actions.save}
              close={close}
              fields={[{ name: 'lines', title: t.lines, kind: 'area', initial: asLines(flavor.extra_specs ?? {}) }]}
              check={({ lines = '' }) => { const { wrong } = fromLines(lines); return wrong === undefined ? undefined : texts.instance.metadata.wrong(wrong); }}
              send={({ lines = '' }) => setSpecs(flavor, fromLines(lines).pairs)}
            />,
          ),
        },
        {
          key: 'access', title: t.access, when: (flavor) => !flavor[PUBLIC],
          run: ([flavor]) => { if (flavor !== undefined) void chooseProjects(flavor).catch((error: unknown) => tell(t.access, error)); },
        },
        deleteAction<Flavor>({ open, close }, {
          called: ({ name }) => name, will: t.deleteWill, bulk: true,
          send: (flavor) => change({ title: texts.actions.delete, subject: flavor.name }, 'compute', 'DELETE', `/v2.1/flavors/${flavor.id}`, undefined, 'flavor'),
        }),
      ]}
      dialog={dialog}
    />
  );
}
