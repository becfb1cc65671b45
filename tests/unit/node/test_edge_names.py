"""From where a customer's names may be used: the portal, APIs and hosts' links apart from each other."""

import pytest

from aloft.base import files
from aloft.base.paths import Paths
from aloft.base.pki import Authority
from aloft.controller.ports import Name, Names
from aloft.controller.rules import NEAR, AccessRules, CustomerRules
from aloft.node.edge_names import HOSTS_ONLY, EdgeNames
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


def test_each_kind_of_name_has_networks_of_its_own(networks):
    held = networks("acme", AccessRules(portal=(OFFICE,), api=(OFFICE,), links=(HALL,)))
    assert held["portal.acme"] == (OFFICE, *NEAR)
    assert {held[f"{one}.acme"] for one in ("identity", "compute", "console")} == {(OFFICE, HALL, *NEAR)}
    assert {held[f"{one}.acme"] for one in HOSTS_ONLY} == {(HALL, *NEAR)}
    assert not any(found for name, found in held.items() if not name.endswith("acme")), (
        "others have nothing to do with it"
    )


def test_limited_links_leave_portal_and_apis_open(networks):
    held = networks("acme", AccessRules(links=(HALL,)))
    assert {held["portal.acme"], held["identity.acme"], held["plane"], held["portal"]} == {()}
    assert {held[f"{one}.acme"] for one in HOSTS_ONLY} == {(HALL, *NEAR)}
