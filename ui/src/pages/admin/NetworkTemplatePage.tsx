import { Button, Card, CardBody, CardTitle } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';

import { type NetworkTemplate, regionPath, regionQueries } from '../../api/plane';
import { Loaded } from '../../parts/ErrorState';
import { Facts } from '../../parts/Facts';
import { FormDialog } from '../../parts/FormDialog';
import { Page } from '../../parts/Page';
import { useDialog, usePlaneChange } from '../../parts/useChange';
import { texts } from '../../texts';
import { parsed } from '../../model/json';
import { useRegion } from './useRegion';

const t = texts.networkTemplate;

/** Which physical networks a region has, and what carries them. */
export default function NetworkTemplatePage() {
  const { customer, region } = useRegion();
  const query = useQuery(regionQueries.networkTemplate(customer, region));
  const change = usePlaneChange();
  const { dialog, open, close } = useDialog();
  const edit = (template: NetworkTemplate) => open(
    <FormDialog
      danger
      title={t.title}
      lead={t.editWill}
      action={texts.actions.save}
      close={close}
      fields={[{ name: 'json', title: t.json, kind: 'area', initial: JSON.stringify(template, null, 2), required: true }]}
      check={({ json = '' }) => (parsed(json) === undefined ? t.wrong : undefined)}
      send={({ json = '' }) => change('PUT', `${regionPath(customer, region)}/network-template`, parsed(json), 'region', 'host')}
    />,
  );
  return (
    <Page title={t.title} lead={t.lead} actions={<Button isDisabled={query.data === undefined} onClick={() => { if (query.data !== undefined) edit(query.data); }}>{t.edit}</Button>}>
      <Loaded query={query}>
        {({ physical_networks: networks, overlay }) => (
          <div className="al-cards al-cards-wide">
            {Object.entries(networks).map(([name, network]) => (
              <Card key={name} isCompact>
                <CardTitle component="h2">{name}</CardTitle>
                <CardBody>
                  <Facts columns={1} facts={[
                    [t.columns.flat, network.flat ? texts.actions.yes : texts.actions.no],
                    [t.columns.vlans, network.vlans.map((range) => (typeof range === 'string' ? range : JSON.stringify(range))).join(', ')],
                    [t.columns.bridge, network.bridge],
                    [t.columns.interface, network.interface],
                    [t.mtu, network.mtu],
                    [t.columns.hosts, Object.keys(network.hosts).join(', ')],
                  ]} />
                </CardBody>
              </Card>
            ))}
            <Card isCompact>
              <CardTitle component="h2">{t.overlay}</CardTitle>
              <CardBody>
                <Facts columns={1} facts={[
                  [t.type, overlay.type],
                  [t.interface, overlay.interface ?? t.gateway],
                  [t.mtu, overlay.mtu],
                  [t.columns.hosts, Object.keys(overlay.hosts).join(', ')],
                ]} />
              </CardBody>
            </Card>
          </div>
        )}
      </Loaded>
      {dialog}
    </Page>
  );
}
