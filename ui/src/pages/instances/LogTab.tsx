import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { queries } from '../../api/queries';
import { useScope } from '../../api/scope';
import type { Server } from '../../api/types';
import { LINES, LogView, REFRESH } from '../../parts/LogView';
import { texts } from '../../texts';

/** What the instance wrote to its serial port. */
export function LogTab({ server }: { server: Server }) {
  const scope = useScope();
  const [lines, setLines] = useState<number>(LINES[0]);
  const query = useQuery({ ...queries.instanceLog(scope, server.id, lines), refetchInterval: REFRESH, staleTime: 0 });
  return <LogView query={query} lines={lines} setLines={setLines} label={texts.instance.log.label} />;
}
