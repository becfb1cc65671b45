import { Button } from '@patternfly/react-core';
import type { ComponentProps, ReactNode } from 'react';

import { Page } from './Page';
import { ResourceTable } from './ResourceTable';

type PageProperties = Pick<ComponentProps<typeof Page>, 'title' | 'lead' | 'badge' | 'above' | 'actions'>;
type TableProperties<T> = Omit<ComponentProps<typeof ResourceTable<T>>, 'create' | 'actions'>;

/** A page that is a list: what most pages are. */
export function ListPage<T>({ title, lead, badge, above, actions: tools, notice, create, rowActions, dialog, children, ...table }: PageProperties & TableProperties<T> & {
  /** Above the list: what a person has to know about all of it. */
  notice?: ReactNode;
  /** The button that makes another one. */
  create?: { title: string; run: () => void };
  rowActions?: ComponentProps<typeof ResourceTable<T>>['actions'];
  /** The dialogue that is open, if one is. */
  dialog?: ReactNode;
  /** Below the list. */
  children?: ReactNode;
}) {
  return (
    <Page title={title} lead={lead} badge={badge} above={above} actions={tools} fill>
      {notice}
      <ResourceTable<T>
        {...table}
        actions={rowActions}
        create={create === undefined ? undefined : <Button onClick={create.run}>{create.title}</Button>}
      />
      {children}
      {dialog}
    </Page>
  );
}
