import { Alert } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';

import { queries } from '../../api/queries';
import { useScope } from '../../api/scope';
import { useSession } from '../../api/session';
import { texts } from '../../texts';

const t = texts.volumes;

/** Whether the region is known to have nothing that keeps volumes. */
export function useNoBlockStorage(): boolean {
  return useQuery(queries.blockStorage(useScope())).data === false;
}

/** Says why there can be no volumes in this region, and who can change that. */
export function NoBlockStorage() {
  const { administrator } = useSession();
  if (!useNoBlockStorage()) return null;
  return (
    <Alert isInline variant="info" title={t.noStorage}>
      {t.noStorageBody} {administrator ? t.noStorageAdministrator : t.noStorageUser}
    </Alert>
  );
}
