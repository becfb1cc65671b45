import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useParams } from 'react-router';

import { useEventStream } from '../api/events';
import { queries } from '../api/queries';
import { useScope } from '../api/scope';
import { Loaded } from '../parts/ErrorState';
import { useTheme } from '../shell/theme';
import { texts } from '../texts';
import { Console } from './instances/Console';

/** A console in a window of its own. */
export default function ConsoleWindow() {
  const scope = useScope();
  const { id = '' } = useParams();
  const query = useQuery(queries.instance(scope, id));
  useTheme();
  useEventStream();
  useEffect(() => {
    document.title = texts.console.title(query.data?.name ?? '');
  }, [query.data?.name]);
  return <Loaded query={query}>{(server) => <main><Console scope={scope} server={server} own /></main>}</Loaded>;
}
