"""Backup repositories are shared with the nodes that this one added: those that are there, and those that come later.

Each such peer is looked at again and again, and told what it lacks; what this node forgets, it forgets. What a peer
knows of its own accord stays as it is, and folders of this node are no use elsewhere.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from aloft.base.errors import AloftError
from aloft.daytwo.repositories import Repositories, RepositoryRequest
from aloft.node.peer_api import PeerApi
from aloft.node.peers import Peers

_log = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
"""Between two looks at what peers know."""


def to_know(
    own: str, here: Mapping[str, RepositoryRequest], there: Sequence[Mapping[str, Any]]
) -> dict[str, RepositoryRequest]:
    """What a peer shall know of this node's repositories, in the order in which it can be told. Pure.

    Args:
        own: this node's name.
        here: its repositories.
        there: those that the peer knows.
    """
    its = [one for one in there if one["origin"] != own]
    taken = {one["name"] for one in its}
    primary = any(one["role"] == "primary" and not _is_folder(one["url"]) for one in its)
    found = {}
    for name, request in here.items():
        if not request.origin and not _is_folder(request.url) and name not in taken:
            role = "secondary" if primary else request.role
            found[name] = request.model_copy(update={"role": role, "origin": own})
    return dict(sorted(found.items(), key=lambda one: one[1].role == "primary"))  # there is one primary at a time


def _is_folder(url: str) -> bool:
    return url.startswith("/")


class Sharing:
    """Makes this node's repositories known to peers.

    Args:
        peers: of this node.
        repositories: of this node.
        reach: opens the way to a peer.
        make: makes a repository where there is none.
    """

    def __init__(
        self,
        peers: Peers,
        repositories: Repositories,
        reach: Callable[[str], AbstractAsyncContextManager[PeerApi]],
        make: Callable[[str], Awaitable[None]],
    ) -> None:
        self._peers = peers
        self._repositories = repositories
        self._reach = reach
        self._make = make
        self._told: dict[str, dict[str, RepositoryRequest]] = {}
        self._trouble: dict[str, str] = {}

    async def share(self, name: str) -> list[str]:
        """Make this node's repositories known to a peer, but those that are folders here.

        Returns:
            Which could not be, and why.

        Raises:
            NotFound: there is no such peer.
            AloftError: it cannot be told.
        """
        own = self._peers.own_name
        here = {one.name: self._repositories.request(one.name) for one in self._repositories.all()}
        async with self._reach(name) as peer:
            there = {one["name"]: one for one in await peer.repositories()}
            wanted = to_know(own, here, list(there.values()))
            for known, one in there.items():
                if one["origin"] == own and known not in wanted:
                    await peer.remove_repository(known)
            told = self._told.setdefault(name, {})
            troubles = [
                f"{name} knows another repository by the name {known}."
                for known, one in here.items()
                if known not in wanted and known in there and there[known]["url"] != one.url
            ]
            for known, request in wanted.items():
                present = there.get(known, {})
                as_told = present.get("url") == request.url and present.get("role") == request.role
                if as_told and told.get(known) == request:  # its secrets are not told back
                    continue
                try:
                    await self._make(known)
                except AloftError as error:
                    troubles.append(str(error))
                    continue
                await peer.put_repository(known, request)
                told[known] = request
        return troubles

    async def keep(self) -> None:
        """Share with all peers that this node added, again and again; runs for ever."""
        while True:
            await asyncio.gather(*(self._look(peer.name) for peer in self._peers.all() if peer.added))
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, name: str) -> None:
        """Share with a peer; say once what is wrong with it."""
        try:
            trouble = " ".join(await self.share(name))
        except AloftError as error:
            trouble = str(error)
        if trouble and trouble != self._trouble.get(name):
            _log.warning("Backup repositories could not be shared with %s: %s", name, trouble)
        self._trouble[name] = trouble
