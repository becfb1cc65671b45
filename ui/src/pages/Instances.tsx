import { Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useMemo, useState } from 'react';
import { Link, useNavigate } from 'react-router';

import { queries } from '../api/queries';
import { pathIn, useScope } from '../api/scope';
import { useSession } from '../api/session';
import type { Server } from '../api/types';
import { mebibytes } from '../model/format';
import { actionsFor, type InstanceAction, offers, ORDER, originOf, PLAIN_BODIES, RULES } from '../model/instanceActions';
import { addressesOf } from '../model/search';
import { each } from '../parts/each';
import { Ago } from '../parts/Ago';
import { Page } from '../parts/Page';
import { type Column, ResourceTable, type RowAction } from '../parts/ResourceTable';
import { StatusLabel } from '../parts/StatusLabel';
import { texts } from '../texts';
import { usePerform } from './instances/act';
import { ActionDialog, actsAtOnce } from './instances/ActionDialog';

const t = texts.instances;
/** Actions that make no sense for many instances, or have a place of their own in an instance's page. */
const SINGLE: ReadonlySet<InstanceAction> = new Set([
  'rename', 'resize', 'rebuild', 'rescue', 'setPassword', 'snapshot', 'backup', 'attachVolume', 'attachInterface', 'console', 'log', 'liveMigrate', 'abortMigration', 'completeMigration',
  'evacuate', 'resetState',
]);
const ELSEWHERE: ReadonlySet<InstanceAction> = new Set(['detachVolume', 'detachInterface', 'editMetadata']);
const FACETS = [{ key: 'status', title: t.columns.status, value: ({ status }: Server) => status }];
const words = (server: Server) => `${server.id} ${addressesOf(server).join(' ')} ${server.tags.join(' ')}`;

/** All instances of the project, as they are now. */
export default function Instances() {
  const scope = useScope();
  const { administrator } = useSession();
  const navigate = useNavigate();
  const { act } = usePerform();
  const query = useQuery(queries.instances(scope));
  const images = useQuery({ ...queries.images(scope), staleTime: 300_000 });
  const [dialog, setDialog] = useState<ReactNode>(null);

  const imageNames = useMemo(() => new Map((images.data ?? []).map(({ id, name }) => [id, name ?? id])), [images.data]);
  const columns = useMemo(() => columnsOf(imageNames, administrator), [imageNames, administrator]);

  const actionsOf = (server: Server | null): RowAction<Server>[] =>
    (server === null ? ORDER : actionsFor(server, administrator)).filter((action) => !ELSEWHERE.has(action)).map((action) => ({
      key: action,
      title: t.names[action],
      danger: RULES[action].danger,
      bulk: !SINGLE.has(action) && (administrator || RULES[action].administrator !== true),
      when: (row) => offers(row, action, administrator),
      run: (rows) => {
        const [first] = rows;
        if ((action === 'console' || action === 'log') && first !== undefined) {
          void navigate(pathIn(scope, 'instances', first.id, action));
        } else if (actsAtOnce(action)) {
          // Each that is refused tells so by itself.
          void each(rows, ({ name }) => name, (row) => act(action, row, PLAIN_BODIES[action] ?? {})).catch(() => undefined);
        } else setDialog(<ActionDialog action={action} servers={rows} close={() => setDialog(null)} />);
      },
    }));

  return (
    <Page title={t.title} fill>
      <ResourceTable
        id="instances"
        query={query}
        columns={columns}
        rowKey={({ id }) => id}
        link={({ id }) => pathIn(scope, 'instances', id)}
        actions={actionsOf}
        facets={FACETS}
        words={words}
        empty={t.empty}
        create={<Button component={(props) => <Link {...props} to={pathIn(scope, 'instances', 'create')} />}>{t.create}</Button>}
      />
      {dialog}
    </Page>
  );
}

/** What an instance starts from: an image by its name, a volume, or what was on its host before. */
function startsFrom(server: Server, images: ReadonlyMap<string, string>): string {
  if (server.image) return images.get(server.image.id) ?? server.image.id;
  return originOf(server) === 'adopted' ? t.asOnHost : t.fromVolume;
}

function columnsOf(images: ReadonlyMap<string, string>, administrator: boolean): Column<Server>[] {
  const c = t.columns;
  return [
    { key: 'name', title: c.name, value: ({ name }) => name },
    {
      key: 'status', title: c.status, value: ({ status }) => status, narrow: true,
      render: (server) => <StatusLabel status={server.status} busy={server['OS-EXT-STS:task_state']} />,
    },
    { key: 'addresses', title: c.addresses, value: (server) => addressesOf(server).join(', ') },
    { key: 'flavor', title: c.flavor, value: ({ flavor }) => flavor.original_name },
    { key: 'vcpus', title: c.vcpus, value: ({ flavor }) => flavor.vcpus, right: true, hidden: true },
    { key: 'ram', title: c.ram, value: ({ flavor }) => flavor.ram, render: ({ flavor }) => mebibytes(flavor.ram), right: true },
    { key: 'image', title: c.image, value: (server) => startsFrom(server, images) },
    { key: 'zone', title: c.zone, value: (server) => server['OS-EXT-AZ:availability_zone'], hidden: true },
    ...(administrator ? [{ key: 'host', title: c.host, value: (server: Server) => server['OS-EXT-SRV-ATTR:host'] ?? '' }] : []),
    { key: 'created', title: c.created, value: ({ created }) => created, render: ({ created }) => <Ago at={created} /> },
    { key: 'key', title: c.key, value: ({ key_name: key }) => key ?? '', hidden: true },
    { key: 'disks', title: c.disks, value: (server) => server['os-extended-volumes:volumes_attached'].length, hidden: true, right: true },
    { key: 'tags', title: c.tags, value: ({ tags }) => tags.join(', '), hidden: true },
    { key: 'id', title: c.id, value: ({ id }) => id, hidden: true },
  ];
}
