"""Records of a customer: made to be listed and perhaps lost, and read back whole to see that nothing was lost."""

import time
from typing import Any

from aloft.base.errors import TemporaryError
from aloft.bench.caller import Caller

FLAVOR = "bench"
SETTLE_SECONDS = 60.0

LISTS = (
    ("identity", "/v3/projects", "projects"),
    ("identity", "/v3/users", "users"),
    ("identity", "/v3/roles", "roles"),
    ("identity", "/v3/endpoints", "endpoints"),
    ("compute", "/v2.1/flavors", "flavors"),
    ("compute", "/v2.1/servers", "servers"),
    ("network", "/v2.0/networks", "networks"),
    ("network", "/v2.0/subnets", "subnets"),
    ("network", "/v2.0/ports", "ports"),
    ("image", "/v2/images", "images"),
    ("volume", "/v3/types", "volume_types"),
)


def fill(caller: Caller, ports: int, servers: int) -> None:
    """Make a network with ports, a flavor, servers, an image's record, a project and a volume type."""
    caller.authenticate()
    network = caller.expect(201, "POST", "network", "/v2.0/networks", {"network": {"name": "bench"}})["network"]["id"]
    subnet = {"network_id": network, "ip_version": 4, "cidr": "192.0.2.0/24", "name": "bench"}
    caller.expect(201, "POST", "network", "/v2.0/subnets", {"subnet": subnet})
    for number in range(ports):
        port = {"network_id": network, "name": f"bench-{number}"}
        caller.expect(201, "POST", "network", "/v2.0/ports", {"port": port})
    flavor = {"name": FLAVOR, "id": FLAVOR, "ram": 64, "vcpus": 1, "disk": 0}
    caller.expect(200, "POST", "compute", "/v2.1/flavors", {"flavor": flavor})
    for number in range(servers):
        wait_placed(caller, ask_server(caller, f"bench-{number}"))
    caller.expect(201, "POST", "image", "/v2/images", {"name": "bench"})
    caller.expect(201, "POST", "identity", "/v3/projects", {"project": {"name": "bench", "domain_id": "default"}})
    caller.expect(200, "POST", "volume", "/v3/types", {"volume_type": {"name": "bench"}})


def ask_server(caller: Caller, name: str) -> str:
    """Ask for a server that boots from an empty volume, without a network; returns its id.

    A customer without hosts has no place for it: Nova writes it down, its conductor asks its scheduler, and the answer
    is an error. So it takes every part of Nova's control plane and no host.
    """
    disk = {"boot_index": 0, "source_type": "blank", "destination_type": "volume", "volume_size": 1}
    server: dict[str, Any] = {"name": name, "flavorRef": FLAVOR, "networks": "none", "block_device_mapping_v2": [disk]}
    answer = caller.send("POST", "compute", "/v2.1/servers", {"server": server}, version="compute 2.37")
    if answer.status != 202:
        raise TemporaryError(f"A server was refused with {answer.status}: {str(answer.body)[:300]}")
    return str(answer.body["server"]["id"])


def placed(caller: Caller, server: str) -> bool:
    """Whether the scheduler has given its answer about a server."""
    told = caller.get("compute", f"/v2.1/servers/{server}")["server"]
    return bool(told["status"] == "ERROR")


def wait_placed(caller: Caller, server: str) -> None:
    """Wait for the scheduler's answer.

    Raises:
        TemporaryError: there is none within a minute.
    """
    until = time.monotonic() + SETTLE_SECONDS
    while not placed(caller, server):
        if time.monotonic() > until:
            raise TemporaryError(f"The server {server} is not scheduled after {SETTLE_SECONDS:.0f} s.")
        time.sleep(0.1)


def snapshot(caller: Caller) -> frozenset[str]:
    """Every record, by its kind and id."""
    caller.authenticate()
    return frozenset(f"{name} {one['id']}" for label, path, name in LISTS for one in caller.get(label, path)[name])
