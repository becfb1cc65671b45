"""What sessions may do, as Keystone has it: roles and projects are given and taken while somebody is logged in."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from weakref import WeakValueDictionary

from aloft.base.errors import NotFound
from aloft.portal.answers import SessionEnded
from aloft.portal.identity import Identity
from aloft.portal.sessions import Open, Session, Store


class Access:
    """Enters projects, and asks Keystone anew.

    Args:
        store: of the sessions.
        identity: asks Keystone.
        changed: called when a session has ended or lost a project.
    """

    def __init__(self, store: Store, identity: Identity, changed: Callable[[], None]) -> None:
        self._store = store
        self._identity = identity
        self._changed = changed
        self._locks: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    async def enter(self, opened: Open, project: str) -> Open:
        """The session, used in a project; new windows begin where they did.

        Raises:
            NotFound: the user has no role in it.
            SessionEnded: the session has ended.
        """
        async with self._alone(opened):
            kept = self._kept(opened)
            within = kept.within(project)
            if within is None:
                within = await self._identity.enter(kept, project)
                self._store.change(opened, within.entering(kept.scope))
        return Open(opened.key, within)

    async def renew(self, opened: Open, since: float) -> Open:
        """The session with its projects, and its roles and regions in the project that it is used in, as they are now.

        Args:
            opened: the session.
            since: Unix time in seconds; what Keystone told later than that is believed.

        Raises:
            NotFound: the user has no role in the project any more; the session goes on in others.
            SessionEnded: the login is worth nothing any more, or in no project.
            Unreachable: Keystone does not answer.
        """
        if opened.session.project is None:
            return opened
        project = opened.session.project.id
        async with self._alone(opened):
            kept = self._kept(opened)
            within = kept.within(project)
            if within is not None and within.scope.asked >= since:
                return Open(opened.key, within)
            try:
                fresh = await self._identity.enter(kept, project)
            except SessionEnded:
                self._end(opened)
                raise
            except NotFound:
                await self._leave(opened, kept, project)
                raise
            first = fresh if kept.project is None else fresh.within(kept.project.id) or fresh
            self._store.change(opened, first)
        return Open(opened.key, fresh)

    async def holds(self, opened: Open) -> bool:
        """Whether an API that refused a session's token could not ask; else the session has ended.

        Raises:
            NotFound: the user has no role in the project any more.
        """
        if await self._identity.holds(opened.session):
            return True
        if opened.session.customer is None:
            self._end(opened)
            return False
        try:
            await self.renew(opened, time.time())
        except SessionEnded:
            return False
        return True

    async def _leave(self, opened: Open, kept: Session, project: str) -> None:
        """Forget a project that the user has no role in any more.

        Raises:
            SessionEnded: there is no other.
        """
        if not kept.others:
            projects = await self._identity.projects(kept)
            if not projects:
                self._end(opened)
                raise SessionEnded("You have no role in any project any more.", "Ask your administrator for one.")
            kept = await self._identity.enter(kept, projects[0].id)
        scopes = [scope for scope in (kept.scope, *kept.others) if scope.project and scope.project.id != project]
        projects = tuple(one for one in kept.projects if one.id != project)
        self._store.change(opened, replace(kept, projects=projects, scope=scopes[0], others=tuple(scopes[1:])))
        self._changed()

    def _end(self, opened: Open) -> None:
        self._store.end(opened)
        self._changed()

    def _kept(self, opened: Open) -> Session:
        kept = self._store.kept(opened)
        if kept is None:
            raise SessionEnded("Your session has ended.", "Log in again.")
        return kept

    def _alone(self, opened: Open) -> asyncio.Lock:
        """One at a time for a session: its state is read, and written when Keystone has answered."""
        return self._locks.setdefault(opened.id, asyncio.Lock())
