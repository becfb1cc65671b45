"""A host full of virtual machines that are libvirt's test driver's, looked at by the agent's own code."""

import http.server
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import libvirt

from aloft.base.errors import TemporaryError
from aloft.bench import measure
from aloft.bench.programs import Programs, free_ports
from aloft.bench.running import Running
from aloft.ground.inventory.reader import Reader
from aloft.sync.inventory import Domain

AGENT_DOMAINS = 100
SETTLE_SECONDS, IDLE_SECONDS = 10.0, 90.0
_GIVEN_UP_SECONDS = 60.0

_NETWORK = """<network><name>default</name><uuid>11111111-2222-3333-4444-555555555555</uuid><forward mode='nat'/>
<bridge name='virbr0'/><ip address='10.77.0.1' netmask='255.255.0.0'/></network>"""
_DOMAIN = """<domain type='test'><name>{name}</name><uuid>{uuid}</uuid><memory unit='KiB'>{memory}</memory>
<vcpu>1</vcpu><os><type arch='x86_64'>hvm</type></os><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{disk}'/>
<target dev='vda' bus='virtio'/></disk>
<interface type='network'><mac address='{mac}'/><source network='default'/></interface></devices></domain>"""


def write(domains: list[Domain], path: Path) -> None:
    """Write a file from which libvirt's test driver makes a host with these domains, all of which run."""
    each = [
        _DOMAIN.format(name=one.name, uuid=one.uuid, memory=one.memory_kib, disk=one.disks[0].path, mac=one.nics[0].mac)
        for one in domains
    ]
    path.write_text(f"<node>{_NETWORK}{''.join(each)}</node>")


class Scanner:
    """Looks at such a host as the agent does.

    Args:
        path: the file.
        addresses: by MAC, as the host's neighbours would tell.
    """

    def __init__(self, path: Path, addresses: dict[str, str]) -> None:
        self._connection = libvirt.open(f"test://{path}")
        self._reader = Reader(self._connection, lambda: addresses)

    def scan(self) -> tuple[Domain, ...]:
        """Everything on the host."""
        networks = self._reader.networks()
        self._reader.look_around(networks, ())
        return self._reader.domains()

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()


def agent_cores(running: Running, domains: list[Domain], folder: Path) -> float:
    """Share of a core that the agent's process takes that tells of a host's virtual machines while nothing happens."""
    running.tell(f"watching the agent of a host with {len(domains)} domains for {IDLE_SECONDS:.0f} s")
    file = folder / "agent.xml"
    write(domains, file)
    programs = Programs(0, folder)
    with _region() as (port, heard):
        command = (sys.executable, "-m", "aloft.ground.inventory", "--link", f"127.0.0.1:{port}", "--name", "sync")
        try:
            programs.start("inventory", (*command, "--libvirt", f"test://{file}"), log=folder / "agent.log")
            if not heard.wait(_GIVEN_UP_SECONDS):
                programs.check()
                raise TemporaryError("The agent's inventory told nothing.", f"See {folder / 'agent.log'}.")
            time.sleep(SETTLE_SECONDS)
            before = measure.processor_seconds(programs.pids("inventory"))
            time.sleep(IDLE_SECONDS)
            after = measure.processor_seconds(programs.pids("inventory"))
            return measure.growth(before, after) / IDLE_SECONDS
        finally:
            programs.close()


@contextmanager
def _region() -> Iterator[tuple[int, threading.Event]]:
    """A region that believes everything: its port, and an event once it has been told of the host."""
    heard = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:  # the name is the library's
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            last = max((one["sequence"] for one in told.get("deltas", ())), default=0)
            if told.get("snapshot", {}).get("domains"):
                heard.set()
            body = json.dumps({"epoch": told["epoch"], "acknowledged": last}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    (port,) = free_ports(1)
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield port, heard
        finally:
            server.shutdown()
