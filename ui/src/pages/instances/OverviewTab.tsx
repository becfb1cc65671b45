import { Card, CardBody, CardTitle, Label } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link } from 'react-router';

import { useUserNames } from '../../api/activity';
import { queries } from '../../api/queries';
import { adminPath, pathIn, useScope } from '../../api/scope';
import { useSession } from '../../api/session';
import type { Server } from '../../api/types';
import { dateTime, mebibytes } from '../../model/format';
import { originOf } from '../../model/instanceActions';
import { Copyable, Facts } from '../../parts/Facts';
import { texts } from '../../texts';
import { SyncPart } from './SyncPart';

const t = texts.instance;
const { facts: f } = t;

/** What an instance is. */
export function OverviewTab({ server }: { server: Server }) {
  const scope = useScope();
  const { administrator, projects } = useSession();
  const { name: userName } = useUserNames(scope);
  const images = useQuery(queries.images(scope));
  const { flavor } = server;
  const origin = originOf(server);
  const elsewhere = origin === 'adopted' ? texts.instances.asOnHost : texts.instances.fromVolume;
  const image = server.image ? (images.data?.find(({ id }) => server.image && id === server.image.id)?.name ?? server.image.id) : elsewhere;
  const host = server['OS-EXT-SRV-ATTR:host'];
  return (
    <div className="al-cards al-cards-wide">
      <Part title={t.identity}>
        <Facts columns={1} facts={[
          [f.name, server.name],
          [f.id, <Copyable key="id" text={server.id} />],
          [f.description, server.description],
          [f.project, projects.find(({ id }) => id === server.tenant_id)?.name ?? server.tenant_id],
          [f.tags, server.tags.length > 0 && <span className="al-row">{server.tags.map((tag) => <Label key={tag} isCompact>{tag}</Label>)}</span>],
          [f.locked, server.locked && (server.locked_reason ?? texts.actions.yes)],
        ]} />
      </Part>
      <Part title={t.access}>
        <Facts columns={1} facts={[
          ...Object.entries(server.addresses).map(([network, list]) =>
            [network, <span key={network} className="al-row">{list.map(({ addr }) => <Copyable key={addr} text={addr} />)}</span>] as const),
          [f.key, server.key_name],
          [f.groups, [...new Set((server.security_groups ?? []).map(({ name }) => name))].join(', ')],
          [f.configDrive, server.config_drive === 'True' && texts.actions.yes],
        ]} />
      </Part>
      <Part title={t.size}>
        <Facts columns={1} facts={[
          [f.flavor, flavor.original_name],
          [f.vcpus, flavor.vcpus],
          [f.memory, mebibytes(flavor.ram)],
          [f.disk, server.image || origin === 'adopted' ? `${flavor.disk} GiB` : elsewhere],
          [f.ephemeral, flavor.ephemeral > 0 && `${flavor.ephemeral} GiB`],
          [f.image, server.image ? <Link key="image" to={`${pathIn(scope, 'images')}?q=${encodeURIComponent(image)}`}>{image}</Link> : image],
        ]} />
      </Part>
      <Part title={t.where}>
        <Facts columns={1} facts={[
          [f.power, t.power[server['OS-EXT-STS:power_state']]],
          [f.zone, server['OS-EXT-AZ:availability_zone']],
          [f.host, administrator && host ? <Link key="host" to={adminPath(scope.region, 'hosts', host)}>{host}</Link> : host],
          [f.hypervisorName, server['OS-EXT-SRV-ATTR:instance_name']],
        ]} />
      </Part>
      <Part title={t.provenance}>
        <Facts columns={1} facts={[
          [f.origin, t.origins[origin]],
          [f.owner, userName(server.user_id)],
          [f.created, dateTime(server.created)],
          [f.launched, server['OS-SRV-USG:launched_at'] && dateTime(server['OS-SRV-USG:launched_at'])],
          [f.updated, dateTime(server.updated)],
        ]} />
      </Part>
      <SyncPart uuid={server.id} />
    </div>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return <Card isCompact><CardTitle component="h2">{title}</CardTitle><CardBody>{children}</CardBody></Card>;
}
