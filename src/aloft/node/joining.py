"""Two nodes come to know each other, and part."""

import asyncio
import datetime
import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from aloft.base import pki
from aloft.base.errors import AloftError, Conflict, InvalidInput, NotFound, TemporaryError
from aloft.base.places import place
from aloft.base.sockets import unused
from aloft.node.fronts import Fronts
from aloft.node.peer_api import PeerApi
from aloft.node.peers import Invitation, Peer, Peers

_log = logging.getLogger(__name__)

JOIN_SECONDS = 30.0

STATE_SECONDS = 2.0
"""How long a peer may take to say that it is well."""


class PeerRequest(BaseModel):
    """A node to be known, by its invitation.

    Args:
        address: of its trunk, ``HOST`` or ``HOST:PORT``.
        authority: its trunk's authority, PEM.
        bundle: the certificate that it gave this node, with the key, PEM.
        own_address: at which it reaches this node; left out, the one from which this node reaches it.
        invited: whether it knows this node already; else it is told of it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: str = Field(max_length=300)
    authority: str = Field(max_length=20_000)
    bundle: SecretStr = Field(max_length=40_000)
    own_address: str | None = Field(None, max_length=300)
    invited: bool = False


class Joining:
    """Makes peers of nodes.

    Args:
        peers: of this node.
        fronts: what they serve.
        reach: opens the way to a peer, which may take that many seconds for an answer.
        port: of this node's trunk.
        publish: brings what peers are about at the edge.
    """

    def __init__(
        self,
        peers: Peers,
        fronts: Fronts,
        reach: Callable[[str, float], AbstractAsyncContextManager[PeerApi]],
        port: int,
        publish: Callable[[], Awaitable[None]],
    ) -> None:
        self._peers = peers
        self._fronts = fronts
        self._reach = reach
        self._port = port
        self._publish = publish
        self._lock = asyncio.Lock()

    async def invite(self, name: str) -> dict[str, Any]:
        """Let a node in; what it has to know for that, with the port at which it is let in.

        Raises:
            InvalidInput: that is not a node's name.
            Conflict: it is this one's, or something else uses the port of the trunk.
        """
        self._insist_on_port()
        invitation = self._peers.invite(name)
        await self._publish()
        return {**asdict(invitation), "port": self._port}

    async def join(self, name: str, request: PeerRequest) -> dict[str, Any]:
        """Make a node that invited this one a peer, and have it know this one likewise; see :meth:`state`.

        Raises:
            InvalidInput: the invitation is not what it should be, or another node answers there.
            Conflict: something else uses the port of this node's trunk.
            TemporaryError: one of the two does not reach the other.
            AloftError: it refuses; then nothing has changed.
        """
        async with self._lock:
            self._insist_on_port()
            known, admitted = self._known(name), self._peers.invited(name)
            bundle = request.bundle.get_secret_value()
            self._peers.put(name, request.address, request.authority, bundle, added=not request.invited)
            try:
                await self._fronts.part(name)
                await self._insist_on_name(name)
                invitation = None if request.invited else self._peers.invite(name)
                await self._publish()
                await self._fronts.refresh(name)
                if invitation is not None:
                    await self._invite_back(name, invitation, request.own_address)
            except BaseException:
                self._peers.restore(name, known)
                if known is None and not admitted and self._peers.invited(name):
                    self._peers.remove(name)
                await asyncio.shield(self._fronts.part(name) if known else self._fronts.forget(name))
                await asyncio.shield(self._publish())
                raise
        return await self.state(self._peers.get(name))

    async def leave(self, name: str, *, lost: bool = False) -> None:
        """Know a node no longer, and lock it out.

        Args:
            name: of the node.
            lost: whether it will not come back: then those that it served have to be restored from backups.

        Raises:
            NotFound: there is none of that name.
            Conflict: it serves customers whose names lead there from here; or it answers, so it is not lost.
        """
        async with self._lock:
            there = sorted({front.customer for peer, front in self._fronts.all() if peer == name})
            if there and not lost:
                raise Conflict(
                    f"The node {name} serves {', '.join(there)}.",
                    "Move them to another node first; of a node that is gone for good, say that it is lost.",
                )
            if there and (await self.state(self._peers.get(name)))["state"] == "up":
                raise Conflict(f"The node {name} answers and serves {', '.join(there)}.", "Move them first.")
            self._peers.remove(name)
            await self._fronts.forget(name)
            await self._publish()

    async def states(self) -> list[dict[str, Any]]:
        """All peers, see :meth:`state`."""
        return list(await asyncio.gather(*(self.state(peer) for peer in self._peers.all())))

    async def state(self, peer: Peer) -> dict[str, Any]:
        """A peer's name, its address, whether it is ``up`` or ``down``, why, and how many controllers it serves."""
        try:
            async with self._reach(peer.name, STATE_SECONDS) as there:
                await there.name()
            detail = ""
        except AloftError as error:
            detail = error.message
        return {
            "name": peer.name,
            "address": peer.address,
            "state": "down" if detail else "up",
            "detail": detail,
            "controllers": len(self._fronts.served_by(peer.name)),
        }

    async def renew(self) -> None:
        """Have peers give this node another certificate where the one that they gave is to end."""
        now = datetime.datetime.now(datetime.UTC)
        for peer in self._peers.all():
            if not pki.validity(peer.bundle.encode()).needs_renewal(now):
                continue
            try:
                async with self._reach(peer.name, JOIN_SECONDS) as there:
                    given = await there.invite(self._peers.own_name)
            except AloftError as error:
                _log.warning("The certificate for %s could not be renewed: %s", peer.name, error)
                continue
            self._peers.put(peer.name, peer.address, given.authority, given.bundle)
            await self._fronts.part(peer.name)
            await self._publish()

    def _known(self, name: str) -> Peer | None:
        try:
            return self._peers.get(name)
        except NotFound:
            return None

    def _insist_on_port(self) -> None:
        """See that the edge can open the trunk: it would not start again with a port that is taken."""
        if self._peers.trunk(self._port) is None and not unused(self._port):
            raise Conflict(
                f"Another program listens on port {self._port}, at which other nodes are to reach this one.",
                "Stop it, or set `trunk_port` in /etc/aloft/node.toml, then `sudo aloft up`.",
            )

    async def _insist_on_name(self, name: str) -> None:
        async with self._reach(name, JOIN_SECONDS) as there:
            found = await there.name()
        if found != name:
            raise InvalidInput(
                f"The node at {self._peers.get(name).address} is called '{found}', not '{name}'.",
                "Ask it for another invitation.",
            )

    async def _invite_back(self, name: str, invitation: Invitation, own_address: str | None) -> None:
        """Have a node know this one, too."""
        if own_address is None:
            own_address = await asyncio.to_thread(_own_address, self._peers.get(name).address)
        host, port = place(own_address, self._port)
        wanted = {
            "address": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            "authority": invitation.authority,
            "bundle": invitation.bundle,
            "invited": True,
        }
        async with self._reach(name, JOIN_SECONDS) as there:
            await there.join(self._peers.own_name, wanted)


def _own_address(there: str) -> str:
    """The address from which this machine reaches a place."""
    host, port = place(there, 0)
    try:
        family, kind, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.connect(where)  # sends nothing
            found = str(probe.getsockname()[0])
    except OSError as error:
        raise TemporaryError(f"{host} cannot be reached: {error.strerror}.", "Give an address that can.") from error
    return f"[{found}]" if ":" in found else found
