import { useQuery } from '@tanstack/react-query';

import { queries } from '../../api/queries';
import { useScope } from '../../api/scope';
import type { Aggregate } from '../../api/types';
import { asLines, fromLines } from '../../model/metadata';
import { FormDialog } from '../../parts/FormDialog';
import { ListPage } from '../../parts/ListPage';
import type { Column } from '../../parts/ResourceTable';
import { deleteAction, formAction } from '../../parts/rowActions';
import { useChange, useDialog } from '../../parts/useChange';
import { texts } from '../../texts';

const t = texts.aggregates;
const COLUMNS: Column<Aggregate>[] = [
  { key: 'name', title: t.columns.name, value: ({ name }) => name },
  { key: 'zone', title: t.columns.zone, value: ({ availability_zone: zone }) => zone ?? '', narrow: true },
  { key: 'hosts', title: t.columns.hosts, value: ({ hosts }) => hosts.join(', ') },
  { key: 'metadata', title: t.columns.metadata, value: ({ metadata }) => asLines(metadata).replaceAll('\n', ', ') },
];

/** Sets of hosts, and the properties that flavors can ask for. */
export default function Aggregates() {
  const scope = useScope();
  const query = useQuery(queries.aggregates(scope));
  const services = useQuery(queries.services(scope));
  const change = useChange();
  const { dialog, open, close } = useDialog();
  const hosts = (services.data ?? []).filter(({ binary }) => binary === 'nova-compute').map(({ host }) => host);
  const act = (title: string, { id, name }: Aggregate, body: unknown) =>
    change({ title, subject: name }, 'compute', 'POST', `/v2.1/os-aggregates/${id}/action`, body, 'aggregate', 'service');
  const hostDialog = (title: string, verb: string, aggregate: Aggregate, choices: string[]) => open(
    <FormDialog
      title={`${title}: ${aggregate.name}`}
      action={title}
      close={close}
      fields={[{ name: 'host', title: t.host, kind: 'select', required: true, choices: choices.map((host) => ({ value: host, title: host })) }]}
      send={({ host }) => act(title, aggregate, { [verb]: { host } })}
    />,
  );
  return (
    <ListPage
      id="aggregates"
      title={t.title}
      query={query}
      columns={COLUMNS}
      rowKey={({ id }) => String(id)}
      empty={t.empty}
      create={{
        title: t.create,
        run: () => open(
          <FormDialog
            title={t.create}
            action={texts.actions.create}
            close={close}
            fields={[{ name: 'name', title: t.columns.name, required: true }, { name: 'zone', title: t.columns.zone }]}
            send={({ name = '', zone }) => change({ title: t.create, subject: name }, 'compute', 'POST', '/v2.1/os-aggregates',
              { aggregate: { name, availability_zone: zone || null } }, 'aggregate', 'service')}
          />,
        ),
      }}
      rowActions={() => [
        formAction<Aggregate>({ open, close }, {
          key: 'edit', title: t.edit, called: ({ name }) => name, action: texts.actions.save,
          fields: ({ name, availability_zone: zone }) => [
            { name: 'name', title: t.columns.name, initial: name, required: true },
            { name: 'zone', title: t.columns.zone, initial: zone ?? '', required: zone !== null },
          ],
          send: ({ id }, { name = '', zone }) => change({ title: t.edit, subject: name }, 'compute', 'PUT', `/v2.1/os-aggregates/${id}`,
            { aggregate: { name, ...(zone ? { availability_zone: zone } : {}) } }, 'aggregate', 'service'),
        }),
        { key: 'add', title: t.addHost, run: ([one]) => { if (one !== undefined) hostDialog(t.addHost, 'add_host', one, hosts.filter((host) => !one.hosts.includes(host))); } },
        { key: 'take', title: t.removeHost, when: (one) => one.hosts.length > 0, run: ([one]) => { if (one !== undefined) hostDialog(t.removeHost, 'remove_host', one, one.hosts); } },
        {
          key: 'metadata', title: t.metadata,
          run: ([one]) => one !== undefined && open(
            <FormDialog
              title={`${t.metadata}: ${one.name}`}
              action={texts.actions.save}
              close={close}
              fields={[{ name: 'lines', title: t.lines, kind: 'area', initial: asLines(one.metadata) }]}
              check={({ lines = '' }) => { const { wrong } = fromLines(lines); return wrong === undefined ? undefined : texts.instance.metadata.wrong(wrong); }}
              send={({ lines = '' }) => {
                const { pairs } = fromLines(lines);
                const gone = Object.keys(one.metadata).filter((key) => pairs[key] === undefined && key !== 'availability_zone').map((key) => [key, null]);
                return act(t.metadata, one, { set_metadata: { metadata: { ...pairs, ...Object.fromEntries(gone) as Record<string, null> } } });
              }}
            />,
          ),
        },
        deleteAction<Aggregate>({ open, close }, {
          called: (one) => one.name, will: t.deleteWill, when: (one) => one.hosts.length === 0,
          send: (one) => change({ title: texts.actions.delete, subject: one.name }, 'compute', 'DELETE', `/v2.1/os-aggregates/${one.id}`, undefined, 'aggregate', 'service'),
        }),
      ]}
      dialog={dialog}
    />
  );
}
