import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';

import { queries } from '../api/queries';
import { useScope } from '../api/scope';
import { useSession } from '../api/session';
import type { Image } from '../api/types';
import { bytes } from '../model/format';
import { Ago } from '../parts/Ago';
import { FormDialog } from '../parts/FormDialog';
import { ListPage } from '../parts/ListPage';
import type { Column } from '../parts/ResourceTable';
import { StatusLabel } from '../parts/StatusLabel';
import { deleteAction } from '../parts/rowActions';
import { useChange, useDialog } from '../parts/useChange';
import { texts } from '../texts';
import { UploadImage } from './images/UploadImage';

const t = texts.images;
const c = t.columns;
const kind = ({ image_type: type }: Image) => (type === 'snapshot' ? t.kinds.snapshot : t.kinds.image);
const called = ({ id, name }: Image) => name ?? id;
const words = ({ id }: Image) => id;
const plain = (value: string) => value;
const FACETS = [
  { key: 'visibility', title: c.visibility, value: ({ visibility }: Image) => visibility, text: (value: string) => t.visibilities[value] ?? value },
  { key: 'kind', title: c.kind, value: kind, text: plain },
];

/** The images that the project can start from. */
export default function Images() {
  const scope = useScope();
  const { administrator } = useSession();
  const query = useQuery(queries.images(scope));
  const change = useChange();
  const { dialog, open, close } = useDialog();
  const columns = useMemo((): Column<Image>[] => [
    { key: 'name', title: c.name, value: called },
    { key: 'status', title: c.status, value: ({ status }) => status, render: ({ status }) => <StatusLabel status={status} />, narrow: true },
    { key: 'kind', title: c.kind, value: kind },
    { key: 'visibility', title: c.visibility, value: ({ visibility }) => t.visibilities[visibility] ?? visibility },
    { key: 'size', title: c.size, value: ({ size }) => size ?? 0, render: ({ size }) => (size === null ? '' : bytes(size)), right: true },
    { key: 'format', title: c.format, value: (image) => image.disk_format ?? '' },
    { key: 'minDisk', title: c.minDisk, value: (image) => image.min_disk, render: (image) => (image.min_disk > 0 ? `${image.min_disk} GiB` : ''), hidden: true, right: true },
    { key: 'minRam', title: c.minRam, value: (image) => image.min_ram, render: (image) => (image.min_ram > 0 ? `${image.min_ram} MiB` : ''), hidden: true, right: true },
    { key: 'protected', title: c.protected, value: (image) => (image.protected ? texts.actions.yes : ''), hidden: true },
    { key: 'origin', title: c.origin, value: ({ aloft_provenance: found }) => (found === undefined ? t.origins.openstack : t.origins.found), hidden: true },
    { key: 'created', title: c.created, value: (image) => image.created_at, render: (image) => <Ago at={image.created_at} /> },
    { key: 'id', title: c.id, value: ({ id }) => id, hidden: true },
  ], []);
  const mine = (image: Image) => administrator || image.owner === scope.project;
  const act = (title: string, image: Image, part: string) =>
    void change({ title, subject: called(image) }, 'image', 'POST', `/v2/images/${image.id}/actions/${part}`, undefined, 'image').catch(() => undefined);
  return (
    <ListPage
      id="images"
      title={t.title}
      query={query}
      columns={columns}
      rowKey={({ id }) => id}
      facets={FACETS}
      words={words}
      empty={t.empty}
      create={{ title: t.create, run: () => open(<UploadImage close={close} />) }}
      rowActions={() => [
        {
          key: 'edit', title: t.edit, when: mine,
          run: ([image]) => image !== undefined && open(
            <FormDialog
              title={t.edit}
              action={texts.actions.save}
              close={close}
              fields={[
                { name: 'name', title: t.fields.name, initial: called(image), required: true },
                { name: 'min_disk', title: t.fields.minDisk, kind: 'number', initial: String(image.min_disk) },
                { name: 'min_ram', title: t.fields.minRam, kind: 'number', initial: String(image.min_ram) },
                {
                  name: 'visibility', title: t.fields.visibility, kind: 'select', initial: image.visibility, when: () => administrator,
                  choices: Object.entries(t.visibilities).map(([value, title]) => ({ value, title })),
                },
                { name: 'protected', title: t.fields.protect, kind: 'tick', initial: image.protected ? 'true' : '' },
              ]}
              send={(values) => change({ title: t.edit, subject: called(image) }, 'image', 'PATCH', `/v2/images/${image.id}`, [
                { op: 'replace', path: '/name', value: values.name },
                { op: 'replace', path: '/min_disk', value: Number(values.min_disk) },
                { op: 'replace', path: '/min_ram', value: Number(values.min_ram) },
                { op: 'replace', path: '/protected', value: values.protected === 'true' },
                ...(administrator ? [{ op: 'replace', path: '/visibility', value: values.visibility }] : []),
              ], 'image')}
            />,
          ),
        },
        { key: 'off', title: t.deactivate, when: (image) => administrator && image.status === 'active', run: ([image]) => image && act(t.deactivate, image, 'deactivate') },
        { key: 'on', title: t.reactivate, when: (image) => administrator && image.status === 'deactivated', run: ([image]) => image && act(t.reactivate, image, 'reactivate') },
        deleteAction<Image>({ open, close }, {
          called, will: t.deleteWill, bulk: true, when: (image) => mine(image) && !image.protected,
          send: (image) => change({ title: t.delete, subject: called(image) }, 'image', 'DELETE', `/v2/images/${image.id}`, undefined, 'image'),
        }),
      ]}
      dialog={dialog}
    />
  );
}
