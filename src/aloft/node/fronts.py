"""What other nodes serve, so that this node's edge leads to them.

Each peer is asked every few seconds. What it said is kept on the disk, so that the names of one that is silent stay,
and so that they are there from the start.
"""

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Iterable

import httpx
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from aloft.base import files
from aloft.base.errors import AloftError, PermanentError, TemporaryError
from aloft.base.paths import Paths
from aloft.controller.context import Slot
from aloft.controller.ports import Names
from aloft.controller.spec import ControllerStatus
from aloft.node.peers import Peers
from aloft.node.registry import Registry

_log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
"""Between two looks at what peers serve."""

ANSWER_SECONDS = 5.0

SCRATCH = re.compile(r"(proof|next)-[0-9a-f]{8}")
"""What controllers that backups and upgrades make for themselves are called."""


class FrontName(BaseModel):
    """A DNS name, and the label of the service behind it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    service: str


class Front(BaseModel):
    """A controller that a node serves, as others need to know of it.

    Args:
        customer: whose it is.
        region: its name.
        names: that it has at the edge.
        authority: of its hosts' certificates, PEM.
        revoked: serial numbers of certificates that are not let in.
        release: of OpenStack.
        slot: its number there.
        vhost: its virtual host in that node's broker.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    customer: str
    region: str
    names: tuple[FrontName, ...]
    authority: str
    revoked: tuple[str, ...]
    release: str
    slot: int
    vhost: str


FRONTS: TypeAdapter[tuple[Front, ...]] = TypeAdapter(tuple[Front, ...])


def own(served: Iterable[Names], registry: Registry, paths: Paths) -> tuple[Front, ...]:
    """What this node serves, as others need to know of it: nothing that comes, goes, or is there for a while only."""
    found = []
    for names in served:
        record = registry.get(names.key)
        if (
            record is None
            or not record.wanted
            or record.arriving
            or record.leaving
            or SCRATCH.fullmatch(names.customer)
        ):
            continue
        found.append(
            Front(
                customer=names.customer,
                region=names.region,
                names=tuple(FrontName(name=name.name, service=name.service) for name in names.names),
                authority=names.authority.read_text(),
                revoked=tuple(sorted(names.revoked)),
                release=record.spec.release,
                slot=names.slot,
                vhost=Slot(names.slot, paths).vhost,
            )
        )
    return tuple(found)


def authority_file(front: Front) -> str:
    """What the file with the authority of a controller's hosts is called."""
    return f"{front.customer}.{front.region}.crt"


class Fronts:
    """What peers serve.

    Args:
        paths: where it is kept.
        peers: the other nodes.
        registry: what this node has itself.
        domain: below which every name lies.
        publish: brings the names of all controllers about at the edge.
        greet: is done once a peer answers that was not asked before or was silent.
    """

    def __init__(
        self,
        paths: Paths,
        peers: Peers,
        registry: Registry,
        domain: str,
        publish: Callable[[], Awaitable[None]],
        greet: Callable[[str, httpx.AsyncClient], Awaitable[None]],
    ) -> None:
        self._folder = paths.state / "node/fronts"
        self._peers = peers
        self._registry = registry
        self._domain = domain
        self._publish = publish
        self._greet = greet
        files.folder(self._folder, mode=0o700)
        self._told = {file.stem: FRONTS.validate_json(file.read_bytes()) for file in self._folder.glob("*.json")}
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._answering: set[str] = set()
        self._silent: dict[str, str] = {}

    # What there is

    def served_by(self, peer: str) -> tuple[Front, ...]:
        """What a peer said last that it serves."""
        return self._told.get(peer, ())

    def of(self, customer: str) -> str:
        """The peer that serves a customer; empty when this node does, or nobody.

        What this node has wins, but for a customer that comes to it or goes from it: then the other one's word counts.
        """
        records = [one for one in self._registry.all() if one.spec.customer == customer and one.wanted]
        if any(not one.arriving and not one.leaving for one in records):
            return ""
        serving = [
            peer.name
            for peer in self._peers.all()
            if any(one.customer == customer for one in self.served_by(peer.name))
        ]
        going = {one.leaving for one in records if one.leaving}
        if going:
            return next((peer for peer in serving if peer in going), "")
        return serving[0] if serving else ""

    def all(self) -> tuple[tuple[str, Front], ...]:
        """What peers serve and this node does not, with the peers' names."""
        places = {
            customer: self.of(customer) for customer in {one.customer for told in self._told.values() for one in told}
        }
        return tuple(
            (peer, front)
            for peer, fronts in sorted(self._told.items())
            for front in fronts
            if places[front.customer] == peer
        )

    def statuses(self, peer: str) -> list[ControllerStatus]:
        """The controllers that a peer said last that it serves."""
        return [
            ControllerStatus(
                customer=one.customer,
                region=one.region,
                release=one.release,
                slot=one.slot,
                phase="ready",
                revision=0,
                node=peer,
            )
            for one in self.served_by(peer)
        ]

    # Asking

    async def refresh(self, peer: str) -> None:
        """Ask a peer now, and serve the names of what it serves.

        Raises:
            NotFound: there is no such peer.
            TemporaryError: it does not answer.
            PermanentError: it says what cannot be served here.
        """
        if peer not in self._clients:
            self._clients[peer] = self._peers.client(peer, ANSWER_SECONDS)
        client = self._clients[peer]
        try:
            answer = await client.get("/v1/fronts")
            if not answer.is_success:
                raise TemporaryError(f"The node {peer} does not tell what it serves ({answer.status_code}).")
            told = FRONTS.validate_json(answer.content)
            self._check(told)
            if peer not in self._answering:
                await self._greet(peer, client)
        except httpx.HTTPError as error:
            self._answering.discard(peer)
            raise TemporaryError(
                f"The node {peer} does not answer: {str(error) or type(error).__name__}.",
                "See whether it runs, and whether its port for other nodes can be reached.",
            ) from error
        except ValidationError as error:
            raise PermanentError(
                f"The node {peer} says of what it serves what this one does not understand.",
                "Bring both to the same version of Aloft.",
            ) from error
        self._answering.add(peer)
        await self._take(peer, told)

    async def forget(self, peer: str) -> None:
        """Serve nothing of a peer any more, and ask it anew if it comes back."""
        await self.part(peer)
        (self._folder / f"{peer}.json").unlink(missing_ok=True)
        if self._told.pop(peer, None):
            await self._publish()
            self._sweep()

    async def part(self, peer: str) -> None:
        """End the connection to a peer, whose address or certificate has changed."""
        self._answering.discard(peer)
        if (client := self._clients.pop(peer, None)) is not None:
            await client.aclose()

    async def keep(self) -> None:
        """Ask all peers again and again; runs for ever."""
        while True:
            await asyncio.gather(*(self._look(peer.name) for peer in self._peers.all()))
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, peer: str) -> None:
        """Ask a peer; say once what is wrong with it."""
        try:
            await self.refresh(peer)
            trouble = ""
        except AloftError as error:
            trouble = str(error)
        if trouble != self._silent.get(peer, ""):
            self._silent[peer] = trouble
            _log.warning("%s", trouble or f"The node {peer} answers again.")

    def _check(self, told: Iterable[Front]) -> None:
        """Take no name from a peer that does not belong to a customer of it."""
        for front in told:
            if not all(name.name.endswith(f".{front.customer}.{self._domain}") for name in front.names):
                raise PermanentError(
                    f"Names of {front.customer}/{front.region} do not lie in {front.customer}.{self._domain}.",
                    "Give both nodes the same domain.",
                )

    async def _take(self, peer: str, told: tuple[Front, ...]) -> None:
        if told == self.served_by(peer) or peer not in {one.name for one in self._peers.all()}:  # it was removed
            return
        for front in told:
            files.write(self._folder / authority_file(front), front.authority)
        kept = [front.model_dump(mode="json") for front in told]
        files.write(self._folder / f"{peer}.json", json.dumps(kept))
        self._told[peer] = told
        await self._publish()
        self._sweep()

    def _sweep(self) -> None:
        """Remove the authorities of controllers that no peer serves any more."""
        wanted = {authority_file(one) for told in self._told.values() for one in told}
        for file in self._folder.glob("*.crt"):
            if file.name not in wanted:
                file.unlink()
