"""A host's account reaches its region: libvirt's test driver, a real process's parts, and a region over HTTP."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import libvirt
import pytest

from aloft.ground.inventory.account import Account
from aloft.ground.inventory.delivery import Delivery
from aloft.ground.inventory.signals import EventLoop
from aloft.ground.inventory.watch import Watch
from aloft.sync.inventory import PATH, Answer, Domain, Inventory, follow, read_report

PATIENCE = 20.0
URI = "test:///default"
XML = """
<domain type='test'><name>{name}</name><uuid>{uuid}</uuid><memory>65536</memory><vcpu>1</vcpu>
<os><type>hvm</type></os></domain>"""
UUID = "c0ffee00-0000-4000-8000-00000000000{}"


class Region:
    """The receiving side: holds the host as it was told."""

    def __init__(self) -> None:
        self.change = threading.Condition()
        self.epochs: list[str] = []
        self.sequence = 0
        self.host: Inventory | None = None
        self.away = False

    def take(self, data: dict[str, Any]) -> Answer:
        report = read_report(data)
        with self.change:
            if report.snapshot is not None:
                self.epochs.append(report.epoch)
                self.host, self.sequence = report.snapshot, 0
            if self.host is None or self.epochs[-1:] != [report.epoch]:
                return Answer(report.epoch, snapshot=True)
            news = [delta for delta in report.deltas if delta.sequence > self.sequence]
            self.host = follow(self.host, news)
            self.sequence += len(news)
            self.change.notify_all()
            return Answer(report.epoch, self.sequence)

    def wait(self, meets: Callable[[Inventory], bool]) -> Inventory:
        """The host, once it meets a condition."""
        with self.change:
            assert self.change.wait_for(lambda: self.host is not None and meets(self.host), PATIENCE), self.host
            assert self.host is not None
            return self.host

    def domain(self, uuid: str, meets: Callable[[Domain], bool] = lambda _: True) -> Domain:
        """A domain, once it is there and meets a condition."""

        def find(host: Inventory) -> list[Domain]:
            return [domain for domain in host.domains if domain.uuid == uuid and meets(domain)]

        return find(self.wait(lambda host: bool(find(host))))[0]


@pytest.fixture(scope="module", autouse=True)
def _events() -> None:
    EventLoop().start()


@pytest.fixture
def region() -> Region:
    return Region()


@pytest.fixture
def port(region: Region) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert (self.path, self.headers["Host"]) == (PATH, "sync.demo-1.demo.lab.internal")
            data = json.dumps(region.take(json.loads(body)).to_json()).encode() if not region.away else b""
            self.send_response(503 if region.away else 200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture
def host(port: int, tmp_path: Path) -> Iterator[Any]:
    """A libvirt connection to the host that is watched."""
    account = Account(time.time)
    delivery = Delivery(account, "127.0.0.1", port, "sync.demo-1.demo.lab.internal")
    connection = libvirt.open(URI)
    watch = Watch(account, URI, tmp_path / "none", root=tmp_path)
    threads = [threading.Thread(target=worker.run) for worker in (delivery, watch)]
    for thread in threads:
        thread.start()
    yield connection
    for domain in connection.listAllDomains():
        if domain.name() != "test":
            if domain.isActive():
                domain.destroy()
            domain.undefine()
    delivery.stop()
    watch.stop()
    for thread in threads:
        thread.join(PATIENCE)
    connection.close()


def define(connection: Any, number: int, name: str = "") -> Any:
    return connection.defineXML(XML.format(name=name or f"vm{number}", uuid=UUID.format(number)))


def test_what_was_there_before_and_what_happens_after(host: Any, region: Region) -> None:
    first = region.wait(lambda found: bool(found.domains))
    assert [(domain.name, domain.state) for domain in first.domains] == [("test", "running")]
    assert [network.name for network in first.networks] == ["default"]
    assert first.hypervisor.startswith(URI)
    domain = define(host, 1)
    assert region.domain(UUID.format(1)).state == "shutoff"
    domain.create()
    assert region.domain(UUID.format(1), lambda found: found.state == "running").reason == "booted"
    domain.suspend()
    region.domain(UUID.format(1), lambda found: found.state == "paused")
    domain.resume()
    region.domain(UUID.format(1), lambda found: found.state == "running")
    domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, "The web", None, None, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    region.domain(UUID.format(1), lambda found: found.title == "The web")
    domain.destroy()
    region.domain(UUID.format(1), lambda found: found.state == "shutoff")
    domain.undefine()
    region.wait(lambda found: UUID.format(1) not in found.entries("domains"))
    assert len(region.epochs) == 1


def test_a_region_that_was_away_gets_all_that_happened_meanwhile(host: Any, region: Region) -> None:
    region.wait(lambda found: bool(found.domains))
    region.away = True
    define(host, 1).create()
    define(host, 2)
    region.away = False
    region.domain(UUID.format(1), lambda found: found.state == "running")
    region.domain(UUID.format(2))
    assert len(region.epochs) == 1


def test_a_region_that_forgot_the_host_asks_for_everything(host: Any, region: Region) -> None:
    region.wait(lambda found: bool(found.domains))
    with region.change:
        region.epochs.append("forgotten")
    define(host, 3)
    region.domain(UUID.format(3))
    assert len(region.epochs) == 3
