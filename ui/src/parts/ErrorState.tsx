import { Alert, Button, EmptyState, EmptyStateActions, EmptyStateBody, EmptyStateFooter, List, ListItem, Skeleton } from '@patternfly/react-core';
import DisconnectedIcon from '@patternfly/react-icons/dist/esm/icons/disconnected-icon';
import ExclamationCircleIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';

import { asApiError, FailedForSome, isUnreachable } from '../api/errors';
import { texts } from '../texts';

/** In place of what could not be loaded: what happened, what to do, and a button to try again. */
export function ErrorState({ error, retry }: { error: unknown; retry?: () => void }) {
  const { message, remedy } = asApiError(error);
  const silent = isUnreachable(error);
  return (
    <EmptyState
      variant="sm"
      headingLevel="h2"
      status={silent ? 'warning' : 'danger'}
      icon={silent ? DisconnectedIcon : ExclamationCircleIcon}
      titleText={message}
    >
      <EmptyStateBody>{remedy}</EmptyStateBody>
      {retry !== undefined && (
        <EmptyStateFooter>
          <EmptyStateActions>
            <Button variant="secondary" onClick={retry}>{texts.actions.retry}</Button>
          </EmptyStateActions>
        </EmptyStateFooter>
      )}
    </EmptyState>
  );
}

/** An error beside what still works. */
export function ErrorNote({ error }: { error: unknown }) {
  if (error === null || error === undefined) return null;
  const told = asApiError(error);
  return (
    <Alert isInline variant="danger" title={told.message}>
      {told instanceof FailedForSome ? <Failures of={told} /> : told.remedy}
    </Alert>
  );
}

const LISTED = 12;

function Failures({ of: { failures } }: { of: FailedForSome }) {
  return (
    <List>
      {failures.slice(0, LISTED).map(({ name, error }, place) => <ListItem key={place}>{texts.errors.failedFor(name, error)}</ListItem>)}
      {failures.length > LISTED && <ListItem>{texts.instances.more(failures.length - LISTED)}</ListItem>}
    </List>
  );
}

/** What a query gave, or that it is on its way, or why it did not come. */
export function Loaded<T>({ query, lines = 4, children }: {
  query: UseQueryResult<T>;
  lines?: number;
  children: (data: T) => ReactNode;
}) {
  if (query.data !== undefined) return children(query.data);
  if (query.isError) return <ErrorState error={query.error} retry={() => void query.refetch()} />;
  return (
    <div className="al-stack" aria-busy="true" aria-label={texts.loading}>
      {Array.from({ length: lines }, (_, line) => <Skeleton key={line} width={`${90 - 12 * (line % 4)}%`} />)}
    </div>
  );
}
