import {
  Button, Masthead, MastheadBrand, MastheadContent, MastheadMain, MastheadToggle, Nav, NavGroup, NavItem, NavList,
  NotificationBadge, Page, PageSection, PageSidebar, PageSidebarBody, PageToggleButton, SkipToContent, Spinner,
} from '@patternfly/react-core';
import BarsIcon from '@patternfly/react-icons/dist/esm/icons/bars-icon';
import MoonIcon from '@patternfly/react-icons/dist/esm/icons/moon-icon';
import SearchIcon from '@patternfly/react-icons/dist/esm/icons/search-icon';
import SunIcon from '@patternfly/react-icons/dist/esm/icons/sun-icon';
import UserIcon from '@patternfly/react-icons/dist/esm/icons/user-icon';
import { lazy, type ReactNode, Suspense, useEffect, useRef, useState } from 'react';
import { Link, useLocation, useNavigate } from 'react-router';

import { useEventStream } from '../api/events';
import { adminPath, pathIn, type Scope } from '../api/scope';
import { useSession, useSessionActions } from '../api/session';
import { MenuButton } from '../parts/MenuButton';
import { useNarrow } from '../parts/useNarrow';
import { texts } from '../texts';
import { Boundary } from './Boundary';
import { navigation } from './navigation';
import { Toasts } from './Notices';
import { useHostNotices, useInstanceTasks, useOperationTasks, useThingTasks } from './recent';
import { TaskBar } from './TaskBar';
import { forgetTasks, notices, useNotices } from './tasks';
import { type Theme, useTheme } from './theme';

const Search = lazy(() => import('./Search'));
const NoticeDrawer = lazy(() => import('./Notices').then(({ NoticeDrawer: drawer }) => ({ default: drawer })));

const MAIN = 'main';

/** Whether a key press is meant for a field rather than for the page. */
function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT|CANVAS)$/.test(target.tagName));
}

/** What is around every page: where one is, what there is, what happens. */
export function Shell({ scope, children }: { scope: Scope | null; children: ReactNode }) {
  const session = useSession();
  const narrow = useNarrow();
  const { pathname } = useLocation();
  const [sidebar, setSidebar] = useState(!narrow);
  const [searching, setSearching] = useState(false);
  const [drawer, setDrawer] = useState(false);
  useEventStream();
  useHostNotices();
  useEffect(() => setSidebar(!narrow), [narrow]);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const slash = event.key === '/' && !typing(event.target) && !event.ctrlKey && !event.metaKey && !event.altKey;
      if (slash || (event.key === 'k' && (event.ctrlKey || event.metaKey))) {
        event.preventDefault();
        setSearching(true);
      }
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, []);
  const groups = navigation(session, scope);
  useEffect(() => {
    document.querySelector('.al-shell nav [aria-current="page"]')?.scrollIntoView({ block: 'nearest' });
  }, [pathname, sidebar]);
  const before = useRef(pathname);
  useEffect(() => {
    if (before.current === pathname) return;
    before.current = pathname;
    // A link that led here went with the page that it was on: the keyboard goes on at the beginning of the new one.
    if (document.activeElement === document.body) document.getElementById(MAIN)?.focus({ preventScroll: true });
  }, [pathname]);
  const masthead = (
    <Masthead display={{ default: 'inline' }}>
      <MastheadMain>
        <MastheadToggle>
          <PageToggleButton variant="plain" aria-label={texts.shell.navigation} isSidebarOpen={sidebar} onSidebarToggle={() => setSidebar(!sidebar)}>
            <BarsIcon />
          </PageToggleButton>
        </MastheadToggle>
        <MastheadBrand>
          <Link to="/" className="al-brand"><img src="/favicon.svg" alt="" width="24" height="24" />{!narrow && texts.product}</Link>
        </MastheadBrand>
      </MastheadMain>
      <MastheadContent>
        <div className="al-masthead">
          {scope !== null && <Places scope={scope} />}
          {session.face === 'provider' && <span className="al-face">{texts.shell.provider}</span>}
          <Button
            className="al-masthead-search"
            variant="control"
            icon={<SearchIcon />}
            aria-label={texts.search.title}
            aria-keyshortcuts="/"
            onClick={() => setSearching(true)}
          >
            {!narrow && <>{texts.search.title} <kbd>{texts.search.key}</kbd></>}
          </Button>
          <Tools openNotices={() => setDrawer(!drawer)} />
        </div>
      </MastheadContent>
    </Masthead>
  );
  return (
    <Page
      className="al-shell"
      masthead={masthead}
      mainContainerId={MAIN}
      mainTabIndex={-1}
      isContentFilled
      skipToContent={
        <SkipToContent href={`#${MAIN}`} onClick={(event) => { event.preventDefault(); document.getElementById(MAIN)?.focus(); }}>
          {texts.shell.skip}
        </SkipToContent>
      }
      isNotificationDrawerExpanded={drawer}
      notificationDrawer={drawer ? <Suspense><NoticeDrawer close={() => setDrawer(false)} /></Suspense> : undefined}
      sidebar={
        <PageSidebar isSidebarOpen={sidebar}>
          <PageSidebarBody>
            <Nav aria-label={texts.shell.navigation} onSelect={() => { if (narrow) setSidebar(false); }}>
              {groups.map(({ title, links }) => {
                const items = links.map(({ title: text, to, exact }) => (
                  <NavItem key={to} isActive={exact === true ? pathname === to : pathname === to || pathname.startsWith(`${to}/`)}>
                    <Link to={to}>{text}</Link>
                  </NavItem>
                ));
                return title === '' ? <NavList key="top">{items}</NavList> : <NavGroup key={title} title={title}>{items}</NavGroup>;
              })}
            </Nav>
          </PageSidebarBody>
        </PageSidebar>
      }
    >
      <PageSection isFilled hasBodyWrapper={false} className="al-main">
        <Boundary key={pathname}>
          <Suspense fallback={<Spinner className="al-waiting" aria-label={texts.loading} />}>{children}</Suspense>
        </Boundary>
      </PageSection>
      {scope !== null && <InstanceTasks scope={scope} />}
      {session.face === 'provider' && <OperationTasks base="/provider/operations" />}
      {scope !== null && session.administrator && <OperationTasks base={adminPath(scope.region, 'operations')} />}
      <TaskBar />
      <Toasts />
      {searching && <Suspense><Search scope={scope} close={() => setSearching(false)} /></Suspense>}
    </Page>
  );
}

function InstanceTasks({ scope }: { scope: Scope }) {
  useInstanceTasks(scope);
  useThingTasks(scope);
  return null;
}

function OperationTasks({ base }: { base: string }) {
  useOperationTasks(base);
  return null;
}

/** The region and project that one is in, and the way to others. */
function Places({ scope }: { scope: Scope }) {
  const { projects, regions, project } = useSession();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const admin = pathname.startsWith('/admin/');
  const parts = pathname.split('/').slice(admin ? 3 : 4);
  const section = parts[0] === undefined || parts[0] === '' ? [] : [parts[0]];
  const known = projects.find(({ id }) => id === scope.project) ?? project;
  return (
    <div className="al-places">
      <MenuButton
        label={texts.shell.project}
        title={known?.name ?? texts.shell.project}
        entries={projects.map(({ id, name, domain }) => ({
          key: id, title: name, description: domain === 'Default' ? undefined : domain,
          run: () => void navigate(pathIn({ ...scope, project: id }, ...(admin ? [] : section))),
        }))}
      />
      <MenuButton
        label={texts.shell.region}
        title={scope.region}
        entries={regions.map(({ name }) => ({
          key: name, title: name,
          run: () => void navigate(admin ? adminPath(name, ...section) : pathIn({ ...scope, region: name }, ...section)),
        }))}
      />
    </div>
  );
}

function Tools({ openNotices }: { openNotices: () => void }) {
  const session = useSession();
  const { logOut } = useSessionActions();
  const [theme, setTheme] = useTheme();
  const unread = useNotices().filter((notice) => notice.unread && notice.kind === 'danger').length;
  const next: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' };
  return (
    <div className="al-tools">
      <Button
        variant="plain"
        icon={theme === 'light' ? <SunIcon /> : theme === 'dark' ? <MoonIcon /> : <span className="al-half" aria-hidden="true" />}
        aria-label={texts.shell.theme[theme]}
        title={texts.shell.theme[theme]}
        onClick={() => setTheme(next[theme])}
      />
      <NotificationBadge
        variant={unread > 0 ? 'attention' : 'read'}
        count={unread}
        aria-label={texts.notices.title}
        onClick={() => { notices.read(); openNotices(); }}
      />
      <MenuButton
        label={texts.shell.user(session.user.name)}
        title={<><UserIcon /> <span className="al-user">{session.user.name}</span></>}
        entries={[
          { key: 'out', title: texts.shell.logOut, description: session.roles.join(', '), run: () => void logOut().then(forgetTasks) },
        ]}
      />
    </div>
  );
}
