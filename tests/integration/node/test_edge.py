"""HAProxy as the edge: names, walls, changes while it runs."""

import asyncio
import contextlib
import json
import os
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import BaseRequestHandler, StreamRequestHandler, ThreadingMixIn, UnixStreamServer
from typing import Any

import pytest

from aloft.base import files, pki
from aloft.base.accounts import account
from aloft.base.errors import PermanentError
from aloft.base.paths import Paths
from aloft.base.pki import Authority
from aloft.node import edge as edges
from aloft.node.edge import Edge, EdgeSettings, Route, Split
from aloft.node.edge_model import Layout
from aloft.portal.application import PROJECT

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


class Answer(BaseHTTPRequestHandler):
    """Says which service it is, and what it was asked."""

    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        text = json.dumps(
            {
                "service": self.server.server_address,
                "headers": {key.lower(): value for key, value in self.headers.items()},
                "size": len(body),
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815 - names that http.server looks for

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: Any) -> None:
        pass


class Echo(StreamRequestHandler):
    """A plain TCP service, as OVN is."""

    def handle(self) -> None:
        while data := self.connection.recv(4096):
            self.connection.sendall(data)


class Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close a connection at once, and let the loop see to it."""
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


@dataclass
class Customer:
    """A region with a certificate, an authority and the certificate of a host."""

    slot: int
    name: str
    certificate: Path
    authority: Path
    host: Path
    serial: str

    def dns(self, service: str) -> str:
        return f"{service}.{self.name}.aloft.internal"


class House:
    """An edge with two customers behind it."""

    def __init__(self, paths: Paths, settings: EdgeSettings, provider: Authority, daemon: Any) -> None:
        self.daemon = daemon
        self.paths = paths
        self.settings = settings
        self.provider = provider
        self.edge = Edge(paths, settings)
        self.servers: list[Server] = []
        self.one = self._customer(1, "one")
        self.two = self._customer(2, "two")

    def _customer(self, slot: int, name: str) -> Customer:
        folder = self.paths.root / "pki" / name
        authority = Authority.open(folder, f"Region {name}")
        key, request = pki.new_request("ignored")
        certificate = authority.sign_csr(request, f"host-{name}", name, 90)
        (folder / "server.pem").write_bytes(self.provider.issue_server([f"*.{name}.aloft.internal"]).bundle)
        (folder / "host.pem").write_bytes(certificate + key)
        return Customer(
            slot, name, folder / "server.pem", folder / "ca.crt", folder / "host.pem", pki.serial(certificate)
        )

    def socket(self, customer: Customer, service: str) -> str:
        return str(self.paths.slot_run(customer.slot) / f"{service}.sock")

    def serve(self, customer: Customer, service: str, handler: type[BaseRequestHandler] = Answer) -> None:
        """Start a service behind a slot's socket."""
        files.folder(
            self.paths.slot_run(customer.slot),
            mode=0o2710,
            owner=200000 + customer.slot,
            group=account("haproxy").group,
        )
        path = self.socket(customer, service)
        self.listen(path, handler)
        self.hand_over(customer, path)

    def listen(self, path: str, handler: type[BaseRequestHandler] = Answer) -> None:
        """Start a service behind a socket, to which the edge's group may connect."""
        server = Server(path, handler)
        os.chown(path, 0, account("haproxy").group)
        Path(path).chmod(0o660)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        self.servers.append(server)

    def hand_over(self, customer: Customer, path: str) -> None:
        """Let the edge's group connect, and nobody else besides the slot's user."""
        os.chown(path, 200000 + customer.slot, account("haproxy").group)
        Path(path).chmod(0o660)

    def routes(self, *customers: Customer) -> list[Route]:
        made = []
        for who in customers:
            walled = {"client_authority": who.authority, "region": f"{who.name}/{who.name}-1"}
            made += [
                Route(who.dns("identity"), "http", self.socket(who, "keystone"), who.certificate),
                Route(
                    who.dns("image"), "http", self.socket(who, "glance"), who.certificate,
                    splits=(Split("image-data", self.socket(who, "images")),),
                ),
                Route(who.dns("agent"), "http", self.socket(who, "nova-api"), who.certificate, **walled),
                Route(who.dns("ovn"), "tcp", self.socket(who, "ovn-sb"), who.certificate, **walled),
            ]  # fmt: skip
        return made

    def tls(self, client: Customer | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.provider.certificate.decode())
        if client:
            context.load_cert_chain(client.host)
        return context

    async def open(
        self, name: str, client: Customer | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(
            "127.0.0.1", self.settings.port, ssl=self.tls(client), server_hostname=name
        )

    async def ask(
        self, name: str, path: str = "/", *, verb: str = "GET", client: Customer | None = None, host: str = "",
        headers: dict[str, str] | None = None, body: bytes = b"",
    ) -> tuple[int, dict[str, str], Any]:  # fmt: skip
        reader, writer = await self.open(name, client)
        return await self._exchange(reader, writer, host or name, path, verb, headers or {}, body)

    async def ask_internal(
        self, name: str, headers: dict[str, str] | None = None, port: int = 0
    ) -> tuple[int, dict[str, str], Any]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port or self.settings.internal_port)
        return await self._exchange(reader, writer, name, "/", "GET", headers or {}, b"")

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, path: str, verb: str,
        headers: dict[str, str], body: bytes,
    ) -> tuple[int, dict[str, str], Any]:  # fmt: skip
        lines = {"Host": host, "Connection": "close", "Content-Length": str(len(body)), **headers}
        head = "".join(f"{key}: {value}\r\n" for key, value in lines.items())
        writer.write(f"{verb} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        await writer.drain()
        try:
            raw = await reader.read()
        finally:
            await hang_up(writer)
        top, _, text = raw.partition(b"\r\n\r\n")
        status, *fields = top.decode().split("\r\n")
        answered = {key.lower(): value for key, value in (field.split(": ", 1) for field in fields)}
        return int(status.split()[1]), answered, json.loads(text or b"null")


@contextlib.asynccontextmanager
async def standing(paths: Paths, daemon: Callable[..., Any], free_port: Callable[[], int]) -> AsyncIterator[House]:
    """An edge that runs until the end of the block."""
    settings = EdgeSettings(
        domain="aloft.internal",
        port=free_port(),
        internal_port=free_port(),
        faces_port=free_port(),
        addresses=("127.0.0.1",),
        slots=4,
        waiting=str(paths.run / "waiting.sock"),
        broker=f"127.0.0.1:{free_port()}",
    )
    haproxy = daemon(edges.process(paths, settings), lambda: edges.initialise(paths, settings))
    house = House(paths, settings, Authority.open(paths.root / "pki" / "provider", "Provider"), haproxy)
    house.daemon.start()
    await house.daemon.ready(house.edge.ping)
    try:
        yield house
    finally:
        for server in house.servers:
            server.shutdown()
            server.server_close()


@pytest.fixture
async def house(paths: Paths, daemon: Callable[..., Any], free_port: Callable[[], int]) -> AsyncIterator[House]:
    async with standing(paths, daemon, free_port) as house:
        yield house


async def test_each_name_reaches_its_own_service(house: House) -> None:
    for who in (house.one, house.two):
        house.serve(who, "keystone")
    await house.edge.apply(house.routes(house.one, house.two))
    for who in (house.one, house.two):
        status, headers, body = await house.ask(who.dns("identity"))
        assert (status, body["service"]) == (200, house.socket(who, "keystone"))
        assert body["headers"]["x-forwarded-proto"] == "https"
        assert body["headers"]["x-forwarded-for"] == "127.0.0.1"
        assert "max-age" in headers["strict-transport-security"]
        for host in (who.dns("identity"), f"{who.dns('identity').upper()}:7080"):
            status, _, body = await house.ask_internal(host)
            assert (status, body["service"]) == (200, house.socket(who, "keystone"))
            assert body["headers"]["x-forwarded-proto"] == "http"


async def test_a_service_that_is_down_is_named(house: House) -> None:
    await house.edge.apply(house.routes(house.one))
    status, headers, body = await house.ask(house.one.dns("identity"))
    assert status == 503
    assert headers["content-type"] == "application/json"
    assert house.one.dns("identity") in body["error"]["message"]


async def test_unknown_names_are_answered_readably(house: House) -> None:
    await house.edge.apply(house.routes(house.one))
    status, _, body = await house.ask_internal("other.example")
    assert status == 404
    assert body["error"]["message"]
    context = house.tls()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", house.settings.port, ssl=context, server_hostname="other.example"
    )
    writer.write(b"GET / HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n")
    assert b" 404 " in (await reader.read()).splitlines()[0]
    await hang_up(writer)


async def test_hosts_come_in_with_their_own_regions_certificate_only(house: House) -> None:
    for who in (house.one, house.two):
        house.serve(who, "nova-api")
    await house.edge.apply(house.routes(house.one, house.two))
    for who, other in ((house.one, house.two), (house.two, house.one)):
        status, _, body = await house.ask(who.dns("agent"), client=who)
        assert (status, body["service"]) == (200, house.socket(who, "nova-api"))
        assert body["headers"]["x-aloft-host"] == f"host-{who.name}"
        assert body["headers"]["x-aloft-region"] == f"{who.name}/{who.name}-1"
        for service in ("agent", "ovn"):
            for client in (None, other):
                with pytest.raises((ssl.SSLError, ConnectionError, IndexError)):
                    await house.ask(who.dns(service), client=client)


async def test_a_connection_for_one_name_does_not_serve_another(house: House) -> None:
    for who in (house.one, house.two):
        house.serve(who, "nova-api")
    await house.edge.apply(house.routes(house.one, house.two))
    for opened, asked, client in (
        (house.one.dns("identity"), house.one.dns("agent"), None),
        (house.one.dns("agent"), house.two.dns("agent"), house.one),
        (house.one.dns("identity"), house.two.dns("identity"), None),
    ):
        status, _, _ = await house.ask(opened, host=asked, client=client)
        assert status == 421
    assert (await house.ask_internal(house.one.dns("agent")))[0] == 403


@pytest.mark.parametrize("header", ["X-Aloft-Host", "x-aloft-region", "X_Aloft_Host", "X-Aloft_Region"])
async def test_nobody_can_claim_to_be_a_host(house: House, header: str) -> None:
    house.serve(house.one, "keystone")
    house.serve(house.one, "nova-api")
    await house.edge.apply(house.routes(house.one))
    lie = {header: "lie", "X-Forwarded-For": "192.0.2.1"}
    answers = [
        await house.ask(house.one.dns("identity"), headers=lie),
        await house.ask(house.one.dns("agent"), headers=lie, client=house.one),
        await house.ask_internal(house.one.dns("identity"), headers=lie),
    ]
    for status, _, body in answers:
        assert status == 200
        assert "lie" not in body["headers"].values()
        assert "192.0.2.1" not in body["headers"].values()


@pytest.mark.parametrize("header", ["X-Aloft-Customer", "X-Aloft-CSRF", PROJECT])
async def test_what_users_and_pages_say_passes(house: House, header: str) -> None:
    house.serve(house.one, "keystone")
    await house.edge.apply(house.routes(house.one))
    said = {header: "one"}
    for status, _, body in (
        await house.ask(house.one.dns("identity"), headers=said),
        await house.ask_internal(house.one.dns("identity"), headers=said),
    ):
        assert status == 200
        assert body["headers"][header.lower()] == "one"


async def test_a_certificate_can_be_taken_back(house: House) -> None:
    house.serve(house.one, "nova-api")
    routes = house.routes(house.one)
    await house.edge.apply(routes)
    assert (await house.ask(house.one.dns("agent"), client=house.one))[0] == 200
    await house.edge.apply([replace(route, revoked=frozenset({house.one.serial})) for route in routes])
    assert (await house.ask(house.one.dns("agent"), client=house.one))[0] == 403
    await house.edge.apply(routes)
    assert (await house.ask(house.one.dns("agent"), client=house.one))[0] == 200


async def test_names_can_be_limited_to_networks(house: House) -> None:
    house.serve(house.one, "keystone")
    house.serve(house.two, "keystone")
    routes = house.routes(house.one, house.two)
    elsewhere = [replace(route, networks=("192.0.2.0/24",)) if "one" in route.name else route for route in routes]
    await house.edge.apply(elsewhere)
    assert (await house.ask(house.one.dns("identity")))[0] == 403
    assert (await house.ask(house.two.dns("identity")))[0] == 200
    here = [replace(route, networks=("192.0.2.0/24", "127.0.0.0/8")) for route in routes]
    await house.edge.apply(here)
    assert (await house.ask(house.one.dns("identity")))[0] == 200


async def test_image_data_goes_to_the_library(house: House) -> None:
    for service in ("glance", "images"):
        house.serve(house.one, service)
    await house.edge.apply(house.routes(house.one))
    name = house.one.dns("image")
    calls = {
        ("GET", "/v2/images"): "glance",
        ("GET", "/v2/images/1"): "glance",
        ("DELETE", "/v2/images/1/members/x"): "glance",
        ("GET", "/v2/images/1/file"): "images",
        ("PUT", "/v2/images/1/file?x=1"): "images",
        ("PUT", "/v2/images/1/stage"): "images",
        ("POST", "/v2/images/1/import"): "images",
        ("DELETE", "/v2/images/1"): "images",
    }
    for (verb, path), service in calls.items():
        _, _, body = await house.ask(name, path, verb=verb, body=b"data")
        assert body["service"] == house.socket(house.one, service), (verb, path)
    status, _, body = await house.ask(name, "/v2/images/1/file", verb="PUT", body=bytes(8 * 1024 * 1024))
    assert (status, body["size"]) == (200, 8 * 1024 * 1024)


async def test_open_links_outlive_changes_and_the_process_stays(house: House) -> None:
    house.serve(house.one, "ovn-sb", Echo)
    await house.edge.apply(house.routes(house.one))
    before = await house.edge._runtime.ask("show info")
    reader, writer = await house.open(house.one.dns("ovn"), house.one)
    for customers in ((house.one, house.two), (house.one,), (house.one, house.two)):
        await house.edge.apply(house.routes(*customers))
        writer.write(b"still there?")
        assert await reader.readexactly(12) == b"still there?"
    after = await house.edge._runtime.ask("show info")
    assert [line for line in before.splitlines() if line.startswith("Pid:")] == [
        line for line in after.splitlines() if line.startswith("Pid:")
    ]
    await hang_up(writer)


async def test_an_unprepared_target_takes_a_reload_that_cuts_no_link(house: House) -> None:
    house.serve(house.one, "ovn-sb", Echo)
    await house.edge.apply(house.routes(house.one))
    reader, writer = await house.open(house.one.dns("ovn"), house.one)
    far = Customer(**{**vars(house.two), "slot": 99})
    house.serve(far, "keystone")
    await house.edge.apply(house.routes(house.one, far))
    status, _, body = await house.ask(far.dns("identity"))
    assert (status, body["service"]) == (200, house.socket(far, "keystone"))
    writer.write(b"still there?")
    assert await reader.readexactly(12) == b"still there?"
    await hang_up(writer)


async def test_removed_names_are_gone(house: House) -> None:
    for who in (house.one, house.two):
        house.serve(who, "keystone")
    await house.edge.apply(house.routes(house.one, house.two))
    await house.edge.apply(house.routes(house.one))
    with pytest.raises(ssl.SSLCertVerificationError):
        await house.ask(house.two.dns("identity"))
    assert (await house.ask_internal(house.two.dns("identity")))[0] == 404
    left = {file.name for file in Layout(house.paths).certificates.iterdir()}
    text = Layout(house.paths).certificate_list.read_text()
    assert all(name in text for name in left)


async def test_a_renewed_certificate_is_shown_without_a_reload(house: House) -> None:
    await house.edge.apply(house.routes(house.one))
    renewed = house.provider.issue_server(["*.one.aloft.internal"])
    house.one.certificate.write_bytes(renewed.bundle)
    await house.edge.apply(house.routes(house.one))
    _, writer = await house.open(house.one.dns("identity"))
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    assert ssl.DER_cert_to_PEM_cert(shown).split() == renewed.certificate.decode().split()
    await hang_up(writer)


async def test_kill_9_and_a_restart_lose_no_route(house: House) -> None:
    for who in (house.one, house.two):
        house.serve(who, "keystone")
        house.serve(who, "nova-api")
    await house.edge.apply(house.routes(house.one, house.two))
    house.daemon.stop(9)
    house.daemon.start()
    await house.daemon.ready(house.edge.ping)
    for who in (house.one, house.two):
        assert (await house.ask(who.dns("identity")))[0] == 200
        assert (await house.ask(who.dns("agent"), client=who))[0] == 200
    fresh = Edge(house.paths, house.settings)
    await fresh.apply(house.routes(house.two))
    assert (await house.ask_internal(house.one.dns("identity")))[0] == 404
    assert (await house.ask_internal(house.two.dns("identity")))[0] == 200


async def test_a_broken_certificate_changes_nothing(house: House) -> None:
    house.serve(house.one, "keystone")
    await house.edge.apply(house.routes(house.one))
    house.two.certificate.write_text("not a certificate")
    with pytest.raises(PermanentError):
        await house.edge.apply(house.routes(house.one, house.two))
    assert (await house.ask(house.one.dns("identity")))[0] == 200
    house.daemon.stop(9)
    house.daemon.start()
    await house.daemon.ready(house.edge.ping)
    assert (await house.ask(house.one.dns("identity")))[0] == 200


async def test_metrics_are_served_to_root(house: House) -> None:
    reader, writer = await asyncio.open_unix_connection(str(Layout(house.paths).metrics))
    writer.write(b"GET /metrics?scope=global HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"haproxy_process_uptime_seconds" in await reader.read()
    await hang_up(writer)
    assert Layout(house.paths).metrics.stat().st_mode & 0o077 == 0
