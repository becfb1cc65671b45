"""From where a customer's names may be used: the portal, APIs and hosts' links apart from each other."""

import pytest

from aloft.base import files
from aloft.base.paths import Paths
from aloft.base.pki import Authority
from aloft.controller.ports import Name, Names
from aloft.controller.rules import NEAR, AccessRules, CustomerRules
from aloft.node.edge_names import HOSTS_ONLY, TCP, EdgeNames, answering, is_plain
from aloft.node.fronts import Front, FrontName
from aloft.node.registry import Registry
from aloft.node.rules import Rules
from aloft.node.settings import NodeSettings

SERVICES = ("identity", "compute", "console", *sorted(HOSTS_ONLY))
EDGES_OWN = ("agent", "amqp", "db")


def _names(customer: str, slot: int, paths: Paths) -> Names:
    named = tuple(
        Name(f"{one}.{customer}.aloft.internal", slot, one, "" if one in EDGES_OWN else f"/{slot}/{one}.sock")
        for one in SERVICES
    )
    return Names(customer, f"{customer}-1", slot, named, paths.etc / "ca.pem")


@pytest.fixture
def networks(tmp_path):
    """What holds at the edge for each name, once a customer has set something."""

    def set_and_look(customer: str, access: AccessRules) -> dict[str, tuple[str, ...]]:
        paths = Paths(tmp_path)
        rules = Rules(paths, Registry(paths))
        rules.put(customer, CustomerRules(access=access))
        subject = EdgeNames(paths, NodeSettings(), rules, tmp_path / "hosts")
        files.folder(paths.state / "edge-certificates")
        subject._authority = Authority.open(tmp_path / "authority", "Edge")
        routes = subject._routes((_names("acme", 1, paths), _names("bolt", 2, paths)))
        return {route.name.removesuffix(".aloft.internal"): route.networks for route in routes}

    return set_and_look


OFFICE, HALL = "192.0.2.0/24", "198.51.100.0/24"


def test_a_controller_on_another_node_has_its_walls_here(tmp_path):
    paths = Paths(tmp_path)
    rules = Rules(paths, Registry(paths))
    rules.put("acme", CustomerRules(access=AccessRules(links=(HALL,))))
    subject = EdgeNames(paths, NodeSettings(), rules, tmp_path / "hosts")
    files.folder(paths.state / "edge-certificates")
    subject._authority = Authority.open(tmp_path / "authority", "Edge")
    front = Front(
        customer="acme",
        region="r1",
        names=tuple(FrontName(name=f"{one}.acme.aloft.internal", service=one) for one in SERVICES),
        authority="PEM",
        revoked=("0a",),
        release="r",
        slot=1,
        vhost="s1",
    )
    routes = {one.name.split(".")[0]: one for one in subject._routes((), (("back", front),)) if ".acme." in one.name}
    assert routes["portal"].target == str(paths.run / "portal/portal.sock")
    assert routes["agent"].target == str(paths.run / "plane/plane.sock"), "hosts talk to the plane here"
    assert {routes[one].target for one in SERVICES if one != "agent"} == {"peer:back"}
    assert {one for one in SERVICES if routes[one].kind == "tcp"} == TCP
    for one in SERVICES:
        walled = one in HOSTS_ONLY
        assert bool(routes[one].client_authority) == walled and bool(routes[one].revoked) == walled
        assert routes[one].region == ("acme/r1" if walled else "")
        assert routes[one].networks == ((HALL, *NEAR) if walled else ()), one
        assert not routes[one].hold and not routes[one].splits


def test_each_kind_of_name_has_networks_of_its_own(networks):
    held = networks("acme", AccessRules(portal=(OFFICE,), api=(OFFICE,), links=(HALL,)))
    assert held["portal.acme"] == (OFFICE, *NEAR)
    assert {held[f"{one}.acme"] for one in ("identity", "compute", "console")} == {(OFFICE, HALL, *NEAR)}
    assert {held[f"{one}.acme"] for one in HOSTS_ONLY} == {(HALL, *NEAR)}
    assert not any(found for name, found in held.items() if not name.endswith("acme")), (
        "others have nothing to do with it"
    )


def test_the_metadata_service_lets_a_regions_own_hosts_in_alone(networks):
    held = networks("acme", AccessRules(api=(OFFICE,), links=(HALL,)))
    assert held["metadata.acme"] == (HALL, *NEAR)
    assert not is_plain(Name("metadata.acme.aloft.internal", 1, "metadata", "/1/metadata.sock"))


def test_limited_links_leave_portal_and_apis_open(networks):
    held = networks("acme", AccessRules(links=(HALL,)))
    assert {held["portal.acme"], held["identity.acme"], held["plane"], held["portal"]} == {()}
    assert {held[f"{one}.acme"] for one in HOSTS_ONLY} == {(HALL, *NEAR)}


def _stream(id: str, backend: str, method: int) -> str:
    """A stream as HAProxy tells of it, shortened."""
    return (
        f"{id}: [23/Nov/2026:12:00:19.548735] id=515 proto=tcpv4 source=127.0.0.1:41896\n"
        f"  backend={backend} (id=44 mode=http) addr=unix\n"
        f"  txn=0x561c5a1ca7e0 flags=0x843000 meth={method} status=-1 req.st=MSG_DONE\n"
    )


def test_who_waits_for_answers_knows_reads_and_writes_and_slots_apart() -> None:
    told = (
        _stream("0xa1", "http-3-nova-api", 1)
        + _stream("0xa2", "http-3-neutron-api", 3)
        + _stream("0xa3", "http-4-nova-api", 3)
        + _stream("0xa4", "http-3-nova-novncproxy", 1)
        + _stream("0xa6", "http-3-streams", 1)
        + "0xa5: [23/Nov/2026:12:00:20.1] id=7 proto=unix_stream source=unix:1\n  frontend=GLOBAL (id=1 mode=tcp)\n"
    )
    assert answering(told, 3, writes=False) == {"0xa1", "0xa2"}
    assert answering(told, 3, writes=True) == {"0xa2"}
    assert answering("", 3, writes=False) == frozenset()
