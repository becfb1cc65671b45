"""Whom a node trusts, and by what."""

import stat
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from aloft.base import pki
from aloft.base.errors import Conflict, InvalidInput, NotFound
from aloft.base.paths import Paths
from aloft.node.peers import FIRST_BROKER_PORT, Invitation, Peers


@pytest.fixture(autouse=True)
def taken(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Ports that other programs use, whatever runs on this machine."""
    ports: set[int] = set()
    monkeypatch.setattr("aloft.node.peers.unused", lambda port, address="": port not in ports)
    return ports


@pytest.fixture
def here(tmp_path: Path) -> Peers:
    return Peers(Paths(tmp_path / "here"), "here")


@pytest.fixture
def there(tmp_path: Path) -> Peers:
    return Peers(Paths(tmp_path / "there"), "there")


def _join(here: Peers, invitation: Invitation, address: str = "192.0.2.7") -> None:
    here.put(invitation.name, address, invitation.authority, invitation.bundle)


def test_who_is_invited_gets_a_certificate_in_its_name_that_is_let_in(there: Peers) -> None:
    assert there.trunk(7443) is None
    invitation = there.invite("here")
    certificate = x509.load_pem_x509_certificate(invitation.bundle.encode())
    assert [found.value for found in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["here"]
    trunk = there.trunk(7443)
    assert trunk is not None and trunk.admitted == {pki.serial(invitation.bundle.encode())}
    assert trunk.authority.read_text() == invitation.authority
    pki.check_bundle(trunk.bundle.read_bytes())
    pki.check_bundle(invitation.bundle.encode())
    assert invitation.bundle not in repr(invitation)


def test_a_peer_is_remembered_with_secrets_that_only_root_reads(here: Peers, there: Peers, tmp_path: Path) -> None:
    _join(here, there.invite("here"))
    again = Peers(Paths(tmp_path / "here"), "here")
    assert again.all() == here.all() and again.get("there").address == "192.0.2.7:7443"
    kept = [file for file in (tmp_path / "here").rglob("*") if file.is_file()]
    assert kept and {stat.S_IMODE(file.stat().st_mode) for file in kept} == {0o600}
    assert here.get("there").bundle not in repr(here.get("there"))


def test_a_removed_peer_is_locked_out(here: Peers, there: Peers, tmp_path: Path) -> None:
    _join(there, here.invite("there"))
    there.invite("here")
    there.remove("here")
    assert there.all() == () and there.trunk(7443) is None
    assert Peers(Paths(tmp_path / "there"), "there").trunk(7443) is None
    assert not list((tmp_path / "there/var/lib/aloft/node/peers").iterdir())
    with pytest.raises(NotFound):
        there.remove("here")


def test_each_peer_has_a_port_of_its_own_for_its_broker(here: Peers, tmp_path: Path, taken: set[int]) -> None:
    for number in range(3):
        _join(here, Peers(Paths(tmp_path / f"{number}"), f"node-{number}").invite("here"))
    assert [peer.broker_port - FIRST_BROKER_PORT for peer in here.all()] == [0, 1, 2]
    here.remove("node-1")
    _join(here, Peers(Paths(tmp_path / "3"), "node-3").invite("here"))
    assert here.get("node-3").broker_port == FIRST_BROKER_PORT + 1
    _join(here, Peers(Paths(tmp_path / "0"), "node-0").invite("here"), "[2001:db8::1]:8000")
    taken.add(FIRST_BROKER_PORT + 3)
    _join(here, Peers(Paths(tmp_path / "4"), "node-4").invite("here"))
    assert here.get("node-4").broker_port == FIRST_BROKER_PORT + 4
    found = here.get("node-0")
    assert (found.broker_port, found.address) == (FIRST_BROKER_PORT, "[2001:db8::1]:8000")


@pytest.mark.parametrize(
    "changes",
    [{"name": "Big"}, {"name": "../etc"}, {"name": ""}, {"address": "a b"}, {"authority": "no"}, {"bundle": "no"}],
)
def test_what_is_no_peer_is_refused(here: Peers, there: Peers, changes: dict[str, str]) -> None:
    invitation = there.invite("here")
    told = {"name": "there", "address": "192.0.2.7", "authority": invitation.authority, "bundle": invitation.bundle}
    with pytest.raises(InvalidInput):
        here.put(**{**told, **changes})
    assert here.all() == ()


def test_a_node_is_not_its_own_peer(here: Peers) -> None:
    with pytest.raises(Conflict):
        here.invite("here")


async def test_a_client_asks_for_the_peers_node_api_and_trusts_its_authority_alone(
    here: Peers, there: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    _join(here, there.invite("here"))
    asked: list[httpx.Request] = []

    async def answer(self: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200)

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", answer)
    async with here.client("there") as client:
        await client.get("/v1/health")
        trust = client._transport._pool._ssl_context  # type: ignore[attr-defined]  # nothing else tells it
    assert asked[0].url == "https://192.0.2.7:7443/v1/health"
    assert asked[0].extensions["sni_hostname"] == asked[0].headers["host"] == "node.trunk.there"
    assert len(trust.get_ca_certs()) == 1 and trust.check_hostname
