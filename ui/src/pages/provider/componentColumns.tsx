import type { Component } from '../../api/plane';
import type { Column } from '../../parts/ResourceTable';
import { StatusLabel } from '../../parts/StatusLabel';
import { texts } from '../../texts';

const t = texts.components;

/** The columns of a list of processes. */
export const COMPONENT_COLUMNS: Column<Component>[] = [
  { key: 'name', title: t.columns.name, value: ({ name }) => name },
  { key: 'state', title: t.columns.state, value: ({ state }) => state, render: ({ state }) => <StatusLabel status={state} />, narrow: true },
  { key: 'restarts', title: t.columns.restarts, value: ({ restarts }) => restarts, right: true },
  { key: 'reason', title: t.columns.reason, value: ({ reason }) => reason },
];
