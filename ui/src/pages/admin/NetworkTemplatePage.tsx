import { Button, Card, CardBody, CardTitle } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { regionQueries } from '../../api/plane';
import { Loaded } from '../../parts/ErrorState';
import { Facts } from '../../parts/Facts';
import { Page } from '../../parts/Page';
import { texts } from '../../texts';
import { NetworkTemplateForm } from './NetworkTemplateForm';
import { useRegion } from './useRegion';

const t = texts.networkTemplate;

/** Which physical networks a region has, and what carries them. */
export default function NetworkTemplatePage() {
  const { customer, region } = useRegion();
  const query = useQuery(regionQueries.networkTemplate(customer, region));
  const [editing, setEditing] = useState(false);
  return (
    <Page title={t.title} lead={editing ? t.editWill : t.lead} actions={!editing && <Button isDisabled={query.data === undefined} onClick={() => setEditing(true)}>{t.edit}</Button>}>
      <Loaded query={query}>
        {(template) => editing ? <NetworkTemplateForm template={template} done={() => setEditing(false)} /> : (
          <div className="al-cards al-cards-wide">
            {Object.entries(template.physical_networks).map(([name, network]) => (
              <Card key={name} isCompact>
                <CardTitle component="h2">{name}</CardTitle>
                <CardBody>
                  <Facts columns={1} facts={[
                    [t.columns.flat, network.flat ? texts.actions.yes : texts.actions.no],
                    [t.columns.vlans, network.vlans.join(', ')],
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
                  [t.type, t.types[template.overlay.type] ?? template.overlay.type],
                  [t.interface, template.overlay.interface ?? t.gateway],
                  [t.mtu, template.overlay.mtu],
                  [t.columns.hosts, Object.keys(template.overlay.hosts).join(', ')],
                ]} />
              </CardBody>
            </Card>
          </div>
        )}
      </Loaded>
    </Page>
  );
}
