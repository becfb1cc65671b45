import '@patternfly/react-topology/dist/esm/css/topology-components.css';
import '@patternfly/react-topology/dist/esm/css/topology-controlbar.css';
import '@patternfly/react-topology/dist/esm/css/topology-view.css';

import { Button } from '@patternfly/react-core';
import CloudIcon from '@patternfly/react-icons/dist/esm/icons/cloud-icon';
import GlobeIcon from '@patternfly/react-icons/dist/esm/icons/globe-icon';
import NetworkIcon from '@patternfly/react-icons/dist/esm/icons/network-icon';
import RouteIcon from '@patternfly/react-icons/dist/esm/icons/route-icon';
import ServerIcon from '@patternfly/react-icons/dist/esm/icons/server-icon';
import {
  action, createTopologyControlButtons, DagreLayout, DefaultEdge, DefaultNode, defaultControlButtonsOptions, type Graph as TopologyGraph, GraphComponent, type GraphElement,
  ModelKind, type Node, NodeShape, NodeStatus, observer, SELECTION_EVENT, TopologyControlBar, TopologyView, Visualization,
  VisualizationProvider, VisualizationSurface, withPanZoom, withSelection, type WithSelectionProps,
} from '@patternfly/react-topology';
import { useEffect, useMemo, useState } from 'react';

import { moodOf } from '../../model/moods';
import type { Topology, TopologyKind, TopologyNode } from '../../model/topology';
import { statusText, texts } from '../../texts';

const t = texts.topology;
const SIZE = 44;
const ICONS: Record<TopologyKind, React.ComponentType> = { network: NetworkIcon, external: GlobeIcon, router: RouteIcon, instance: ServerIcon, folded: CloudIcon };
const SHAPES: Record<TopologyKind, NodeShape> = {
  network: NodeShape.rect, external: NodeShape.rect, router: NodeShape.hexagon, instance: NodeShape.circle, folded: NodeShape.circle,
};

function statusOf(status: string): NodeStatus {
  const mood = moodOf(status);
  if (mood === 'well') return NodeStatus.success;
  if (mood === 'bad') return NodeStatus.danger;
  return mood === 'warning' ? NodeStatus.warning : mood === 'busy' ? NodeStatus.info : NodeStatus.default;
}

const Thing = observer(({ element: given, selected, onSelect, ...rest }: { element: GraphElement } & Partial<WithSelectionProps>) => {
  const element = given as Node;
  const { kind } = element.getData() as TopologyNode;
  const Icon = ICONS[kind];
  return (
    <DefaultNode element={element} selected={selected} onSelect={onSelect} showStatusDecorator={kind !== 'folded'} badge={undefined} {...rest}>
      <g transform={`translate(${SIZE / 4}, ${SIZE / 4}) scale(${SIZE / 32})`}><Icon /></g>
    </DefaultNode>
  );
});

function visualization(): Visualization {
  const made = new Visualization();
  made.registerLayoutFactory((_type, graph: TopologyGraph) => new DagreLayout(graph, { rankdir: 'TB', nodesep: 30, ranksep: 40 }));
  made.registerComponentFactory((kind) => {
    if (kind === ModelKind.graph) return withPanZoom()(GraphComponent);
    if (kind === ModelKind.node) return withSelection()(Thing) as React.ComponentType<{ element: GraphElement }>;
    return DefaultEdge;
  });
  made.fromModel({ graph: { id: 'graph', type: 'graph', layout: 'Dagre' } }, false);
  return made;
}

/** The drawing itself; a chosen thing can be opened. */
export default function Graph({ topology, go, attach }: { topology: Topology; go: (node: TopologyNode) => void; attach: (router: string) => void }) {
  const view = useMemo(visualization, []);
  const [chosen, setChosen] = useState<string[]>([]);
  useEffect(() => {
    const listen = (ids: string[]) => setChosen(ids);
    view.addEventListener(SELECTION_EVENT, listen);
    return () => void view.removeEventListener(SELECTION_EVENT, listen);
  }, [view]);
  useEffect(() => {
    view.fromModel({
      nodes: topology.nodes.map((node) => ({
        id: node.id, type: 'node', label: node.kind === 'folded' ? t.folded(node.count) : node.name, width: SIZE, height: SIZE,
        shape: SHAPES[node.kind], status: statusOf(node.status), data: node,
      })),
      edges: topology.edges.map(({ id, source, target }) => ({ id, type: 'edge', source, target })),
    }, true);
  }, [view, topology]);
  const shape = [...topology.nodes, ...topology.edges].map(({ id }) => id).join(' ');
  useEffect(() => {
    // What was there before would stay where it is while its edges move; a change of state alone moves nothing.
    const timer = setTimeout(action(() => { view.getGraph().layout(); view.getGraph().fit(80); }), 200);
    return () => clearTimeout(timer);
  }, [view, shape]);
  const node = topology.nodes.find(({ id }) => id === chosen[0]);
  const graph = () => view.getGraph();
  return (
    <div className="al-topology">
      <TopologyView
        contextToolbar={node === undefined ? undefined : (
          <div className="al-row al-topology-chosen">
            <strong>{node.kind === 'folded' ? t.folded(node.count) : node.name}</strong>
            <span className="al-quiet">{node.kind === 'folded' ? '' : `${t.kinds[node.kind]} · ${statusText(node.status)}`}</span>
            <Button size="sm" onClick={() => go(node)}>{t.open}</Button>
            {node.kind === 'router' && <Button size="sm" variant="secondary" onClick={() => attach(node.id)}>{t.connect}</Button>}
          </div>
        )}
        controlBar={
          <TopologyControlBar
            controlButtons={createTopologyControlButtons({
              ...defaultControlButtonsOptions, zoomInTip: t.zoomIn, zoomInAriaLabel: t.zoomIn, zoomOutTip: t.zoomOut, zoomOutAriaLabel: t.zoomOut,
              fitToScreenTip: t.fit, fitToScreenAriaLabel: t.fit, resetViewTip: t.reset, resetViewAriaLabel: t.reset, legend: false,
              zoomInCallback: action(() => graph().scaleBy(4 / 3)), zoomOutCallback: action(() => graph().scaleBy(0.75)),
              fitToScreenCallback: action(() => graph().fit(80)), resetViewCallback: action(() => { graph().reset(); graph().layout(); }),
            })}
          />
        }
      >
        <VisualizationProvider controller={view}>
          <VisualizationSurface state={{ selectedIds: chosen }} />
        </VisualizationProvider>
      </TopologyView>
    </div>
  );
}
