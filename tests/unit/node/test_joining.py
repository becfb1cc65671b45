"""Two nodes come to know each other: both or neither."""

import functools
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from aloft.base.errors import Conflict, InvalidInput, NotFound, PermanentError, TemporaryError
from aloft.base.paths import Paths
from aloft.node import peers_api
from aloft.node.api import build
from aloft.node.fronts import Front, Fronts
from aloft.node.joining import Joining, PeerRequest
from aloft.node.peer_api import reach
from aloft.node.peers import Peers
from aloft.node.registry import Registry

DOMAIN = "aloft.internal"


class Node:
    """A node's part of it; others reach its API by its address as long as it is in the net."""

    def __init__(self, folder: Path, name: str, net: "dict[str, Node]", domain: str = DOMAIN) -> None:
        paths = Paths(folder / name)
        self.name, self.paths = name, paths
        self.net = net
        self.serves: tuple[Front, ...] = ()
        self.published = 0
        self.peers = Peers(paths, name)
        self.peers.client = self._client  # type: ignore[method-assign]  # no TLS here
        self.fronts = Fronts(paths, self.peers, Registry(paths), domain, self._publish, self._greet)
        self.joining = Joining(self.peers, self.fronts, functools.partial(reach, self.peers), 7443, self._publish)
        unused: Any = None
        self.app = build(unused, unused, unused, unused, unused, CollectorRegistry(), lambda: {"name": name})
        peers_api.add(self.app, self.joining, lambda: self.serves)

    def _client(self, name: str, timeout: float = 30.0) -> httpx.AsyncClient:
        there = self.net.get(self.peers.get(name).address)
        transport: httpx.AsyncBaseTransport = (
            httpx.ASGITransport(there.app) if there else httpx.MockTransport(lambda _: _refused())
        )
        return httpx.AsyncClient(transport=transport, base_url="http://peer")

    async def _publish(self) -> None:
        self.published += 1

    async def _greet(self, peer: str, client: httpx.AsyncClient) -> None:
        pass

    async def join(self, other: "Node", address: str, **changes: Any) -> dict[str, Any]:
        told = await other.joining.invite(self.name)
        bundle = SecretStr(told["bundle"])
        request = PeerRequest(address=address, authority=told["authority"], bundle=bundle, **changes)
        return await self.joining.join(other.name, request)


def _refused() -> httpx.Response:
    raise httpx.ConnectError("refused")


@pytest.fixture(autouse=True)
def taken(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Ports that other programs use, whatever runs on this machine."""
    ports: set[int] = set()
    for module in ("joining", "peers"):
        monkeypatch.setattr(f"aloft.node.{module}.unused", lambda port, address="": port not in ports)
    return ports


@pytest.fixture
def net() -> dict[str, Node]:
    return {}


@pytest.fixture
def front(tmp_path: Path, net: dict[str, Node]) -> Node:
    return net.setdefault("192.0.2.1:7443", Node(tmp_path, "front", net))


@pytest.fixture
def back(tmp_path: Path, net: dict[str, Node]) -> Node:
    return net.setdefault("192.0.2.2:7443", Node(tmp_path, "back", net))


def _knows_nothing_of(node: Node, other: str) -> bool:
    with pytest.raises(NotFound):
        node.peers.get(other)
    return node.fronts.served_by(other) == ()


def _front(customer: str) -> Front:
    return Front(
        customer=customer, region="r1", names=(), authority="", revoked=(), release="r", slot=1, vhost="s1"
    )  # fmt: skip


async def test_who_joins_is_known_to_the_other_likewise(front: Node, back: Node) -> None:
    back.serves = (_front("acme"),)
    told = await front.join(back, "192.0.2.2", own_address="192.0.2.1")
    assert told == {"name": "back", "address": "192.0.2.2:7443", "state": "up", "detail": "", "controllers": 1}
    assert front.fronts.of("acme") == "back"
    assert [one["name"] for one in await back.joining.states()] == ["front"]
    assert back.peers.get("front").address == "192.0.2.1:7443"
    trunks = front.peers.trunk(7443), back.peers.trunk(7443)
    assert all(trunk is not None and len(trunk.admitted) == 1 and len(trunk.far) == 1 for trunk in trunks)


async def test_who_cannot_be_reached_back_is_no_peer(front: Node, back: Node) -> None:
    with pytest.raises(TemporaryError, match=r"front does not answer at 192\.0\.2\.9"):
        await front.join(back, "192.0.2.2", own_address="192.0.2.9")
    assert _knows_nothing_of(front, "back") and _knows_nothing_of(back, "front")
    assert front.peers.trunk(7443) is None and not front.peers.invited("back")
    assert back.peers.invited("front"), "the invitation holds: it may be tried again"
    await front.join(back, "192.0.2.2", own_address="192.0.2.1")


async def test_a_port_that_is_taken_is_not_opened(front: Node, back: Node, taken: set[int]) -> None:
    told = await back.joining.invite("front")
    taken.add(7443)
    request = PeerRequest(address="192.0.2.2", authority=told["authority"], bundle=SecretStr(told["bundle"]))
    with pytest.raises(Conflict, match="7443"):
        await front.joining.join("back", request)
    with pytest.raises(Conflict, match="trunk_port"):
        await front.joining.invite("back")
    assert front.peers.trunk(7443) is None and _knows_nothing_of(front, "back")
    await back.joining.invite("another")  # its own edge has it already


async def test_another_node_at_the_address_is_not_taken_for_it(
    front: Node, back: Node, net: dict[str, Node], tmp_path: Path
) -> None:
    net["192.0.2.3:7443"] = Node(tmp_path, "third", net)
    with pytest.raises(InvalidInput, match="third"):
        await front.join(back, "192.0.2.3")
    with pytest.raises(TemporaryError):
        await front.join(back, "192.0.2.4")
    assert _knows_nothing_of(front, "back")


async def test_a_known_peer_stays_known_when_joining_it_again_fails(front: Node, back: Node) -> None:
    await front.join(back, "192.0.2.2", own_address="192.0.2.1")
    known = front.peers.get("back")
    with pytest.raises(TemporaryError):
        await front.join(back, "192.0.2.8", own_address="192.0.2.1")
    assert front.peers.get("back") == known and front.peers.invited("back")


async def test_nodes_of_another_domain_are_no_peers(front: Node, net: dict[str, Node], tmp_path: Path) -> None:
    other = net.setdefault("192.0.2.5:7443", Node(tmp_path, "other", net, "elsewhere"))
    name = {"name": "identity.acme.elsewhere", "service": "identity"}
    other.serves = (Front.model_validate({**_front("acme").model_dump(), "names": (name,)}),)
    with pytest.raises(PermanentError, match="domain"):
        await front.join(other, "192.0.2.5", own_address="192.0.2.1")
    assert _knows_nothing_of(front, "other") and _knows_nothing_of(other, "front")


async def test_a_peer_that_serves_customers_is_not_removed(front: Node, back: Node) -> None:
    back.serves = (_front("acme"),)
    await front.join(back, "192.0.2.2", own_address="192.0.2.1")
    with pytest.raises(Conflict, match="acme"):
        await front.joining.leave("back")
    back.serves = ()
    await front.fronts.refresh("back")
    await front.joining.leave("back")
    assert _knows_nothing_of(front, "back") and front.peers.trunk(7443) is None
    with pytest.raises(NotFound):
        await front.joining.leave("back")


async def test_a_peer_that_is_lost_is_removed_with_what_it_served(
    front: Node, back: Node, net: dict[str, Node]
) -> None:
    back.serves = (_front("acme"),)
    await front.join(back, "192.0.2.2", own_address="192.0.2.1")
    with pytest.raises(Conflict, match="answers"):
        await front.joining.leave("back", lost=True)
    del net["192.0.2.2:7443"]
    with pytest.raises(Conflict, match="lost"):
        await front.joining.leave("back")
    await front.joining.leave("back", lost=True)
    assert front.fronts.of("acme") == "" and _knows_nothing_of(front, "back")


async def test_a_silent_peer_is_down(front: Node, back: Node, net: dict[str, Node]) -> None:
    await front.join(back, "192.0.2.2", own_address="192.0.2.1")
    del net["192.0.2.2:7443"]
    (told,) = await front.joining.states()
    assert told["state"] == "down" and "192.0.2.2:7443" in told["detail"]


async def test_who_added_whom_is_remembered(front: Node, back: Node) -> None:
    await front.join(back, "192.0.2.2", own_address="192.0.2.1")
    for node, other, added in ((front, "back", True), (back, "front", False)):
        assert node.peers.get(other).added is Peers(node.paths, node.name).get(other).added is added


async def test_certificates_are_renewed_among_peers(front: Node, back: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    await front.join(back, "192.0.2.2", own_address="192.0.2.1")
    before = front.peers.get("back")
    await front.joining.renew()
    assert front.peers.get("back") == before, "there is time"
    monkeypatch.setattr("aloft.base.pki.Validity.needs_renewal", lambda self, now: True)
    await front.joining.renew()
    after = front.peers.get("back")
    assert after.bundle != before.bundle
    assert (after.address, after.broker_port, after.added) == (before.address, before.broker_port, True)
