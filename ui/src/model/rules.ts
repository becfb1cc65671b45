/** Security group rules. Pure. */
import type { SecurityGroupRule } from '../api/types';

const KNOWN: Record<string, { protocol: string; port?: number }> = {
  ssh: { protocol: 'tcp', port: 22 },
  http: { protocol: 'tcp', port: 80 },
  https: { protocol: 'tcp', port: 443 },
  rdp: { protocol: 'tcp', port: 3389 },
  icmp: { protocol: 'icmp' },
};

/** The ports of a rule: `22`, `8000–8080`, or `any`. */
export function portsText({ port_range_min: from, port_range_max: to }: SecurityGroupRule, any: string): string {
  if (from === null || to === null) return any;
  return from === to ? String(from) : `${from}–${to}`;
}

/** The body of Neutron's `POST /security-group-rules`, of what a person filled in. */
export function ruleBody(group: string, values: Record<string, string>): Record<string, unknown> {
  const { kind = 'custom', direction = 'ingress', protocol = '', from = '', to = '', remote, cidr = '', group: of, description = '' } = values;
  const known = KNOWN[kind];
  const first = known?.port ?? (from === '' ? undefined : Number(from));
  const last = known?.port ?? (to === '' ? first : Number(to));
  const name = known?.protocol ?? protocol;
  const source = remote === 'group' ? { remote_group_id: of } : cidr === '' ? {} : { remote_ip_prefix: cidr };
  return {
    security_group_rule: {
      security_group_id: group,
      direction: known === undefined ? direction : 'ingress',
      ethertype: remote !== 'group' && cidr.includes(':') ? 'IPv6' : 'IPv4',
      description,
      ...(name === '' ? {} : { protocol: name }),
      ...(first === undefined ? {} : { port_range_min: first, port_range_max: last }),
      ...source,
    },
  };
}
