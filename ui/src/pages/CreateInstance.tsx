import {
  Alert, Button, Card, CardBody, CardTitle, Checkbox, Form, FormGroup, FormSection, FormSelect, FormSelectOption, TextArea, TextInput,
  ToggleGroup, ToggleGroupItem,
} from '@patternfly/react-core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useNavigate } from 'react-router';

import { openstack } from '../api/client';
import { queries } from '../api/queries';
import { pathIn, useScope } from '../api/scope';
import { useSession } from '../api/session';
import { ledTo, zoneTitle } from '../model/aggregates';
import { bytes, mebibytes } from '../model/format';
import { amountsOf, exceeded, fits, type QuotaName, type Quotas, times } from '../model/quota';
import { asCommandLine, asTerraform, inRegion, type InstanceRequest, newRequest, newVolume, problems, serverBody, type SourceKind } from '../model/request';
import { CodeBox } from '../parts/CodeBox';
import { ErrorNote } from '../parts/ErrorState';
import { Page } from '../parts/Page';
import { Picker, type PickRow } from '../parts/Picker';
import { Usage } from '../parts/Usage';
import { ask } from '../shell/tasks';
import { Tabbed } from '../parts/Tabbed';
import { texts } from '../texts';
import { NoBlockStorage, useNoBlockStorage } from './volumes/NoBlockStorage';

const t = texts.create;
const DEFAULT_ROOT = 10;
const KINDS: SourceKind[] = ['image', 'snapshot', 'volume'];
/** Formats of what belongs to an image: kernels and ramdisks start nothing by themselves. */
const PARTS: ReadonlySet<string> = new Set(['aki', 'ari']);
const gib = (size: number) => mebibytes(size * 1024);
/** How amounts of the quotas that have no plain number are shown. */
const SIZES: Partial<Record<QuotaName, (size: number) => string>> = { ram: mebibytes, gigabytes: gib };

/** What was filled in when another region was chosen: the page of that region begins with it. */
let carried: InstanceRequest | null = null;

/** The quotas that creating instances takes of, as far as they are known. */
function useQuotas(): { quotas: Quotas; error: unknown } {
  const scope = useScope();
  const { regions } = useSession();
  const volume = regions.find(({ name }) => name === scope.region)?.services.includes('volume') === true;
  const compute = useQuery(queries.computeLimits(scope));
  const volumes = useQuery({ ...queries.volumeLimits(scope), enabled: volume });
  const network = useQuery(queries.networkQuotas(scope));
  return {
    quotas: { ...compute.data, volumes: volumes.data?.volumes, gigabytes: volumes.data?.gigabytes, port: network.data?.port },
    error: compute.error ?? volumes.error ?? network.error,
  };
}

/** Create instances on one page: seen as a whole, checked against the quota, and as code. */
export default function CreateInstance() {
  const scope = useScope();
  const { user, regions, administrator } = useSession();
  const navigate = useNavigate();
  const client = useQueryClient();
  const images = useQuery(queries.images(scope));
  const snapshots = useQuery(queries.snapshots(scope));
  const volumes = useQuery(queries.volumes(scope));
  const flavors = useQuery(queries.publicFlavors(scope));
  const networks = useQuery(queries.networks(scope));
  const subnets = useQuery(queries.subnets(scope));
  const groups = useQuery(queries.securityGroups(scope));
  const keys = useQuery(queries.keypairs(scope));
  const zones = useQuery(queries.zones(scope));
  const aggregates = useQuery({ ...queries.aggregates(scope), enabled: administrator });
  const { quotas, error: unknown } = useQuotas();
  const [wanted, setWanted] = useState(() => (carried === null ? newRequest(scope.region) : inRegion(carried, scope.region)));
  useEffect(() => { carried = null; }, []);
  const noVolumes = useNoBlockStorage();
  const [busy, setBusy] = useState(false);
  const [tried, setTried] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const set = (change: Partial<InstanceRequest>) => setWanted({ ...wanted, ...change });

  const image = images.data?.find(({ id }) => id === wanted.source.id);
  const minimum = { ram: image?.min_ram ?? 0, disk: Math.max(image?.min_disk ?? 0, Math.ceil((image?.virtual_size ?? 0) / 2 ** 30)) };
  const flavor = flavors.data?.find(({ id }) => id === wanted.flavor.id);
  const sizeOf = (one?: { vcpus: number; ram: number }) => amountsOf({
    cores: one?.vcpus ?? 0, ram: one?.ram ?? 0, ports: wanted.networks.length, volume: newVolume(wanted, snapshots.data ?? []),
  });
  const need = times(wanted.count, sizeOf(flavor));
  const excess = exceeded(quotas, need);
  const wrong = problems(wanted);

  const sources: Record<SourceKind, PickRow[] | undefined> = {
    image: images.data?.filter(({ status, disk_format: format }) => status === 'active' && !PARTS.has(format ?? '')).map((one) => ({
      id: one.id, name: one.name ?? one.id, cells: [one.disk_format ?? '', bytes(one.size ?? 0), one.visibility],
    })),
    snapshot: snapshots.data?.filter(({ status }) => status === 'available').map((one) => ({
      id: one.id, name: one.name || one.id, cells: [gib(one.size)],
    })),
    volume: volumes.data?.filter(({ status, bootable }) => status === 'available' && bootable === 'true').map((one) => ({
      id: one.id, name: one.name || one.id, cells: [gib(one.size), one.volume_type ?? ''],
    })),
  };
  const flavorRows = flavors.data?.map((one): PickRow => {
    const room = fits(quotas, sizeOf(one));
    const onHost = wanted.source.kind === 'image' && wanted.rootVolume === null;
    const led = ledTo(one, aggregates.data ?? []).map(({ name }) => name);
    const small = one.ram < minimum.ram || (onHost && one.disk !== 0 && one.disk < minimum.disk);
    return {
      id: one.id, name: one.name, disabled: room === 0 || small,
      cells: [`${one.vcpus} vCPU`, mebibytes(one.ram), gib(one.disk), [small ? t.tooSmall : t.fits(room), ...(led.length > 0 ? [t.ledTo(led.join(', '))] : [])].join(' · ')],
    };
  });
  const cidrs = (network: string) => (subnets.data ?? []).filter((one) => one.network_id === network).map(({ cidr }) => cidr).join(', ');

  const submit = async () => {
    setTried(true);
    if (wrong.length > 0 || excess.length > 0) return;
    setBusy(true);
    setError(null);
    try {
      const body = serverBody(wanted);
      const answer = await ask({ title: t.title, subject: wanted.name, who: user.name }, () =>
        openstack<{ server: { id: string } }>(scope.region, 'compute', '/v2.1/servers', { method: 'POST', body }));
      await client.invalidateQueries({ queryKey: ['instance', scope.region] });
      void navigate(wanted.count === 1 ? pathIn(scope, 'instances', answer.server.id) : pathIn(scope, 'instances'));
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  };

  return (
    <Page title={t.title} above={{ title: texts.instances.title, to: pathIn(scope, 'instances') }}>
      <Form className="al-create" onSubmit={(event) => { event.preventDefault(); void submit(); }}>
        <div className="al-stack">
          <FormSection title={t.sections.what} titleElement="h2">
            <div className="al-fields">
              <FormGroup label={t.fields.name} fieldId="name" isRequired>
                <TextInput id="name" autoFocus isRequired value={wanted.name} onChange={(_event, name) => set({ name })} />
              </FormGroup>
              <FormGroup label={t.fields.count} fieldId="count">
                <TextInput id="count" type="number" min={1} max={1000} value={wanted.count} onChange={(_event, count) => set({ count: Number(count) })} />
              </FormGroup>
              <FormGroup label={t.fields.region} fieldId="region">
                <FormSelect id="region" value={scope.region} onChange={(_event, region) => { carried = wanted; void navigate(pathIn({ ...scope, region }, 'instances', 'create')); }}>
                  {regions.map(({ name }) => <FormSelectOption key={name} value={name} label={name} />)}
                </FormSelect>
              </FormGroup>
              <FormGroup label={t.fields.zone} fieldId="zone">
                <FormSelect id="zone" value={wanted.zone} onChange={(_event, zone) => set({ zone })}>
                  <FormSelectOption value="" label={t.fields.anyZone} />
                  {(zones.data ?? []).filter(({ zoneState }) => zoneState.available).map(({ zoneName }) => <FormSelectOption key={zoneName} value={zoneName} label={zoneTitle(zoneName, aggregates.data ?? [])} />)}
                </FormSelect>
              </FormGroup>
              <FormGroup label={t.fields.description} fieldId="description">
                <TextInput id="description" maxLength={255} value={wanted.description} onChange={(_event, description) => set({ description })} />
              </FormGroup>
            </div>
          </FormSection>
          <FormSection title={t.sections.source} titleElement="h2">
            <ToggleGroup aria-label={t.sections.source}>
              {KINDS.map((kind) => (
                <ToggleGroupItem
                  key={kind}
                  text={t.kinds[kind]}
                  buttonId={`source-${kind}`}
                  isSelected={wanted.source.kind === kind}
                  onChange={() => set({ source: { kind, id: '', name: '' }, rootVolume: null })}
                />
              ))}
            </ToggleGroup>
            <Picker
              label={t.kinds[wanted.source.kind]}
              rows={sources[wanted.source.kind]}
              chosen={[wanted.source.id]}
              none={t.none[wanted.source.kind]}
              onChoose={({ id, name }) => set({ source: { ...wanted.source, id, name } })}
            />
            {wanted.source.kind !== 'image' && <NoBlockStorage />}
            {wanted.source.kind === 'image' && (
              <Checkbox
                id="root-volume"
                label={t.fields.rootVolume}
                isDisabled={noVolumes}
                description={noVolumes ? texts.volumes.noStorage : undefined}
                isChecked={wanted.rootVolume !== null}
                onChange={(_event, on) => set({ rootVolume: on ? { size: Math.max(DEFAULT_ROOT, minimum.disk), deleteWithInstance: true } : null })}
              />
            )}
            {wanted.rootVolume !== null && (
              <div className="al-fields">
                <FormGroup label={t.fields.rootSize} fieldId="root-size">
                  <TextInput id="root-size" type="number" min={1} value={wanted.rootVolume.size} onChange={(_event, size) => set({ rootVolume: { size: Number(size), deleteWithInstance: wanted.rootVolume?.deleteWithInstance ?? true } })} />
                </FormGroup>
                <Checkbox id="root-fate" label={t.fields.rootFate} isChecked={wanted.rootVolume.deleteWithInstance} onChange={(_event, on) => set({ rootVolume: { size: wanted.rootVolume?.size ?? DEFAULT_ROOT, deleteWithInstance: on } })} />
              </div>
            )}
          </FormSection>
          <FormSection title={t.sections.flavor} titleElement="h2">
            <Picker label={t.sections.flavor} rows={flavorRows} chosen={[wanted.flavor.id]} none="" onChoose={({ id, name }) => set({ flavor: { id, name } })} />
          </FormSection>
          <FormSection title={t.sections.network} titleElement="h2">
            <Picker
              label={t.sections.network}
              many
              rows={networks.data?.map((one) => ({
                id: one.id, name: one.name || one.id,
                cells: [cidrs(one.id), one['router:external'] ? t.external : one.shared ? t.shared : ''],
              }))}
              chosen={wanted.networks.map(({ id }) => id)}
              none=""
              onChoose={({ id, name }) => set({
                networks: wanted.networks.some((one) => one.id === id) ? wanted.networks.filter((one) => one.id !== id) : [...wanted.networks, { id, name }],
              })}
            />
            <FormGroup label={t.fields.groups} role="group">
              <Picker
                label={t.fields.groups}
                many
                rows={groups.data?.map((one) => ({ id: one.id, name: one.name, cells: [one.description] }))}
                chosen={wanted.securityGroups.map(({ id }) => id)}
                none=""
                onChoose={({ id, name }) => set({
                  securityGroups: wanted.securityGroups.some((one) => one.id === id)
                    ? wanted.securityGroups.filter((one) => one.id !== id) : [...wanted.securityGroups, { id, name }],
                })}
              />
            </FormGroup>
          </FormSection>
          <FormSection title={t.sections.access} titleElement="h2">
            <FormGroup label={t.fields.key} fieldId="key">
              <FormSelect id="key" value={wanted.key} onChange={(_event, key) => set({ key })}>
                <FormSelectOption value="" label={t.fields.noKey} />
                {(keys.data ?? []).map(({ name }) => <FormSelectOption key={name} value={name} label={name} />)}
              </FormSelect>
            </FormGroup>
            <FormGroup label={t.fields.userData} fieldId="user-data">
              <TextArea id="user-data" className="al-mono" rows={5} resizeOrientation="vertical" value={wanted.userData} onChange={(_event, userData) => set({ userData })} />
              <input
                type="file"
                aria-label={t.fields.file}
                onChange={(event) => void event.target.files?.[0]?.text().then((userData) => set({ userData }))}
              />
            </FormGroup>
            <Checkbox id="config-drive" label={t.fields.configDrive} isChecked={wanted.configDrive} onChange={(_event, configDrive) => set({ configDrive })} />
          </FormSection>
        </div>
        <aside className="al-create-side">
          <Card isCompact>
            <CardTitle component="h2">{t.quota}</CardTitle>
            <CardBody>
              <div className="al-stack">
                {(Object.keys(need) as QuotaName[]).map((what) => {
                  const quota = quotas[what];
                  return quota && <Usage key={what} title={texts.overview.what[what]} quota={quota} added={need[what]} format={SIZES[what]} />;
                })}
                <ErrorNote error={unknown} />
              </div>
            </CardBody>
          </Card>
          {excess.length > 0 && (
            <Alert isInline variant="danger" title={t.exceedsTitle}>
              {excess.map(({ what, needed, free }) => (
                <p key={what}>{t.exceeds(texts.overview.what[what], (SIZES[what] ?? String)(needed), (SIZES[what] ?? String)(free))}</p>
              ))}
              <p>{t.exceedsRemedy}</p>
            </Alert>
          )}
          {tried && wrong.length > 0 && (
            <Alert isInline variant="warning" title={t.problems[wrong[0] ?? 'name']}>
              {wrong.slice(1).map((problem) => <p key={problem}>{t.problems[problem]}</p>)}
            </Alert>
          )}
          <ErrorNote error={error} />
          <Button type="submit" isBlock isLoading={busy} isDisabled={busy || excess.length > 0}>{t.submit(wanted.count || 1)}</Button>
          <AsCode wanted={wanted} />
        </aside>
      </Form>
    </Page>
  );
}

function AsCode({ wanted }: { wanted: InstanceRequest }) {
  const [tab, setTab] = useState<'cli' | 'terraform'>('cli');
  const code = tab === 'cli' ? asCommandLine(wanted) : asTerraform(wanted);
  return (
    <section aria-label={t.asCode}>
      <Tabbed label={t.asCode} titles={{ cli: t.cli, terraform: t.terraform }} current={tab} choose={setTab}>
        <CodeBox code={code} label={t.asCode} />
      </Tabbed>
    </section>
  );
}
