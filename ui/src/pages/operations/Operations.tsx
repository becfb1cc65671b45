import { useQuery } from '@tanstack/react-query';

import { type Operation, planeQueries } from '../../api/plane';
import { useSession } from '../../api/session';
import { ConfirmDialog } from '../../parts/FormDialog';
import { ListPage } from '../../parts/ListPage';
import { useDialog, usePlaneChange } from '../../parts/useChange';
import { operationText, texts } from '../../texts';
import { OPERATION_COLUMNS } from './operationColumns';

const t = texts.operations;
const FACETS = [
  { key: 'state', title: t.columns.state, value: ({ state }: Operation) => state },
  { key: 'kind', title: t.columns.kind, value: ({ kind }: Operation) => kind, text: operationText },
];

/** Every change that somebody asked the plane for; `base` is the address of this list. */
export default function Operations({ base }: { base: string }) {
  const provider = useSession().face === 'provider';
  const query = useQuery(planeQueries.operations(500));
  const change = usePlaneChange();
  const { dialog, open, close } = useDialog();
  return (
    <ListPage
      id="operations"
      title={t.title}
      query={query}
      columns={OPERATION_COLUMNS}
      rowKey={({ id }) => id}
      link={({ id }) => `${base}/${id}`}
      facets={FACETS}
      empty={t.empty}
      rowActions={() => [{
        key: 'cancel', title: t.cancel, danger: true,
        when: ({ kind, state }) => provider && (state === 'running' || state === 'queued') && (kind === 'customer.create' || kind === 'region.create'),
        run: ([one]) => one !== undefined && open(
          <ConfirmDialog title={texts.confirm.ask(t.cancel, `${operationText(one.kind)} ${one.subject}`)} action={t.cancel} close={close} send={() => change('POST', `/operations/${one.id}/cancel`, undefined)}>
            {t.cancelWill}
          </ConfirmDialog>,
        ),
      }]}
      dialog={dialog}
    />
  );
}
