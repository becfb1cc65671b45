import { useQuery } from '@tanstack/react-query';

import { queries } from '../../api/queries';
import { useScope } from '../../api/scope';
import { FormDialog } from '../../parts/FormDialog';
import { texts } from '../../texts';

const t = texts.volumes;

/** The form that says to which instance a volume is attached; instances that come while it is open are among the choices. */
export function AttachVolume({ send, close }: { send: (server: string) => Promise<unknown>; close: () => void }) {
  const instances = useQuery(queries.instances(useScope()));
  return (
    <FormDialog
      title={t.attach}
      action={t.attach}
      close={close}
      fields={[{ name: 'server', title: t.instance, kind: 'select', required: true, choices: (instances.data ?? []).map(({ id, name }) => ({ value: id, title: name })) }]}
      send={({ server = '' }) => send(server)}
    />
  );
}
