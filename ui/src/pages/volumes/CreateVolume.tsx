import { useQuery } from '@tanstack/react-query';

import { queries } from '../../api/queries';
import { useScope } from '../../api/scope';
import { FormDialog } from '../../parts/FormDialog';
import { useChange } from '../../parts/useChange';
import { texts } from '../../texts';

const t = texts.volumes;

/** Create a volume: empty, from an image or from a snapshot. */
export function CreateVolume({ close }: { close: () => void }) {
  const scope = useScope();
  const images = useQuery(queries.images(scope));
  const snapshots = useQuery(queries.snapshots(scope));
  const types = useQuery(queries.volumeTypes(scope));
  const change = useChange();
  return (
    <FormDialog
      title={t.create}
      action={texts.actions.create}
      close={close}
      fields={[
        { name: 'name', title: t.fields.name, required: true },
        { name: 'size', title: t.fields.size, kind: 'number', minimum: 1, initial: '10', required: true },
        {
          name: 'type', title: t.fields.type, kind: 'select',
          choices: [{ value: '', title: t.fields.defaultType }, ...(types.data ?? []).map(({ name }) => ({ value: name, title: name }))],
        },
        {
          name: 'source', title: t.fields.source, kind: 'select',
          choices: [
            { value: '', title: t.fields.none },
            ...(images.data ?? []).filter(({ status }) => status === 'active').map(({ id, name }) => ({ value: `imageRef:${id}`, title: `${t.fields.image}: ${name ?? id}` })),
            ...(snapshots.data ?? []).map(({ id, name }) => ({ value: `snapshot_id:${id}`, title: `${t.fields.snapshot}: ${name || id}` })),
          ],
        },
        { name: 'description', title: t.fields.description },
      ]}
      send={({ name = '', size, type, source = '', description }) => {
        const [field, id] = source.split(':');
        const volume = { name, size: Number(size), description, ...(type ? { volume_type: type } : {}), ...(field ? { [field]: id } : {}) };
        return change({ title: t.create, subject: name }, 'volume', 'POST', '/v3/volumes', { volume }, 'volume');
      }}
    />
  );
}
