"""A simulated host that tells the region of changes, and how soon each kind of change shows in OpenStack."""

import http.client
import json
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aloft.base.errors import TemporaryError
from aloft.bench.caller import Caller
from aloft.bench.running import Running
from aloft.sync.inventory import (
    PATH,
    Address,
    Bridge,
    Delta,
    Disk,
    Domain,
    DomainSnapshot,
    Inventory,
    Network,
    Nic,
    Part,
    Subnet,
)
from aloft.sync.inventory import Report as Told

HOST = "bench-host"
GIVEN_UP_SECONDS, PAUSE_SECONDS = 1800.0, 0.02

CRASHED = 6
"""Nova's power state."""

SNAPSHOT, SNAPSHOTS = DomainSnapshot("before", 1.0), "aloft:snapshots"

Server = dict[str, Any]
Look = Callable[[Server], bool]
Change = tuple[str, Callable[[], None], Look]


class _Unix(http.client.HTTPConnection):
    """A connection to a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("sync", timeout=60)
        self._path = str(path)

    def connect(self) -> None:
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


@dataclass
class SimulatedHost:
    """A host's account of itself, told to the region's socket.

    Args:
        path: the socket.
        domains: by their uuid.
    """

    path: Path
    domains: dict[str, Domain] = field(default_factory=dict)
    _epoch: int = 0
    _sequence: int = 0

    def snapshot(self) -> None:
        """Tell everything, under a new epoch."""
        self._epoch, self._sequence = self._epoch + 1, 0
        domains = tuple(sorted(self.domains.values(), key=lambda one: one.uuid))
        inventory = Inventory(time.time(), "simulated", domains, (NETWORK, OTHER))
        self._post(Told(f"bench {self._epoch}", time.time(), inventory))

    def change(self, ident: str, **values: object) -> None:
        """Change a domain, and tell it."""
        self.put(replace(self.domains[ident], **values))  # type: ignore[arg-type]  # fields of a domain

    def put(self, domain: Domain) -> None:
        """Define a domain, and tell it."""
        self.domains[domain.uuid] = domain
        self._tell("domains", domain.uuid, domain.to_json())

    def drop(self, ident: str) -> None:
        """Undefine a domain, and tell it."""
        del self.domains[ident]
        self._tell("domains", ident, None)

    def bridge(self, name: str) -> None:
        """Make a bridge, and tell it."""
        self._tell("bridges", name, Bridge(name, "linux", members=("eth1",)).to_json())

    def _tell(self, part: Part, key: str, value: dict[str, Any] | None) -> None:
        self._sequence += 1
        delta = Delta(self._sequence, time.time(), part, key, value, origin="event", cause="simulated")
        self._post(Told(f"bench {self._epoch}", time.time(), None, (delta,)))

    def _post(self, told: Told) -> None:
        with closing(_Unix(self.path)) as connection:
            connection.request("POST", PATH, json.dumps(told.to_json()), {"X-Aloft-Host": HOST})
            answer = connection.getresponse()
            text = answer.read()
        if answer.status != 200 or json.loads(text).get("snapshot"):
            raise TemporaryError(f"The region did not take the inventory: {answer.status} {text[:200].decode()}")


NETWORK = Network(
    "11111111-2222-3333-4444-555555555555",
    "default",
    mode="nat",
    bridge="virbr0",
    subnets=(Subnet("10.77.0.0/16", "10.77.0.1", True),),
)
OTHER = Network(
    "11111111-2222-3333-4444-666666666666",
    "other",
    mode="nat",
    bridge="virbr1",
    subnets=(Subnet("10.78.0.0/16", "10.78.0.1", True),),
)


def machine(number: int) -> Domain:
    """A domain with a disk and a card."""
    return Domain(
        str(uuid.uuid5(uuid.NAMESPACE_DNS, f"bench-{number}")),
        f"bench-{number}",
        "running",
        vcpus=1,
        memory_kib=128 << 10,
        disks=(Disk("vda", "virtio", source="file", path=f"/images/{number}.qcow2", format="qcow2", capacity=1 << 30),),
        nics=(_card(number),),
    )


def _card(number: int) -> Nic:
    address = f"10.77.{number // 250}.{number % 250 + 2}"
    mac = f"52:54:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
    return Nic(mac, source="network", name="default", bridge="virbr0", addresses=(Address(address, 16, "lease"),))


def events(host: SimulatedHost, caller: Caller, running: Running, runs: int) -> dict[str, list[float]]:
    """Seconds until a change of each kind shows."""
    seen: dict[str, list[float]] = {}
    for turn in range(runs):
        one = machine(10_000 + turn)
        for kind, deed, look in _changes(host, caller, one, turn):
            began = time.monotonic()
            deed()
            until(caller, one.uuid, look)
            seen.setdefault(kind, []).append(time.monotonic() - began)
            if kind == "define":
                until(caller, one.uuid, has_address)
        running.tell(f"run {turn + 1}: " + ", ".join(f"{kind} {each[-1]:.2f} s" for kind, each in seen.items()))
    return seen


def _changes(host: SimulatedHost, caller: Caller, one: Domain, turn: int) -> Iterator[Change]:
    """What is done to a domain, one after the other, and how it is told that it shows."""
    yield "define", lambda: host.put(one), lambda _: True
    for kind, values, look in (*_powers(), *_sizes(one, turn), *_cards(caller, one, turn)):
        yield kind, lambda values=values: host.change(one.uuid, **values), look  # type: ignore[misc]  # a default
    yield "undefine", lambda: host.drop(one.uuid), lambda server: "aloft:stale_since" in server["metadata"]
    yield "define again", lambda: host.put(one), lambda server: "aloft:stale_since" not in server["metadata"]
    place = f"bridge/br-bench{turn}/0"
    yield "make a bridge", lambda: host.bridge(f"br-bench{turn}"), lambda _: place in _places(caller)


def _powers() -> tuple[tuple[str, dict[str, Any], Look], ...]:
    return (
        ("pause", {"state": "paused"}, lambda server: server["status"] == "PAUSED"),
        ("shut down", {"state": "shutoff"}, lambda server: server["status"] == "SHUTOFF"),
        ("start", {"state": "running"}, lambda server: server["status"] == "ACTIVE"),
        ("crash", {"state": "crashed"}, lambda server: server["OS-EXT-STS:power_state"] == CRASHED),
        ("save", {"state": "shutoff", "managed_save": True}, lambda server: server["status"] == "SUSPENDED"),
        ("restore", {"state": "running", "managed_save": False}, lambda server: server["status"] == "ACTIVE"),
    )


def _sizes(one: Domain, turn: int) -> tuple[tuple[str, dict[str, Any], Look], ...]:
    (disk,) = one.disks
    grown, data = replace(disk, capacity=2 << 30), replace(disk, target="vdb", path=f"/images/{one.name}-data.qcow2")
    return (
        ("rename", {"title": f"new {turn}"}, lambda server: server["name"] == f"new {turn}"),
        ("describe", {"description": "text"}, lambda server: server.get("description") == "text"),
        ("memory", {"memory_kib": 192 << 10}, lambda server: server["flavor"]["ram"] == 192),
        ("processors", {"vcpus": 2, "vcpus_max": 2}, lambda server: server["flavor"]["vcpus"] == 2),
        ("attach a disk", {"disks": (disk, data)}, lambda server: server["flavor"]["ephemeral"] == 1),
        ("grow a disk", {"disks": (grown, data)}, lambda server: server["flavor"]["disk"] == 2),
        ("detach a disk", {"disks": (grown,)}, lambda server: server["flavor"]["ephemeral"] == 0),
        ("make a snapshot", {"snapshots": (SNAPSHOT,)}, lambda server: SNAPSHOTS in server["metadata"]),
        ("delete a snapshot", {"snapshots": ()}, lambda server: SNAPSHOTS not in server["metadata"]),
    )


def _cards(caller: Caller, one: Domain, turn: int) -> tuple[tuple[str, dict[str, Any], Look], ...]:
    (card,) = one.nics
    second = replace(_card(20_000 + turn), addresses=())
    address = Address(f"10.78.0.{turn + 2}", 16, "lease")
    moved = replace(card, name=OTHER.name, bridge=OTHER.bridge, addresses=(address,))
    renewed = replace(moved, addresses=(replace(address, address=f"10.78.1.{turn + 2}"),))

    def has(*cards: Nic) -> Look:
        wanted = [(one.mac, [address.address for address in one.addresses]) for one in cards]
        return lambda server: _ports(caller, server["id"]) == wanted

    return (
        ("attach a card", {"nics": (card, second)}, lambda server: len(_ports(caller, server["id"])) == 2),
        ("detach a card", {"nics": (card,)}, has(card)),
        ("move a card", {"nics": (moved,)}, has(moved)),
        ("another address", {"nics": (renewed,)}, has(renewed)),
    )


def _ports(caller: Caller, ident: str) -> list[tuple[str, list[str]]]:
    """The MAC and IP addresses of an instance's ports."""
    ports = caller.get("network", f"/v2.0/ports?device_id={ident}")["ports"]
    return [(one["mac_address"], [each["ip_address"] for each in one["fixed_ips"]]) for one in ports]


def _places(caller: Caller) -> list[str]:
    """Where sync offers to make provider networks."""
    return [one["place"] for one in caller.get("sync-api", "/v1/networks")["items"]]


def has_address(server: Server) -> bool:
    """Whether an instance has ports."""
    return bool(server["addresses"])


def until(caller: Caller, ident: str, look: Look) -> None:
    """Wait until the compute API shows it.

    Raises:
        TemporaryError: it does not.
    """
    ends = time.monotonic() + GIVEN_UP_SECONDS
    while time.monotonic() < ends:
        answer = caller.send("GET", "compute", f"/v2.1/servers/{ident}", version="compute 2.90")
        if answer.status == 200 and look(answer.body["server"]):
            return
        time.sleep(PAUSE_SECONDS)
    raise TemporaryError(f"The compute API does not show the change of {ident}.")
