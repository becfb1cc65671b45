import { Alert, Button, Form, FormGroup, TextArea } from '@patternfly/react-core';
import { useState } from 'react';

import { openstack } from '../../api/client';
import { useScope } from '../../api/scope';
import type { Server } from '../../api/types';
import { asLines, fromLines } from '../../model/metadata';
import { ErrorNote } from '../../parts/ErrorState';
import { texts } from '../../texts';
import { usePerform } from './act';

const t = texts.instance.metadata;

/** An instance's metadata and tags, to be changed as text. */
export function MetadataTab({ server }: { server: Server }) {
  const scope = useScope();
  const { send } = usePerform();
  const [lines, setLines] = useState(() => asLines(server.metadata));
  const [tags, setTags] = useState(() => server.tags.join('\n'));
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const { pairs, wrong } = fromLines(lines);
  const path = `/v2.1/servers/${server.id}`;
  const save = async () => {
    setBusy(true);
    setError(null);
    try {
      await send('editMetadata', server, async () => {
        await openstack(scope.region, 'compute', `${path}/metadata`, { method: 'PUT', body: { metadata: pairs } });
        const list = tags.split('\n').map((tag) => tag.trim()).filter(Boolean);
        await openstack(scope.region, 'compute', `${path}/tags`, { method: 'PUT', body: { tags: list } });
      });
    } catch (thrown) {
      setError(thrown);
    }
    setBusy(false);
  };
  return (
    <Form className="al-narrow-form" onSubmit={(event) => { event.preventDefault(); void save(); }}>
      <FormGroup label={t.label} fieldId="metadata">
        <TextArea id="metadata" className="al-mono" rows={8} resizeOrientation="vertical" value={lines} onChange={(_event, value) => setLines(value)} />
      </FormGroup>
      <FormGroup label={t.tags} fieldId="tags">
        <TextArea id="tags" className="al-mono" rows={4} resizeOrientation="vertical" value={tags} onChange={(_event, value) => setTags(value)} />
      </FormGroup>
      {wrong !== undefined && <Alert isInline variant="warning" title={t.wrong(wrong)} />}
      <ErrorNote error={error} />
      <div><Button type="submit" isLoading={busy} isDisabled={busy || wrong !== undefined}>{t.save}</Button></div>
    </Form>
  );
}
