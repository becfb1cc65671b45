import { Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';

import { queries } from '../../api/queries';
import { pathIn, useScope } from '../../api/scope';
import type { Image, Server } from '../../api/types';
import { bytes } from '../../model/format';
import { Ago } from '../../parts/Ago';
import { type Column, ResourceTable } from '../../parts/ResourceTable';
import { StatusLabel } from '../../parts/StatusLabel';
import { texts } from '../../texts';

const t = texts.instance.snapshots;
const c = texts.images.columns;
const COLUMNS: Column<Image>[] = [
  { key: 'name', title: c.name, value: ({ id, name }) => name ?? id },
  { key: 'status', title: c.status, value: ({ status }) => status, render: ({ status }) => <StatusLabel status={status} />, narrow: true },
  { key: 'size', title: c.size, value: ({ size }) => size ?? 0, render: ({ size }) => (size === null ? '' : bytes(size)), right: true },
  { key: 'created', title: c.created, value: (image) => image.created_at, render: (image) => <Ago at={image.created_at} /> },
];

/** The snapshots that were taken of an instance. */
export function SnapshotsTab({ server, take }: { server: Server; take?: () => void }) {
  const scope = useScope();
  const all = useQuery(queries.images(scope));
  const query = { ...all, data: all.data?.filter(({ instance_uuid: of }) => of === server.id) } as typeof all;
  return (
    <ResourceTable
      id="instance-snapshots"
      query={query}
      columns={COLUMNS}
      rowKey={({ id }) => id}
      link={({ id, name }) => `${pathIn(scope, 'images')}?q=${encodeURIComponent(name ?? id)}`}
      empty={t.empty}
      create={<Button isDisabled={take === undefined} onClick={take}>{t.take}</Button>}
    />
  );
}
