"""Two edges, each of a node of its own: what is on one is reached through the other, and by nobody else."""

import asyncio
import os
import shutil
import ssl
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

import httpx
import pytest

from aloft.base import files
from aloft.base.accounts import account
from aloft.base.paths import Paths
from aloft.node.edge_model import PEER, Layout, Route, Trunk, trunk_name
from aloft.node.peers import Peers

from .test_edge import Customer, Echo, House, hang_up, standing

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

BROKEN = (ssl.SSLError, ConnectionError, asyncio.IncompleteReadError, IndexError, httpx.HTTPError)


@dataclass
class Node:
    """A node: its edge and whom it trusts."""

    name: str
    house: House
    peers: Peers
    port: int
    broker_port: int

    def trunk(self) -> Trunk | None:
        found = self.peers.trunk(self.port)
        return found and replace(found, far=tuple(replace(far, broker_port=self.broker_port) for far in found.far))

    def invite(self, other: "Node") -> None:
        """Have another node reach this one."""
        invitation = self.peers.invite(other.name)
        other.peers.put(self.name, f"127.0.0.1:{self.port}", invitation.authority, invitation.bundle)

    def leading_to(self, other: "Node", *customers: Customer) -> list[Route]:
        """The routes to customers of another node, from here."""
        routes = other.house.routes(*customers)
        files_here = {one.certificate: self._taken(one.certificate) for one in routes}
        return [
            replace(one, target=f"{PEER}{other.name}", splits=(), certificate=files_here[one.certificate])
            for one in routes
        ]

    def _taken(self, certificate: Path) -> Path:
        """A certificate for the same names, by this node's own authority."""
        name = certificate.parent.name
        target = self.house.paths.root / "pki" / f"far-{name}.pem"
        target.write_bytes(self.house.provider.issue_server([f"*.{name}.aloft.internal"]).bundle)
        return target


@pytest.fixture
def other_paths() -> Iterator[Paths]:
    """The tree of the second node."""
    folder = Path(tempfile.mkdtemp(prefix="aloft-", dir="/tmp"))
    folder.chmod(0o711)
    yield Paths(folder)
    shutil.rmtree(folder)


@pytest.fixture
async def nodes(
    paths: Paths, other_paths: Paths, daemon: Callable[..., Any], free_port: Callable[[], int]
) -> AsyncIterator[tuple[Node, Node]]:
    """A node in front and one behind it, which know each other; the one behind serves two customers."""
    async with (
        standing(paths, daemon, free_port) as here,
        standing(other_paths, daemon, free_port) as there,
    ):
        front = Node("front", here, Peers(here.paths, "front"), free_port(), free_port())
        back = Node("back", there, Peers(there.paths, "back"), free_port(), free_port())
        front.invite(back)
        back.invite(front)
        files.folder(there.paths.trunk_socket.parent, mode=0o710, group=account("haproxy").group)
        there.listen(str(there.paths.trunk_socket))
        for who in (there.one, there.two):
            for service in ("keystone", "glance", "images", "nova-api"):
                there.serve(who, service)
            there.serve(who, "ovn-sb", Echo)
        await there.edge.apply(there.routes(there.one, there.two), back.trunk())
        await here.edge.apply(front.leading_to(back, there.one, there.two), front.trunk())
        yield front, back


async def test_http_names_of_another_node_are_answered_there(nodes: tuple[Node, Node]) -> None:
    front, back = nodes
    for who in (back.house.one, back.house.two):
        for port in (0, front.house.settings.faces_port):
            status, _, body = await front.house.ask_internal(who.dns("identity"), port=port)
            assert (status, body["service"]) == (200, back.house.socket(who, "keystone"))
        status, headers, body = await front.house.ask(who.dns("identity"))
        assert (status, body["service"]) == (200, back.house.socket(who, "keystone"))
        assert body["headers"]["x-forwarded-for"] == "127.0.0.1"
        assert body["headers"]["x-forwarded-proto"] == "https"
        assert "max-age" in headers["strict-transport-security"]
    _, _, body = await front.house.ask(
        back.house.one.dns("image"), "/v2/images/1/file", verb="PUT", body=bytes(1 << 20)
    )
    assert (body["service"], body["size"]) == (back.house.socket(back.house.one, "images"), 1 << 20)


async def test_hosts_are_told_apart_by_the_edge_that_they_talk_to(nodes: tuple[Node, Node]) -> None:
    front, back = nodes
    one, two = back.house.one, back.house.two
    status, _, body = await front.house.ask(one.dns("agent"), client=one, headers={"X-Aloft-Host": "lie"})
    assert status == 200
    assert (body["headers"]["x-aloft-host"], body["headers"]["x-aloft-region"]) == ("host-one", "one/one-1")
    for header in ("X-Aloft-Host", "x_aloft_region"):
        _, _, body = await front.house.ask(one.dns("identity"), headers={header: "lie", "X-Forwarded-For": "192.0.2.1"})
        assert "lie" not in body["headers"].values() and "192.0.2.1" not in body["headers"].values()
    for client in (None, two):
        with pytest.raises(BROKEN):
            await front.house.ask(one.dns("agent"), client=client)
    routes = [replace(one, revoked=frozenset({back.house.one.serial})) for one in front.leading_to(back, one)]
    await front.house.edge.apply(routes, front.trunk())
    assert (await front.house.ask(one.dns("agent"), client=one))[0] == 403


async def test_other_links_lead_there_too(nodes: tuple[Node, Node]) -> None:
    front, back = nodes
    for who, other in ((back.house.one, back.house.two), (back.house.two, back.house.one)):
        reader, writer = await front.house.open(who.dns("ovn"), who)
        writer.write(who.name.encode())
        assert await reader.readexactly(len(who.name)) == who.name.encode()
        await hang_up(writer)
        for client in (None, other):
            with pytest.raises(BROKEN):
                reader, writer = await front.house.open(who.dns("ovn"), client)
                writer.write(b"lie")
                await reader.readexactly(3)


class Greeting(StreamRequestHandler):
    """Speaks first, as databases do."""

    def handle(self) -> None:
        self.wfile.write(b"hello")


async def test_its_broker_has_a_port_here(nodes: tuple[Node, Node]) -> None:
    front, back = nodes
    where = back.house.settings.broker.partition(":")
    with ThreadingTCPServer((where[0], int(where[2])), Greeting) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        reader, writer = await asyncio.open_connection("127.0.0.1", front.broker_port)
        assert await reader.readexactly(5) == b"hello"
        await hang_up(writer)
        server.shutdown()


async def test_the_nodes_api_is_there_for_peers_alone(nodes: tuple[Node, Node], tmp_path: Path) -> None:
    front, back = nodes
    async with front.peers.client("back") as client:
        answer = await client.get("/v1/health")
        assert answer.json()["service"] == str(back.house.paths.trunk_socket)
    stranger = Peers(Paths(tmp_path / "stranger"), "back").invite("front")
    uninvited = ssl.create_default_context(cadata=front.peers.get("back").authority)
    (tmp_path / "bundle").write_text(stranger.bundle)
    for bundle in (None, tmp_path / "bundle"):
        if bundle:
            uninvited.load_cert_chain(bundle)
        with pytest.raises(BROKEN):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", back.port, ssl=uninvited, server_hostname=trunk_name("back", "node")
            )
            writer.write(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readexactly(1)
    front.peers.put("back", f"127.0.0.1:{back.port}", stranger.authority, front.peers.get("back").bundle)
    async with front.peers.client("back") as client:
        with pytest.raises(httpx.ConnectError):  # it is not who it was said to be
            await client.get("/v1/health")


async def test_a_removed_peer_is_locked_out(nodes: tuple[Node, Node]) -> None:
    front, back = nodes
    back.peers.remove("front")
    back.peers.invite("another")
    await back.house.edge.apply(back.house.routes(back.house.one), back.trunk())
    async with front.peers.client("back") as client:
        with pytest.raises(httpx.HTTPError):
            await client.get("/v1/health")
    assert (await front.house.ask(back.house.one.dns("identity")))[0] in (502, 503)


async def test_what_is_held_there_waits_there(nodes: tuple[Node, Node]) -> None:
    front, back = nodes
    back.house.listen(back.house.settings.waiting)
    held = [replace(route, hold="outside") for route in back.house.routes(back.house.one)]
    await back.house.edge.apply(held, back.trunk())
    name = back.house.one.dns("identity")
    assert (await front.house.ask(name, verb="POST"))[2]["service"] == back.house.settings.waiting
    assert (await front.house.ask(name))[2]["service"] == back.house.socket(back.house.one, "keystone")


async def test_what_waited_here_goes_on_there(nodes: tuple[Node, Node]) -> None:
    front, back = nodes
    reader, writer = await asyncio.open_unix_connection(str(Layout(front.house.paths).again))
    _, _, body = await front.house._exchange(reader, writer, back.house.one.dns("identity"), "/", "POST", {}, b"x")
    assert (body["service"], body["size"]) == (back.house.socket(back.house.one, "keystone"), 1)


async def test_who_arrives_is_known_to_the_nodes_own_services_only(nodes: tuple[Node, Node]) -> None:
    front, back = nodes
    front.house.serve(front.house.one, "keystone")
    name, arrived = back.house.one.dns("identity"), front.house.socket(front.house.one, "keystone")
    await front.house.edge.apply(front.leading_to(back, back.house.one), front.trunk(), {name: arrived})
    assert (await front.house.ask_internal(name))[2]["service"] == arrived
    there = back.house.socket(back.house.one, "keystone")
    assert (await front.house.ask_internal(name, port=front.house.settings.faces_port))[2]["service"] == there
    assert (await front.house.ask(name))[2]["service"] == there
    await front.house.edge.apply(front.house.routes(front.house.one), front.trunk())
    assert (await front.house.ask(name))[2]["service"] == arrived


async def test_nothing_goes_in_a_circle(nodes: tuple[Node, Node]) -> None:
    front, back = nodes
    await back.house.edge.apply(back.leading_to(front, back.house.one), back.trunk())
    assert (await front.house.ask(back.house.one.dns("identity")))[0] == 404


async def test_a_silent_node_is_named(nodes: tuple[Node, Node]) -> None:
    front, back = nodes
    back.house.daemon.stop(9)
    status, _, body = await front.house.ask(back.house.one.dns("identity"))
    assert status == 503 and back.house.one.dns("identity") in body["error"]["message"]
