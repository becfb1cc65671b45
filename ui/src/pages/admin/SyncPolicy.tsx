import { Alert, Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';

import { type PolicyName, regionPath, regionQueries, type Tried } from '../../api/plane';
import { queries } from '../../api/queries';
import { useScope } from '../../api/scope';
import { missing } from '../../model/policy';
import { atHand } from '../../parts/asked';
import { ErrorNote, Loaded } from '../../parts/ErrorState';
import type { Values } from '../../parts/FormDialog';
import { type Column, ResourceTable } from '../../parts/ResourceTable';
import { type Cell, RowsEditor } from '../../parts/RowsEditor';
import { StatusLabel } from '../../parts/StatusLabel';
import { usePlaneChange } from '../../parts/useChange';
import { texts } from '../../texts';
import { useRegion } from './useRegion';

const t = texts.sync;
const { fields } = t;
const pattern = (name: keyof typeof fields): Cell => ({ name, title: fields[name], placeholder: t.any });
/** What a try found; `projectName` gives the name of one that is known by its ID. */
const triedColumns = (projectName: (id: string) => string): Column<Tried>[] => [
  { key: 'name', title: t.columns.name, value: ({ name, uuid }) => name || uuid },
  { key: 'standing', title: t.columns.standing, value: ({ standing }) => standing ?? '', render: ({ standing }) => standing !== null && <StatusLabel status={standing} />, narrow: true },
  { key: 'standingNow', title: t.standingNow, value: ({ now }) => now?.standing ?? '', render: ({ now }) => now !== null && <StatusLabel status={now.standing} /> },
  { key: 'before', title: t.before, value: ({ now }) => projectName(now?.project ?? ''), render: ({ now, project }) => (now?.project && now.project !== project ? <del>{projectName(now.project)}</del> : projectName(now?.project ?? '')) },
  { key: 'project', title: t.columns.project, value: ({ project }) => projectName(project ?? ''), render: ({ now, project }) => (project !== null && project !== now?.project ? <ins>{projectName(project)}</ins> : projectName(project ?? '')) },
  { key: 'reason', title: t.columns.reason, value: ({ reason }) => reason },
  { key: 'host', title: t.columns.host, value: ({ host }) => host },
];

/** The rules, or what is kept out: to be changed, tried and saved. */
export function SyncPolicy({ name }: { name: PolicyName }) {
  const { customer, region } = useRegion();
  const query = useQuery({ ...regionQueries.syncPolicy(customer, region, name), staleTime: Infinity });
  return <Loaded query={query}>{(items) => <Editor key={JSON.stringify(items)} name={name} items={items} />}</Loaded>;
}

function Editor({ name, items }: { name: PolicyName; items: readonly Values[] }) {
  const scope = useScope();
  const { customer, region } = useRegion();
  const change = usePlaneChange();
  const projects = useQuery(queries.projects(scope));
  const known = projects.data;
  const columns = useMemo(() => triedColumns((id) => known?.find((one) => one.id === id)?.name ?? id), [known]);
  const [rows, setRows] = useState<readonly Values[]>(items);
  const [tried, setTried] = useState<Tried[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const path = `${regionPath(customer, region)}/sync`;
  const cells: Record<PolicyName, readonly Cell[]> = {
    rules: [
      { name: 'project', title: fields.project, kind: 'select', required: true, choices: (projects.data ?? []).map((one) => ({ value: one.name, title: one.name })) },
      pattern('host'), pattern('aggregate'), pattern('name'), pattern('pool'), pattern('network'),
      { name: 'metadata', title: fields.metadata, placeholder: t.anyText },
    ],
    exclusions: [
      { name: 'kind', title: fields.kind, kind: 'select', choices: Object.entries(t.kinds).map(([value, title]) => ({ value, title })) },
      { name: 'pattern', title: fields.pattern, required: true },
      { name: 'host', title: fields.host, placeholder: t.any },
    ],
  };
  const wrong = missing(rows, name === 'rules' ? 'project' : 'pattern');
  const attempt = (work: () => Promise<unknown>) => {
    setError(null);
    void work().catch(setError);
  };
  const body = rows.map((row) => (name === 'exclusions' ? { ...row, host: row.host || '*' } : row));
  return (
    <div className="al-stack al-scrolled">
      <p className="al-quiet">{name === 'rules' ? t.rulesLead : t.exclusionsLead}</p>
      <RowsEditor
        rows={rows}
        cells={cells[name]}
        set={(next) => { setRows(next); setTried(null); }}
        title={name === 'rules' ? t.rule : t.exclusion}
        add={name === 'rules' ? t.addRule : t.addExclusion}
        initial={name === 'rules' ? { project: projects.data?.[0]?.name ?? '' } : { kind: 'name', pattern: '' }}
        ordered={name === 'rules'}
      />
      {wrong !== null && <Alert isInline isPlain variant="warning" title={t.incomplete((name === 'rules' ? t.rule : t.exclusion)(wrong + 1))} />}
      <div className="al-row">
        <Button
          isDisabled={wrong !== null || rows === items}
          onClick={() => attempt(async () => { await change('PUT', `${path}/${name}`, { items: body }, 'sync'); })}
        >
          {texts.actions.save}
        </Button>
        <Button
          variant="secondary"
          isDisabled={wrong !== null}
          onClick={() => attempt(async () => setTried((await change<{ items: Tried[] }>('POST', `${path}/rules/try`, { [name]: body })).items))}
        >
          {t.try}
        </Button>
        {rows !== items && <Button variant="link" onClick={() => { setRows(items); setTried(null); }}>{t.discard}</Button>}
      </div>
      <ErrorNote error={error} />
      {tried !== null && (
        <>
          <h2 className="pf-v6-c-title pf-m-lg">{t.tried}</h2>
          <ResourceTable
            id="sync-tried"
            query={atHand(tried)}
            columns={columns}
            rowKey={({ host, uuid }) => `${host}/${uuid}`}
            empty={t.noTried}
          />
        </>
      )}
    </div>
  );
}
