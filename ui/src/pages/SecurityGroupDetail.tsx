import { Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useParams } from 'react-router';

import { queries } from '../api/queries';
import { pathIn, useScope } from '../api/scope';
import type { SecurityGroup, SecurityGroupRule } from '../api/types';
import { portsText, ruleBody } from '../model/rules';
import { FormDialog } from '../parts/FormDialog';
import { ErrorState, Loaded } from '../parts/ErrorState';
import { Page } from '../parts/Page';
import { type Column, ResourceTable } from '../parts/ResourceTable';
import { deleteAction } from '../parts/rowActions';
import { useChange, useDialog } from '../parts/useChange';
import { texts } from '../texts';

const t = texts.securityGroups;
const plain = (value: string) => value;

/** One security group and its rules. */
export default function SecurityGroupDetail() {
  const { id = '' } = useParams();
  const query = useQuery(queries.securityGroups(useScope()));
  return (
    <Loaded query={query}>
      {(groups) => {
        const group = groups.find((one) => one.id === id);
        return group === undefined ? <ErrorState error={new Error(texts.errors.byStatus[404])} /> : <Detail group={group} groups={groups} />;
      }}
    </Loaded>
  );
}

function Detail({ group, groups }: { group: SecurityGroup; groups: SecurityGroup[] }) {
  const scope = useScope();
  const query = useQuery({ ...queries.securityGroups(scope), select: (all) => all.find(({ id }) => id === group.id)?.security_group_rules ?? [] });
  const change = useChange();
  const { dialog, open, close } = useDialog();
  const remote = ({ remote_ip_prefix: cidr, remote_group_id: of }: SecurityGroupRule) =>
    cidr ?? groups.find(({ id }) => id === of)?.name ?? of ?? t.anywhere;
  const direction = (rule: SecurityGroupRule) => t.directions[rule.direction] ?? rule.direction;
  const columns: Column<SecurityGroupRule>[] = [
    { key: 'direction', title: t.ruleColumns.direction, value: direction },
    { key: 'protocol', title: t.ruleColumns.protocol, value: ({ protocol }) => protocol ?? t.any, narrow: true },
    { key: 'ports', title: t.ruleColumns.ports, value: (rule) => portsText(rule, t.any), narrow: true },
    { key: 'remote', title: t.ruleColumns.remote, value: remote },
    { key: 'ether', title: t.ruleColumns.ether, value: ({ ethertype }) => ethertype },
    { key: 'description', title: t.ruleColumns.description, value: ({ description }) => description },
  ];
  const custom = ({ kind }: Record<string, string>) => kind === 'custom';
  const ported = (values: Record<string, string>) => custom(values) && (values.protocol === 'tcp' || values.protocol === 'udp');
  const add = () => open(
    <FormDialog
      title={t.addRule}
      action={texts.actions.add}
      close={close}
      fields={[
        { name: 'kind', title: t.fields.kind, kind: 'select', choices: Object.entries(t.kinds).map(([value, title]) => ({ value, title })) },
        { name: 'direction', title: t.fields.direction, kind: 'select', when: custom, choices: Object.entries(t.directions).map(([value, title]) => ({ value, title })) },
        { name: 'protocol', title: t.fields.protocol, kind: 'select', when: custom, choices: ['tcp', 'udp', 'icmp', ''].map((value) => ({ value, title: value || t.any })) },
        { name: 'from', title: t.fields.from, kind: 'number', when: ported },
        { name: 'to', title: t.fields.to, kind: 'number', when: ported },
        { name: 'remote', title: t.fields.remote, kind: 'select', choices: Object.entries(t.remotes).map(([value, title]) => ({ value, title })) },
        { name: 'cidr', title: t.fields.cidr, initial: '0.0.0.0/0', when: (values) => values.remote === 'cidr' },
        { name: 'group', title: t.fields.group, kind: 'select', when: (values) => values.remote === 'group', choices: groups.map(({ id, name }) => ({ value: id, title: name })) },
        { name: 'description', title: t.fields.description },
      ]}
      send={(values) => change({ title: t.addRule, subject: group.name }, 'network', 'POST', '/v2.0/security-group-rules',
        ruleBody(group.id, values), 'security-group')}
    />,
  );
  return (
    <Page title={group.name} lead={group.description} above={{ title: t.title, to: pathIn(scope, 'security-groups') }} fill>
      <ResourceTable
        id="security-group-rules"
        query={query}
        columns={columns}
        rowKey={({ id }) => id}
        facets={[{ key: 'direction', title: t.ruleColumns.direction, value: direction, text: plain }]}
        empty={t.noRules}
        create={<Button onClick={add}>{t.addRule}</Button>}
        actions={() => [deleteAction<SecurityGroupRule>({ open, close }, {
          called: (rule) => `${direction(rule)} ${rule.protocol ?? t.any} ${portsText(rule, t.any)} ${remote(rule)}`, will: t.deleteRule, bulk: true,
          send: (rule) => change({ title: t.delete, subject: group.name }, 'network', 'DELETE', `/v2.0/security-group-rules/${rule.id}`, undefined, 'security-group'),
        })]}
      />
      {dialog}
    </Page>
  );
}
