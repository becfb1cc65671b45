import { Button, Card, CardBody, CardTitle, FormSelect, FormSelectOption } from '@patternfly/react-core';
import { queryOptions, useQuery } from '@tanstack/react-query';
import { useSearchParams } from 'react-router';

import { openstack } from '../../api/client';
import { queries, type Quota } from '../../api/queries';
import { type Scope, useScope } from '../../api/scope';
import { mebibytes } from '../../model/format';
import { Loaded } from '../../parts/ErrorState';
import { FormDialog } from '../../parts/FormDialog';
import { Page } from '../../parts/Page';
import { Usage } from '../../parts/Usage';
import { useChange, useDialog } from '../../parts/useChange';
import { texts } from '../../texts';

const t = texts.quotas;
const PARTS = {
  compute: ['instances', 'cores', 'ram'],
  volume: ['volumes', 'gigabytes', 'snapshots'],
  network: ['network', 'router', 'floatingip', 'port', 'security_group'],
} as const;
type Part = keyof typeof PARTS;
type Name = (typeof PARTS)[Part][number];
type Quotas = Record<Name, Quota>;
const TITLES: Record<Part, string> = { compute: texts.nav.compute, volume: texts.nav.storage, network: texts.nav.network };
const FORMATS: Partial<Record<Name, (value: number) => string>> = { ram: mebibytes, gigabytes: (size) => mebibytes(size * 1024) };

/** All quotas of a project with their use; Nova and Cinder call the use `in_use`, Neutron `used`. */
function quotasQuery({ region }: Scope, project: string) {
  return queryOptions({
    queryKey: ['project', region, project, 'quotas'],
    queryFn: async ({ signal }): Promise<Quotas> => {
      type Set = Record<string, { in_use?: number; used?: number; limit: number } | undefined>;
      const [compute, volume, network] = await Promise.all([
        openstack<{ quota_set: Set }>(region, 'compute', `/v2.1/os-quota-sets/${project}/detail`, { signal }),
        openstack<{ quota_set: Set }>(region, 'volume', `/v3/os-quota-sets/${project}?usage=true`, { signal }),
        openstack<{ quota: Set }>(region, 'network', `/v2.0/quotas/${project}/details.json`, { signal }),
      ]);
      const all: Set = { ...compute.quota_set, ...pick(volume.quota_set, PARTS.volume), ...network.quota };
      return Object.fromEntries(Object.values(PARTS).flat().map((name) => [name, { used: all[name]?.in_use ?? all[name]?.used ?? 0, limit: all[name]?.limit ?? -1 }])) as Quotas;
    },
  });
}

function pick<T>(from: Record<string, T>, names: readonly string[]): Record<string, T> {
  return Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)));
}

/** What projects may use in a region, and how much of it they do. */
export default function QuotasPage() {
  const scope = useScope();
  const [address, setAddress] = useSearchParams();
  const project = address.get('project') ?? scope.project;
  const projects = useQuery(queries.projects(scope));
  const query = useQuery(quotasQuery(scope, project));
  const change = useChange();
  const { dialog, open, close } = useDialog();
  const name = projects.data?.find(({ id }) => id === project)?.name ?? project;
  const edit = (quotas: Quotas) => open(
    <FormDialog
      title={`${t.edit}: ${name}`}
      lead={t.lead}
      action={texts.actions.save}
      close={close}
      fields={Object.values(PARTS).flat().map((each) => ({ name: each, title: t.fields[each], kind: 'number' as const, minimum: -1, initial: String(quotas[each].limit), required: true }))}
      send={async (values) => {
        const changed = (part: Part) => Object.fromEntries(PARTS[part].filter((each) => Number(values[each]) !== quotas[each].limit).map((each) => [each, Number(values[each])]));
        const put = (part: Part, path: string, key: string) => {
          const body = changed(part);
          return Object.keys(body).length === 0 ? Promise.resolve() : change({ title: t.edit, subject: name }, part, 'PUT', path, { [key]: body }, 'project', 'instance', 'volume', 'port');
        };
        await put('compute', `/v2.1/os-quota-sets/${project}`, 'quota_set');
        await put('volume', `/v3/os-quota-sets/${project}`, 'quota_set');
        await put('network', `/v2.0/quotas/${project}`, 'quota');
      }}
    />,
  );
  return (
    <Page
      title={t.title}
      lead={t.lead}
      actions={
        <>
          <FormSelect className="al-short" aria-label={t.project} value={project} onChange={(_event, id) => setAddress({ project: id })}>
            {(projects.data ?? [{ id: project, name }]).map((one) => <FormSelectOption key={one.id} value={one.id} label={one.name} />)}
          </FormSelect>
          <Button isDisabled={query.data === undefined} onClick={() => { if (query.data !== undefined) edit(query.data); }}>{t.edit}</Button>
        </>
      }
    >
      <Loaded query={query}>
        {(quotas) => (
          <div className="al-cards">
            {(Object.keys(PARTS) as Part[]).map((part) => (
              <Card key={part} isCompact>
                <CardTitle component="h2">{TITLES[part]}</CardTitle>
                <CardBody>
                  <div className="al-stack">
                    {PARTS[part].map((each) => <Usage key={each} title={texts.overview.what[each]} quota={quotas[each]} format={FORMATS[each]} />)}
                  </div>
                </CardBody>
              </Card>
            ))}
          </div>
        )}
      </Loaded>
      {dialog}
    </Page>
  );
}
