import {
  Button, Checkbox, Form, FormGroup, FormSelect, FormSelectOption, Modal, ModalBody, ModalFooter, ModalHeader, Progress, TextInput,
} from '@patternfly/react-core';
import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';

import { openstack, upload } from '../../api/client';
import { useScope } from '../../api/scope';
import { useSession } from '../../api/session';
import type { Image } from '../../api/types';
import { formatOf } from '../../model/imageFormat';
import { bytes } from '../../model/format';
import { ErrorNote } from '../../parts/ErrorState';
import { followed } from '../../model/happenings';
import { run } from '../../shell/tasks';
import { texts } from '../../texts';

const t = texts.images;
const FORMATS = ['qcow2', 'raw', 'iso', 'vmdk', 'vhd', 'vhdx', 'vdi'];

/** Choose a file and send it to Glance; goes on in the task bar's sight. */
export function UploadImage({ close }: { close: () => void }) {
  const scope = useScope();
  const { user, administrator } = useSession();
  const client = useQueryClient();
  const [file, setFile] = useState<File | null>(null);
  const [name, setName] = useState('');
  const [format, setFormat] = useState('qcow2');
  const [disk, setDisk] = useState('0');
  const [open, setOpen] = useState(false);
  const [share, setShare] = useState<number | null>(null);
  const [error, setError] = useState<unknown>(null);
  const stop = useRef<AbortController>(null);

  const choose = async (chosen: File) => {
    setFile(chosen);
    if (name === '') setName(chosen.name.replace(/\.[a-z0-9]+$/i, ''));
    setFormat(formatOf(new Uint8Array(await chosen.slice(0, 64 * 1024).arrayBuffer())));
  };
  const send = async () => {
    if (file === null) return;
    setError(null);
    setShare(0);
    stop.current = new AbortController();
    const { signal } = stop.current;
    let image: Image | undefined;
    try {
      await run({ title: t.create, subject: name, who: user.name }, async (progress) => {
        const body = { name, disk_format: format, container_format: 'bare', min_disk: Number(disk), visibility: open ? 'public' : 'private' };
        image = await openstack<Image>(scope.region, 'image', '/v2/images', { method: 'POST', body });
        const path = `/os/${encodeURIComponent(scope.region)}/image/v2/images/${image.id}/file`;
        await upload(path, file, (done) => { setShare(done); progress(done); }, signal);
        return image;
      }, (made) => followed('image', 'POST', '/v2/images', {}, made));
      close();
    } catch (thrown) {
      setError(thrown);
      setShare(null);
      if (image !== undefined) await openstack(scope.region, 'image', `/v2/images/${image.id}`, { method: 'DELETE' }).catch(() => undefined);
    }
    await client.invalidateQueries({ queryKey: ['image'] });
  };
  const busy = share !== null;
  return (
    <Modal isOpen variant="small" onClose={busy ? undefined : close} aria-labelledby="upload-title">
      <ModalHeader title={t.create} labelId="upload-title" />
      <ModalBody>
        <Form id="upload" onSubmit={(event) => { event.preventDefault(); void send(); }}>
          <FormGroup label={t.fields.file} fieldId="file" isRequired>
            <input id="file" type="file" disabled={busy} onChange={(event) => { const chosen = event.target.files?.[0]; if (chosen !== undefined) void choose(chosen); }} />
            {file !== null && <span className="al-quiet">{bytes(file.size)}</span>}
          </FormGroup>
          <FormGroup label={t.fields.name} fieldId="image-name" isRequired>
            <TextInput id="image-name" value={name} isDisabled={busy} onChange={(_event, value) => setName(value)} />
          </FormGroup>
          <FormGroup label={t.fields.format} fieldId="format">
            <FormSelect id="format" value={format} isDisabled={busy} onChange={(_event, value) => setFormat(value)}>
              {FORMATS.map((each) => <FormSelectOption key={each} value={each} label={each} />)}
            </FormSelect>
          </FormGroup>
          <FormGroup label={t.fields.minDisk} fieldId="min-disk">
            <TextInput id="min-disk" type="number" min={0} value={disk} isDisabled={busy} onChange={(_event, value) => setDisk(value)} />
          </FormGroup>
          {administrator && <Checkbox id="public" label={t.visibilities.public} isChecked={open} onChange={(_event, on) => setOpen(on)} />}
          {busy && <Progress value={Math.round(share * 100)} aria-label={t.uploading(Math.round(share * 100))} label={t.uploading(Math.round(share * 100))} />}
          <ErrorNote error={error} />
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form="upload" isDisabled={busy || file === null || name.trim() === ''} isLoading={busy}>{t.upload}</Button>
        <Button variant="link" onClick={() => { if (busy) stop.current?.abort(); else close(); }}>{busy ? t.stop : texts.actions.cancel}</Button>
      </ModalFooter>
    </Modal>
  );
}
