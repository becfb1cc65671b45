"""Who serves a customer: this node, or one of its peers."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from aloft.base.errors import PermanentError, TemporaryError
from aloft.base.paths import Paths
from aloft.controller.ports import Name, Names
from aloft.controller.spec import ControllerSpec
from aloft.node.fronts import Front, FrontName, Fronts, own
from aloft.node.peers import Peer
from aloft.node.registry import Record, Registry

DOMAIN = "aloft.internal"


def _front(customer: str, region: str = "r1", domain: str = DOMAIN) -> Front:
    return Front(
        customer=customer,
        region=region,
        names=(FrontName(name=f"identity.{customer}.{domain}", service="identity"),),
        authority="PEM",
        revoked=(),
        release="2026.1",
        slot=1,
        vhost="s1",
    )


class Far:
    """Peers that say what a test wants; one that says nothing is silent."""

    def __init__(self) -> None:
        self.says: dict[str, list[Front]] = {}
        self.known = ("another", "back")

    def all(self) -> list[Peer]:
        return [Peer(name, "", "", "") for name in self.known]

    def client(self, name: str, timeout: float) -> httpx.AsyncClient:
        def answer(request: httpx.Request) -> httpx.Response:
            if name not in self.says:
                raise httpx.ConnectError("refused")
            return httpx.Response(200, json=[one.model_dump(mode="json") for one in self.says[name]])

        return httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://peer")


class House:
    def __init__(self, folder: Path) -> None:
        self.paths = Paths(folder)
        self.registry = Registry(self.paths)
        self.far = Far()
        self.published = 0
        self.greeted: list[str] = []
        self.fronts = self.again()

    def again(self) -> Fronts:
        """What the node knows when it is started anew."""
        far: Any = self.far
        return Fronts(self.paths, far, self.registry, DOMAIN, self._publish, self._greet)

    def have(self, customer: str, **changes: Any) -> Record:
        spec = ControllerSpec(customer=customer, region="r1", identity_region="r1", release="2026.1", domain=DOMAIN)
        record = replace(Record(spec, 3), **changes)
        self.registry.put(record)
        return record

    async def _publish(self) -> None:
        self.published += 1

    async def _greet(self, peer: str, client: httpx.AsyncClient) -> None:
        self.greeted.append(peer)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def test_names_are_published_when_something_changed(house: House) -> None:
    house.far.says["back"] = [_front("acme")]
    for _ in range(3):
        await house.fronts.refresh("back")
    assert house.published == 1 and house.greeted == ["back"]
    assert house.fronts.all() == (("back", _front("acme")),) and house.fronts.of("acme") == "back"
    house.far.says["back"] = []
    await house.fronts.refresh("back")
    assert house.published == 2 and house.fronts.all() == () and house.fronts.of("acme") == ""
    assert not list((house.paths.state / "node/fronts").glob("*.crt"))


async def test_what_a_silent_peer_serves_stays(house: House) -> None:
    house.far.says["back"] = [_front("acme")]
    await house.fronts.refresh("back")
    del house.far.says["back"]
    for fronts in (house.fronts, house.again()):
        with pytest.raises(TemporaryError, match="back"):
            await fronts.refresh("back")
        assert fronts.of("acme") == "back"
        assert [(one.customer, one.node) for one in fronts.statuses("back")] == [("acme", "back")]
    house.far.says["back"] = [_front("acme")]
    await house.fronts.refresh("back")
    assert house.greeted == ["back", "back"], "it may have another password since"


@pytest.mark.parametrize(
    ("changes", "told", "serving"),
    [
        ({}, {"back": True}, ""),
        ({"wanted": False}, {"back": True}, "back"),
        ({"arriving": "back"}, {"back": True}, "back"),
        ({"arriving": "back"}, {}, ""),
        ({"leaving": "back"}, {}, ""),
        ({"leaving": "back"}, {"back": True}, "back"),
        ({"leaving": "back"}, {"another": True}, ""),
    ],
)
async def test_who_serves_while_a_customer_comes_or_goes(
    house: House, changes: dict[str, Any], told: dict[str, bool], serving: str
) -> None:
    house.have("acme", **changes)
    for peer in told:
        house.far.says[peer] = [_front("acme")]
        await house.fronts.refresh(peer)
    assert house.fronts.of("acme") == serving
    assert [peer for peer, _ in house.fronts.all()] == ([serving] if serving else [])


@pytest.mark.parametrize(
    "wrong", [_front("acme", domain="elsewhere"), _front("x").model_copy(update={"customer": "y"})]
)
async def test_a_peer_cannot_have_names_of_others(house: House, wrong: Front) -> None:
    house.far.says["back"] = [wrong]
    with pytest.raises(PermanentError, match="domain"):
        await house.fronts.refresh("back")
    assert house.fronts.all() == () and house.published == 0


async def test_a_peer_that_was_removed_serves_nothing(house: House) -> None:
    house.far.says["back"] = [_front("acme")]
    await house.fronts.refresh("back")
    house.far.known = ()
    assert house.fronts.all() == () and house.fronts.of("acme") == "", "from the moment on at which it is forgotten"
    await house.fronts.forget("back")
    await house.fronts.refresh("back")  # it was on its way
    assert house.fronts.all() == () and house.again().all() == () and house.published == 2


def test_what_this_node_tells_others_of_itself(house: House, tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("PEM")
    served = []
    for customer, changes in {
        "acme": {},
        "coming": {"arriving": "back"},
        "going": {"leaving": "back"},
        "gone": {"wanted": False},
        "proof-0a1b2c3d": {},
        "next-0a1b2c3d": {},
        "proof-reading": {},
    }.items():
        house.have(customer, **changes)
        names = (Name(f"identity.{customer}.{DOMAIN}", 3, "identity", "/x.sock"),)
        served.append(Names(customer, "r1", 3, names, tmp_path / "ca.crt", revoked=frozenset({"0b", "0a"})))
    told = own(served, house.registry, house.paths)
    assert [one.customer for one in told] == ["acme", "proof-reading"]
    assert (told[0].authority, told[0].revoked, told[0].vhost, told[0].slot) == ("PEM", ("0a", "0b"), "s3", 3)
    json.dumps([one.model_dump(mode="json") for one in told])
