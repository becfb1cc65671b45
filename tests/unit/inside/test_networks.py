"""Ports for what is on hosts; Neutron is a table here."""

from typing import Any

from aloft.base.errors import NotFound
from aloft.inside.sync.networks import Networks
from aloft.sync.inventory import Inventory

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
    def things(self, kind: str) -> dict[str, Any]:
        return {}

    def keep_thing(self, *_: object) -> None:
        pass


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
