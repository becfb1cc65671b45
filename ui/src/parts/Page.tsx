import { Breadcrumb, BreadcrumbItem, Content, Title } from '@patternfly/react-core';
import { type ReactNode, useEffect } from 'react';
import { Link } from 'react-router';

import { texts } from '../texts';

/** The frame of a page: where one is, its title, what one can do, and the page itself. */
export function Page({ title, above, badge, actions, children, lead, fill }: {
  title: string;
  above?: { title: string; to: string };
  badge?: ReactNode;
  actions?: ReactNode;
  lead?: string;
  /** The page takes the height that is there, as a table does that scrolls by itself. */
  fill?: boolean;
  children: ReactNode;
}) {
  useEffect(() => {
    document.title = `${title} · ${texts.product}`;
  }, [title]);
  return (
    <div className={fill === true ? 'al-page al-fill' : 'al-page'}>
      {above !== undefined && (
        <Breadcrumb>
          <BreadcrumbItem render={({ className }) => <Link className={className} to={above.to}>{above.title}</Link>} />
          <BreadcrumbItem isActive>{title}</BreadcrumbItem>
        </Breadcrumb>
      )}
      <header className="al-heading">
        <Title headingLevel="h1" size="xl">{title}</Title>
        {badge}
        <div className="al-actions">{actions}</div>
      </header>
      {lead !== undefined && <Content component="p" className="al-lead">{lead}</Content>}
      {children}
    </div>
  );
}
