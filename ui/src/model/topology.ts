/** What is joined with what: networks, routers and instances as a graph. Pure. */
import type { Network, Port, Router, Server } from '../api/types';

export type TopologyKind = 'network' | 'external' | 'router' | 'instance' | 'folded';

export interface TopologyNode {
  id: string;
  kind: TopologyKind;
  name: string;
  status: string;
  /** Of a folded node: how many instances it stands for. */
  count: number;
}

export interface TopologyEdge {
  id: string;
  source: string;
  target: string;
}

export interface Topology {
  nodes: TopologyNode[];
  edges: TopologyEdge[];
}

/** Instances of one network beyond which they are drawn as one. */
export const FOLD_AT = 12;

/** The graph of a project; instances of a network with many are folded into one node. */
export function topology(networks: readonly Network[], routers: readonly Router[], ports: readonly Port[], servers: readonly Server[]): Topology {
  const instances = new Map(servers.map((server) => [server.id, server]));
  const nodes = new Map<string, TopologyNode>();
  const edges = new Map<string, TopologyEdge>();
  const join = (source: string, target: string) => edges.set(`${source}-${target}`, { id: `${source}-${target}`, source, target });
  for (const { id, name, status, 'router:external': external } of networks) {
    nodes.set(id, { id, kind: external ? 'external' : 'network', name: name || id, status, count: 0 });
  }
  for (const { id, name, status, external_gateway_info: gateway } of routers) {
    nodes.set(id, { id, kind: 'router', name: name || id, status, count: 0 });
    if (gateway !== null && nodes.has(gateway.network_id)) join(gateway.network_id, id);
  }
  const plugged = new Map<string, Set<string>>();
  for (const { network_id: network, device_id: device, device_owner: owner } of ports) {
    if (!nodes.has(network)) continue;
    if (owner.startsWith('network:router_interface') && nodes.get(device)?.kind === 'router') join(device, network);
    else if (instances.has(device)) plugged.set(network, (plugged.get(network) ?? new Set()).add(device));
  }
  for (const [network, devices] of plugged) {
    if (devices.size > FOLD_AT) {
      const id = `${network}-instances`;
      nodes.set(id, { id, kind: 'folded', name: '', status: 'ACTIVE', count: devices.size });
      join(network, id);
      continue;
    }
    for (const device of devices) {
      const server = instances.get(device);
      if (server !== undefined) nodes.set(device, { id: device, kind: 'instance', name: server.name, status: server.status, count: 0 });
      join(network, device);
    }
  }
  return { nodes: [...nodes.values()], edges: [...edges.values()] };
}
