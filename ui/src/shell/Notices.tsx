import {
  Alert, AlertActionCloseButton, AlertGroup, Button, EmptyState, NotificationDrawer, NotificationDrawerBody,
  NotificationDrawerHeader, NotificationDrawerList, NotificationDrawerListItem, NotificationDrawerListItemBody,
  NotificationDrawerListItemHeader,
} from '@patternfly/react-core';
import { useNavigate } from 'react-router';

import { Ago } from '../parts/Ago';
import { texts } from '../texts';
import { notices, useNotices } from './tasks';

const TOASTS = 3;

/** What has just been told, over the page for some seconds. */
export function Toasts() {
  const told = useNotices();
  return (
    <AlertGroup isToast isLiveRegion aria-label={texts.notices.title}>
      {told.filter(({ unread }) => unread).slice(0, TOASTS).map(({ id, kind, title, body }) => (
        <Alert
          key={id}
          variant={kind}
          title={title}
          timeout={kind === 'danger' ? 15_000 : 6_000}
          onTimeout={notices.read}
          actionClose={<AlertActionCloseButton onClose={() => notices.drop(id)} />}
        >
          {body}
        </Alert>
      ))}
    </AlertGroup>
  );
}

/** All that was told, beside the page. */
export function NoticeDrawer({ close }: { close: () => void }) {
  const told = useNotices();
  const navigate = useNavigate();
  return (
    <NotificationDrawer>
      <NotificationDrawerHeader title={texts.notices.title} count={told.length} customText={String(told.length)} onClose={close}>
        {told.length > 0 && <Button variant="link" onClick={notices.clear}>{texts.notices.clear}</Button>}
      </NotificationDrawerHeader>
      <NotificationDrawerBody>
        {told.length === 0 && <EmptyState variant="sm" titleText={texts.notices.none} headingLevel="h2" />}
        <NotificationDrawerList>
          {told.map(({ id, kind, title, body, at, link }) => (
            <NotificationDrawerListItem key={id} variant={kind} isRead onClick={() => { if (link !== undefined) void navigate(link); }}>
              <NotificationDrawerListItemHeader variant={kind} title={title} />
              <NotificationDrawerListItemBody timestamp={<Ago at={at} />}>{body}</NotificationDrawerListItemBody>
            </NotificationDrawerListItem>
          ))}
        </NotificationDrawerList>
      </NotificationDrawerBody>
    </NotificationDrawer>
  );
}
