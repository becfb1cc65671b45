import { Alert, Button, Card, CardBody, CardTitle } from '@patternfly/react-core';
import PlusCircleIcon from '@patternfly/react-icons/dist/esm/icons/plus-circle-icon';
import { useState } from 'react';

import { type NetworkTemplate, regionPath } from '../../api/plane';
import { formOf, NEW_NETWORK, type NetworkForm, problemOf, templateOf } from '../../model/networkTemplate';
import { ErrorNote } from '../../parts/ErrorState';
import { type Cell, Fields, RowsEditor } from '../../parts/RowsEditor';
import { usePlaneChange } from '../../parts/useChange';
import { texts } from '../../texts';
import { useRegion } from './useRegion';

const t = texts.networkTemplate;
const { fields } = t;
const NETWORK: readonly Cell[] = [
  { name: 'name', title: fields.name, required: true },
  { name: 'bridge', title: fields.bridge, required: true },
  { name: 'interface', title: fields.interface, placeholder: t.bridgeOwn },
  { name: 'vlans', title: fields.vlans },
  { name: 'mtu', title: fields.mtu, kind: 'number', placeholder: t.mtuOverlay },
  { name: 'flat', title: fields.flat, kind: 'tick' },
];
const OVERLAY: readonly Cell[] = [
  { name: 'type', title: t.type, kind: 'select', choices: Object.entries(t.types).map(([value, title]) => ({ value, title })) },
  { name: 'interface', title: fields.interface, placeholder: t.gateway },
  { name: 'mtu', title: fields.mtu, kind: 'number', required: true },
];
const CARRIER: readonly Cell[] = [
  { name: 'host', title: fields.host, required: true },
  { name: 'interface', title: fields.interface, placeholder: t.same },
  { name: 'bridge', title: fields.bridge, placeholder: t.same },
  { name: 'address', title: fields.address },
  { name: 'absent', title: fields.absent, kind: 'tick' },
];
const END = CARRIER.filter(({ name }) => name !== 'bridge' && name !== 'absent');

/** The template to be filled in. */
export function NetworkTemplateForm({ template, done }: { template: NetworkTemplate; done: () => void }) {
  const { customer, region } = useRegion();
  const change = usePlaneChange();
  const [form, setForm] = useState(() => formOf(template));
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const problem = problemOf(form);
  const save = async () => {
    setBusy(true);
    setError(null);
    try {
      await change('PUT', `${regionPath(customer, region)}/network-template`, templateOf(form), 'region', 'host');
      done();
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  };
  const put = (place: number, network: NetworkForm) =>
    setForm({ ...form, networks: form.networks.map((one, index) => (index === place ? network : one)) });
  return (
    <form className="al-stack" onSubmit={(event) => { event.preventDefault(); if (problem === null && !busy) void save(); }}>
      {form.networks.map((network, place) => (
        <Part
          key={place}
          title={network.fields.name || t.network(place + 1)}
          cells={NETWORK}
          hostCells={CARRIER}
          part={network}
          set={(next) => put(place, next)}
          remove={() => setForm({ ...form, networks: form.networks.filter((_, index) => index !== place) })}
        />
      ))}
      <div><Button variant="link" icon={<PlusCircleIcon />} onClick={() => setForm({ ...form, networks: [...form.networks, NEW_NETWORK] })}>{t.addNetwork}</Button></div>
      <Part title={t.overlay} cells={OVERLAY} hostCells={END} part={form.overlay} set={(overlay) => setForm({ ...form, overlay })} />
      {problem !== null && <Alert isInline isPlain variant="warning" title={t.problems[problem.what](problem.network)} />}
      <ErrorNote error={error} />
      <div className="al-row">
        <Button type="submit" variant="danger" isLoading={busy} isDisabled={busy || problem !== null}>{texts.actions.save}</Button>
        <Button variant="link" onClick={done}>{texts.actions.cancel}</Button>
      </div>
    </form>
  );
}

/** A physical network, or the overlay: its fields, and the hosts that differ. */
function Part({ title, cells, hostCells, part, set, remove }: {
  title: string;
  cells: readonly Cell[];
  hostCells: readonly Cell[];
  part: NetworkForm;
  set: (part: NetworkForm) => void;
  remove?: () => void;
}) {
  return (
    <Card isCompact>
      <CardTitle component="h2">{title}</CardTitle>
      <CardBody>
        <div className="al-stack">
          <Fields cells={cells} row={part.fields} set={(row) => set({ ...part, fields: row })} />
          <RowsEditor
            rows={part.hosts}
            cells={hostCells}
            set={(hosts) => set({ ...part, hosts })}
            title={t.exception}
            add={t.addException}
            initial={{ host: '' }}
          />
          {remove !== undefined && <div><Button variant="link" isDanger onClick={remove}>{texts.rows.remove(title)}</Button></div>}
        </div>
      </CardBody>
    </Card>
  );
}
