"""Ports for what is on hosts; Neutron is a table here."""

from typing import Any

import pytest

from aloft.base.errors import Conflict, NotFound
from aloft.inside.sync.networks import Networks
from aloft.sync.inventory import Inventory, Network
from aloft.sync.policy import Settings
from aloft.sync.records import Entry

PORT = "6207bcb1-e041-46f5-9356-3d2abaebc32c"


class Neutron:
    """Has these ports, and notes what it is asked for."""

    def __init__(self, *ports: dict[str, Any]) -> None:
        self.ports = list(ports)
        self.asked: list[tuple[str, str]] = []

    def call(self, service: str, method: str, path: str, *body: dict[str, Any]) -> Any:
        self.asked.append((method, path))
        if path.startswith("/v2.0/ports?"):
            return {"ports": self.ports}
        if path.startswith("/v2.0/networks/"):
            return {"network": {"id": "n1", "name": "lan", "project_id": "p1", "mtu": 1442}}
        if path == "/v2.0/networks" and method == "GET":
            return {"networks": []}
        if path.startswith("/v2.0/subnets?"):
            return {"subnets": []}
        if method == "POST":
            (kind,) = body[0]
            return {kind: {"id": f"new {kind}", **body[0][kind]}}
        if method == "DELETE":
            return None
        raise NotFound("no such port")


class Store:
    """Keeps nothing but the trail, and knows of the subnets that were made."""

    def __init__(self, **subnets: str) -> None:
        self.trail: list[Entry] = []
        self.subnets = {("n1", cidr): ident for ident, cidr in subnets.items()}

    def things(self, kind: str) -> dict[str, Any]:
        return {}

    def ranges(self) -> dict[tuple[str, str], str]:
        return self.subnets

    def keep_thing(self, kind: str, place: str, ident: str, base: Any, entries: tuple[Entry, ...] = ()) -> None:
        self.trail += entries

    def forget_network(self, place: str, ident: str, entry: Entry) -> None:
        self.trail.append(entry)


class Projects:
    def ident(self, _: str, make: bool) -> str:
        return "discovered" if make else ""


def nic(place: str, interface_id: str) -> dict[str, Any]:
    return {"mac": "fa:16:3e:00:00:01", "place": place, "interface_id": interface_id, "link_up": True, "addresses": []}


def test_nothing_is_invented_for_a_card_whose_port_neutron_does_not_know() -> None:
    neutron = Neutron()
    networks = Networks(neutron, None, Store())  # type: ignore[arg-type]  # as much of them as is needed
    wanted = {"u1": ("p1", {"nics": [nic("", PORT)], "host": "h1"})}
    ports, told = networks.bring_about("h1", wanted, Inventory(0.0), 1.0, shared=False)
    assert ports == {"u1": []}
    assert {method for method, _ in neutron.asked} == {"GET"}
    assert [(entry.object, entry.field, entry.after) for entry in told] == [("u1", "nics", "fa:16:3e:00:00:01")]
    assert f"its port {PORT} is not known to Neutron" in told[0].note


def port(ident: str, mac: str) -> dict[str, Any]:
    return {
        "id": ident, "mac_address": mac, "device_id": "u1", "description": "", "network_id": "n1", "project_id": "p1",
        "fixed_ips": [],
    }  # fmt: skip


def test_a_port_goes_with_its_card_and_one_that_openstack_is_about_to_plug_in_stays() -> None:
    neutron = Neutron(port("had", "fa:16:3e:00:00:02"), port("coming", "fa:16:3e:00:00:03"))
    networks = Networks(neutron, None, Store())  # type: ignore[arg-type]  # as much of them as is needed
    networks.cards = {"u1": frozenset({"fa:16:3e:00:00:02"})}
    wanted = {"u1": ("p1", {"nics": [], "host": "h1"})}
    ports, _ = networks.bring_about("h1", wanted, Inventory(0.0), 1.0, shared=False)
    assert [one["id"] for one in ports["u1"]] == ["coming"]
    assert ports["u1"][0]["network"]["name"] == "lan"
    assert [path for method, path in neutron.asked if method == "DELETE"] == ["/v2.0/ports/had"]


def test_the_port_of_a_card_that_was_moved_follows_to_a_network_that_is_made_for_it() -> None:
    neutron = Neutron(port("had", "fa:16:3e:00:00:01"))
    networks = Networks(neutron, Projects(), Store())  # type: ignore[arg-type]  # as much of them as is needed
    wanted = {"u1": ("p1", {"nics": [nic("host/h1/lab", "")], "host": "h1"})}
    ports, told = networks.bring_about("h1", wanted, Inventory(0.0), 1.0, shared=False)
    assert [(one["id"], one["network_id"]) for one in ports["u1"]] == [("new port", "new network")]
    assert [path for method, path in neutron.asked if method == "DELETE"] == ["/v2.0/ports/had"]
    assert [entry.note for entry in told] == ["network h1-lab"]


@pytest.mark.parametrize(("description", "ident"), [("Found on h1", "new port"), ("", "had")])
def test_a_port_goes_along_with_an_instance_to_another_project_unless_openstack_made_it(
    description: str, ident: str
) -> None:
    had = port("had", "fa:16:3e:00:00:01") | {"network_id": "new network", "admin_state_up": True}
    neutron = Neutron(had | {"description": description})
    networks = Networks(neutron, Projects(), Store())  # type: ignore[arg-type]  # as much of them as is needed
    wanted = {"u1": ("p2", {"nics": [nic("host/h1/lab", "")], "host": "h1"})}
    ports, _ = networks.bring_about("h1", wanted, Inventory(0.0), 1.0, shared=False)
    assert [one["id"] for one in ports["u1"]] == [ident]


class Strict(Neutron):
    """Has one subnet, and gives none of its addresses away until told otherwise."""

    refuses = True

    def call(self, service: str, method: str, path: str, *body: dict[str, Any]) -> Any:
        if path.startswith("/v2.0/subnets?"):
            return {"subnets": [{"id": "s1", "cidr": "192.0.2.0/24"}]}
        if self.refuses and method in ("PUT", "POST") and _wants_addresses(body[0]):
            raise Conflict("192.0.2.7 is in use")
        if method == "PUT":
            return {"port": {**self.ports[0], **body[0]["port"]}}
        if (method, path) == ("POST", "/v2.0/ports") and "ports" in body[0]:
            return {"ports": [{"id": "new", **one} for one in body[0]["ports"]]}
        return super().call(service, method, path, *body)


def _wants_addresses(body: dict[str, Any]) -> bool:
    return any(port.get("fixed_ips") for port in body.get("ports", [body.get("port", {})]))


@pytest.mark.parametrize("there", [True, False], ids=["a port that is there", "a new port"])
def test_an_address_that_neutron_refuses_is_told_once_and_tried_again(there: bool) -> None:
    card = nic("bridge/br0/0", "") | {"addresses": [["192.0.2.7", 24]]}
    neutron = Strict(*([port("had", card["mac"]) | {"admin_state_up": True}] if there else []))
    networks = Networks(neutron, Projects(), Store())  # type: ignore[arg-type]  # as much of them as is needed
    networks._networks = {"bridge/br0/0": ("n1", {})}
    wanted = {"u1": ("p1", {"nics": [card], "host": "h1"}), "u2": ("p1", {"nics": [], "host": "h1"})}
    ports, told = networks.bring_about("h1", wanted, Inventory(0.0), 1.0, shared=False)
    assert [one["fixed_ips"] for one in ports["u1"]] == [[]]
    assert [(entry.object, entry.field, entry.lost) for entry in told] == [("u1", "nics", True)]
    assert told[0].note == "Neutron does not take the card fa:16:3e:00:00:01 with 192.0.2.7: 192.0.2.7 is in use"
    assert networks.refused == {"u1": told[0].note}
    assert networks.bring_about("h1", wanted, Inventory(0.0), 2.0, shared=False)[1] == []
    neutron.refuses = False
    ports, told = networks.bring_about("h1", wanted, Inventory(0.0), 3.0, shared=False)
    assert ports["u1"][0]["fixed_ips"] == [{"subnet_id": "s1", "ip_address": "192.0.2.7"}]
    assert (told, networks.refused) == ([], {})


class Found:
    """Neutron with one network, which was made for a libvirt network."""

    def __init__(self, *subnets: str) -> None:
        self.network: dict[str, Any] | None = None
        self.subnets = subnets
        self.used = False

    def call(self, service: str, method: str, path: str, *body: dict[str, Any]) -> Any:
        if (method, path) == ("GET", "/v2.0/networks"):
            return {"networks": []}
        if (method, path) == ("POST", "/v2.0/networks"):
            self.network = {"id": "n1", **body[0]["network"]}
        elif path.startswith("/v2.0/subnets?"):
            return {"subnets": [{"id": ident, "cidr": "10.0.0.0/24"} for ident in self.subnets]}
        elif self.network is None:
            raise NotFound("no such network")
        elif method == "PUT":
            self.network |= body[0]["network"]
        elif method == "DELETE":
            if self.used:
                raise Conflict("there are ports")
            self.network = None
            return None
        return {"network": self.network}


LAB, SETTINGS = Network("u1", "lab", mode="nat", bridge="virbr1"), Settings(grace_seconds=10.0)
THERE, AWAY = Inventory(0.0, networks=(LAB,)), Inventory(0.0)
MARK = "Found on h1: host/h1/lab"


def offered(neutron: Found, store: Store) -> Networks:
    """Networks of which one was offered, whose libvirt network is gone again since the time 100."""
    networks = Networks(neutron, Projects(), store)  # type: ignore[arg-type]  # as much of them as is needed
    networks.offer(THERE, "h1", 1.0, shared=False)
    assert networks.follow(THERE, "h1", 2.0, SETTINGS) is None
    assert networks.follow(AWAY, "h1", 100.0, SETTINGS) == 110.0
    assert neutron.network
    assert neutron.network["description"].startswith(f"{MARK}, gone since 1970-01-01 00:01 UTC")
    return networks


def test_a_network_whose_place_is_gone_is_marked_and_then_deleted_and_the_trail_tells_it() -> None:
    neutron, store = Found(), Store()
    networks = offered(neutron, store)
    assert [one["since"] for one in networks.gone_places()] == [100.0]
    assert networks.follow(AWAY, "h1", 110.0, SETTINGS) is None
    assert (neutron.network, networks.gone_places()) == (None, [])
    told = [(entry.field, entry.before, entry.after) for entry in store.trail]
    assert told == [("network", None, "n1"), ("gone_since", None, 100.0), ("network", "n1", None)]


def test_a_network_whose_place_is_back_loses_its_mark() -> None:
    neutron = Found()
    networks = offered(neutron, Store())
    assert networks.follow(THERE, "h1", 105.0, SETTINGS) is None
    assert neutron.network
    assert (neutron.network["description"], networks.gone_places()) == (MARK, [])


def test_a_network_in_use_stays_marked_and_goes_once_nothing_uses_it() -> None:
    neutron, store = Found(), Store()
    networks = offered(neutron, store)
    neutron.used = True
    assert networks.follow(AWAY, "h1", 110.0, SETTINGS) == 170.0
    assert [one["reason"] for one in networks.gone_places()] == ["it is in use"]
    told = len(store.trail)
    assert networks.follow(AWAY, "h1", 170.0, SETTINGS) == 230.0
    assert len(store.trail) == told
    neutron.used = False
    networks.forget_seen()
    assert networks.follow(AWAY, "h1", 171.0, SETTINGS) is None
    assert neutron.network is None


@pytest.mark.parametrize(("made", "stays"), [("s1", False), ("other", True)])
def test_a_network_in_which_somebody_made_a_subnet_stays(made: str, stays: bool) -> None:
    neutron = Found("s1")
    networks = offered(neutron, Store(**{made: "10.0.0.0/24"}))
    networks.follow(AWAY, "h1", 110.0, SETTINGS)
    assert (neutron.network is not None) == stays


def test_a_network_that_somebody_described_or_deleted_is_theirs() -> None:
    neutron = Found()
    networks = offered(neutron, Store())
    assert neutron.network
    neutron.network["description"] = "ours now"
    networks.follow(AWAY, "h1", 110.0, SETTINGS)
    assert [one["reason"] for one in networks.gone_places()] == ["somebody has described it otherwise"]
    neutron.network = None
    networks.forget_seen()
    networks.follow(AWAY, "h1", 111.0, SETTINGS)
    assert networks.gone_places() == []
