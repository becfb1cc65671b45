"""What a customer's administrator sets holds at once at the edge, and shuts nobody out who does not confirm it."""

import socket

from ..running import PATHS, Region, aloft, eventually, run, told

ELSEWHERE = (
    "--api-network",
    "203.0.113.0/24",
    "--portal-network",
    "203.0.113.0/24",
    "--link-network",
    "198.51.100.0/24",
)


def _outer_address() -> str:
    """An address of this machine that is not its loopback's, from which and to which it can speak."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("198.51.100.1", 9))
        return str(probe.getsockname()[0])


def _status(name: str, address: str) -> int:
    """What the edge answers to a request for a name that comes from an address."""
    said = run(
        *("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "20"),
        *("--cacert", str(PATHS.etc / "ca.pem"), "--resolve", f"{name}:443:{address}", f"https://{name}/"),
    )
    return int(said.out)


def test_networks_hold_at_once_and_are_taken_back(demo: Region) -> None:
    address = _outer_address()
    names = [f"{label}.{demo.customer}.aloft.internal" for label in ("identity", "portal")]
    assert all(_status(name, address) != 403 for name in names)
    refused = aloft("customer", "settings", demo.customer, *ELSEWHERE[:2])
    assert refused.code == 2 and "hosts" in refused.err
    set_ = told("customer", "settings", demo.customer, *ELSEWHERE, "--confirm-within", "600")
    assert set_["confirm_until"] and set_["confirmed"]["api"] == []
    eventually(lambda: [_status(name, address) for name in names] == [403, 403], what="networks hold")
    assert _status(names[0], "127.0.0.1") != 403, "the node itself is never shut out"
    told("customer", "settings", demo.customer, *ELSEWHERE, "--confirm-within", "5")
    eventually(lambda: all(_status(name, address) != 403 for name in names), what="what nobody confirms is taken back")
    late = aloft("customer", "confirm", demo.customer)
    assert late.code == 1 and "→" in late.err
    assert told("customer", "settings", demo.customer)["access"]["api"] == []
