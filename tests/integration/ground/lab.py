"""A far host on one machine: the agent in namespaces of its own, which reaches nothing but an edge's one port.

The edge is a real HAProxy with mutual TLS, OVN's databases are real, the plane is a small server that speaks the
agent's API and notes what it is told.
"""

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

import aloft
from aloft.base.pki import Authority
from aloft.bench.machines import Machine, cable

SOURCE = Path(aloft.__file__).parents[1]
DOMAIN = "demo-1.demo.lab.internal"
NAMES = {
    label: f"{label}.{DOMAIN}"
    for label in ("compute", "network", "image", "placement", "metadata", "amqp", "ovn", "db", "agent")
} | {"identity": "identity.demo.lab.internal"}
PATIENCE = 60.0
PRIVATE = ("run", "var/lib/aloft", "var/log/aloft", "var/lib/openvswitch", "var/lib/libvirt")

HAPROXY = """
global
    stats socket {folder}/edge.sock mode 600
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
frontend edge
    bind {address}:8443 ssl crt {folder}/edge.pem ca-file {folder}/region/ca.crt verify optional
    tcp-request inspect-delay 5s
    use_backend ovn if {{ ssl_fc_sni ovn.{domain} }} {{ ssl_c_used 1 }}
    use_backend agent if {{ ssl_fc_sni agent.{domain} }} {{ ssl_c_used 1 }}
    use_backend plane if {{ ssl_fc_sni plane.lab.internal }}
backend ovn
    server ovn unix@{folder}/sb.sock
backend agent
    mode http
    http-request set-header X-Aloft-Host %[ssl_c_s_dn(CN)]
    http-request set-header X-Serial %[ssl_c_serial,hex,lower]
    server plane 127.0.0.1:{port}
backend plane
    mode http
    http-request del-header X-Aloft-Host
    server plane 127.0.0.1:{port}
"""


@dataclass
class Plane:
    """The plane's side of the agent's API."""

    folder: Path
    state: dict[str, Any] = field(default_factory=lambda: {"generation": 0, "roles": [], "release": "", "settings": {}})
    reports: list[dict[str, Any]] = field(default_factory=list)
    change: threading.Condition = field(default_factory=threading.Condition)
    away: bool = False
    ahead: float = 0.0
    days: float = 30.0
    serials: set[str] = field(default_factory=set)

    @contextlib.contextmanager
    def absent(self) -> Iterator[None]:
        """Answer nothing for a while."""
        self.away = True
        try:
            yield
        finally:
            self.away = False

    def want(self, *roles: str, attempt: int = 0, **settings: Any) -> None:
        """Change the desired state."""
        with self.change:
            merged = {**self.state["settings"], **settings}
            generation = self.state["generation"] + 1
            self.state = {
                "generation": generation,
                "roles": list(roles),
                "release": "2026.2",
                "settings": merged,
                "attempt": attempt,
            }
            self.change.notify_all()

    def wait_report(self, meets: Callable[[dict[str, Any]], bool], timeout: float = PATIENCE) -> dict[str, Any]:
        """The first report of the present generation that meets a condition."""
        with self.change:
            found = self.change.wait_for(
                lambda: [r for r in self.reports if r["generation"] == self.state["generation"] and meets(r)], timeout
            )
            assert found, f"no such report; the last: {self.reports[-1:]}"
            return found[0]

    def answer(self, method: str, target: str, host: str, body: dict[str, Any]) -> dict[str, Any]:
        url = urlsplit(target)
        if url.path == "/v1/enrol":
            return self._enrol(body)
        if not url.path.startswith("/agent/"):
            return {}
        assert host, "the edge let somebody through without a certificate"
        if url.path == "/agent/v1/state":
            query = parse_qs(url.query)
            with self.change:
                self.change.wait_for(lambda: self.state["generation"] > int(query["known"][0]), float(query["wait"][0]))
                return self.state
        if url.path == "/agent/v1/certificate":
            return self._sign(body["csr"], host)
        with self.change:
            self.reports.append(body)
            self.change.notify_all()
        return {"generation": self.state["generation"]}

    def _enrol(self, body: dict[str, Any]) -> dict[str, Any]:
        return {
            **self._sign(body["csr"], body["name"]),
            "host": body["name"],
            "customer": "demo",
            "region": "demo-1",
            "agent_url": f"https://{NAMES['agent']}:8443",
        }

    def _sign(self, request: str, host: str) -> dict[str, Any]:
        region = Authority.open(self.folder / "region", "region")
        return {
            "certificate": region.sign_csr(request.encode(), host, "demo/demo-1", self.days).decode(),
            "authority": region.certificate.decode(),
            "edge_authority": (self.folder / "provider/ca.crt").read_text(),
        }


def serve(plane: Plane) -> ThreadingHTTPServer:
    """The plane as an HTTP server on a loopback port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length) or b"{}")
            plane.serials.add(self.headers.get("X-Serial", ""))
            try:
                content = plane.answer(self.command, self.path, self.headers.get("X-Aloft-Host", ""), body)
                status = 503 if plane.away else 200
            except AssertionError as error:
                content, status = {"error": {"message": str(error)}}, 403
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(data)

        do_GET = do_POST = _do  # noqa: N815 - http.server's names

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string((timestamp or time.time()) + plane.ahead)

        def log_message(self, *_: Any) -> None: ...

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """An agent that goes away in the middle of a poll is no error."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class Host:
    """The far host, with a cable to the edge."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder = folder
        self.number = number
        self.root = folder / "host"
        self.machine = Machine(self.root, "far", PRIVATE)
        self.run = self.machine.run
        near = f"lab{number}n"
        cable(self.machine, f"lab{number}f", f"10.213.{number}.2/24", near, near_address=f"{self.edge}/24")

    @property
    def edge(self) -> str:
        return f"10.213.{self.number}.1"

    def agent(self, *arguments: str) -> list[str]:
        return self.machine.command("env", f"PYTHONPATH={SOURCE}", sys.executable, "-m", "aloft.ground", *arguments)

    def close(self) -> None:
        self.machine.close()
        subprocess.run(["ip", "link", "delete", f"lab{self.number}n"], check=False, capture_output=True)


class Lab:
    """Edge, OVN, plane and one far host."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder = folder
        self.stack = contextlib.ExitStack()
        self.host = Host(folder, number)
        self.stack.callback(self.host.close)
        provider = Authority.open(folder / "provider", "provider")
        Authority.open(folder / "region", "region")
        (folder / "edge.pem").write_bytes(
            provider.issue_server([f"*.{DOMAIN}", "*.lab.internal", "*.demo.lab.internal"]).bundle
        )
        self.plane = Plane(folder)
        server = serve(self.plane)
        self.stack.callback(server.server_close)
        self.stack.callback(server.shutdown)
        self._ovn()
        text = HAPROXY.format(folder=folder, address=self.host.edge, domain=DOMAIN, port=server.server_port)
        (folder / "edge.cfg").write_text(text)
        self.start_edge()
        self.settings = {
            "customer": "demo",
            "region": "demo-1",
            "domain": "lab.internal",
            "edge": {"host": self.host.edge, "port": 8443},
            "names": NAMES,
            "amqp": {"user": "u", "password": "broker-secret", "vhost": "s1"},
            "keystone": {"nova": {"username": "nova", "password": "nova-secret", "project": "service"}},
            "metadata_secret": "metadata-secret",
            "network": {"physical_networks": {"external": {"bridge": "br-ex", "address": "172.24.4.1/24"}}},
        }

    def _ovn(self) -> None:
        for name, schema in (("nb", "ovn-nb"), ("sb", "ovn-sb")):
            database = str(self.folder / f"{name}.db")
            subprocess.run(["ovsdb-tool", "create", database, f"/usr/share/ovn/{schema}.ovsschema"], check=True)
            self.daemon(
                "ovsdb-server",
                f"--remote=punix:{self.folder}/{name}.sock",
                f"--unixctl={self.folder}/{name}.ctl",
                database,
            )
            wait_for((self.folder / f"{name}.sock").exists)
        nb, sb = f"--ovnnb-db=unix:{self.folder}/nb.sock", f"--ovnsb-db=unix:{self.folder}/sb.sock"
        self.daemon("ovn-northd", nb, sb, f"--unixctl={self.folder}/northd.ctl")

    def daemon(self, *command: str) -> "subprocess.Popen[bytes]":
        with (self.folder / "daemons.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        self.stack.callback(lambda: (process.terminate(), process.wait()))
        return process

    def start_edge(self) -> None:
        self._edge = self.daemon("haproxy", "-db", "-f", str(self.folder / "edge.cfg"))
        wait_for(lambda: (self.folder / "edge.sock").exists())

    @contextlib.contextmanager
    def clocks_apart(self, seconds: float) -> Iterator[None]:
        """Let the provider's clock be ahead of the host's, and its certificate begin by it."""
        bundle = self.folder / "edge.pem"
        before = bundle.read_bytes()
        self.plane.ahead = seconds
        bundle.write_bytes(dated(self.folder / "provider", before, timedelta(seconds=seconds)))
        self._restart_edge()
        try:
            yield
        finally:
            self.plane.ahead = 0.0
            bundle.write_bytes(before)
            self._restart_edge()

    def _restart_edge(self) -> None:
        self._edge.terminate()
        self._edge.wait()
        (self.folder / "edge.sock").unlink()
        self.start_edge()

    def agent_log(self) -> str:
        return (self.folder / "agent.log").read_text()

    def southbound(self, *command: str) -> str:
        arguments = ["ovn-sbctl", "--timeout=10", f"--db=unix:{self.folder}/sb.sock", *command]
        return subprocess.run(arguments, capture_output=True, text=True, check=True).stdout

    def enrol(self, check: bool = True) -> str:
        """Enrol the host by the authority's certificate; gives what it complained of."""
        authority = self.host.root / "var/lib/aloft/authority.crt"
        shutil.copy(self.folder / "provider/ca.crt", authority)
        self.host.run("sh", "-c", f"echo {self.host.edge} plane.lab.internal >>/etc/hosts")
        done = subprocess.run(
            self.host.agent(
                "enrol", "--url", "https://plane.lab.internal:8443", "--token", "t", "--name", "far",
                "--authority", "/var/lib/aloft/authority.crt",
            ),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode == 0) == check, done.stderr
        return done.stderr

    @contextlib.contextmanager
    def cut(self) -> Iterator[None]:
        """Cut the link for a while: packets are lost, nobody is told."""
        self.host.run("nft", "add", "table", "inet", "wall")
        self.host.run("nft", "add chain inet wall out { type filter hook output priority 0; }")
        self.host.run("nft", "add", "rule", "inet", "wall", "out", "ip", "daddr", self.host.edge, "drop")
        try:
            yield
        finally:
            self.host.run("nft", "delete", "table", "inet", "wall")

    @contextlib.contextmanager
    def agent(self) -> Iterator["subprocess.Popen[bytes]"]:
        """The agent, running; ended politely."""
        with (self.folder / "agent.log").open("ab") as log:
            process = subprocess.Popen(self.host.agent("run"), stdout=log, stderr=log)
        try:
            yield process
        finally:
            self._signal_agent(signal.SIGTERM)
            try:
                process.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                raise

    def kill_agent(self) -> None:
        """End the agent as the kernel would when memory runs out."""
        self._signal_agent(signal.SIGKILL)

    def _signal_agent(self, number: signal.Signals) -> None:
        # nsenter passes no signals on, so the agent is looked up in its own process namespace
        self.host.run("pkill", f"-{number.value}", "-f", "aloft.ground ru[n]", check=False)

    def close(self) -> None:
        self.stack.close()


def dated(authority: Path, bundle: bytes, ahead: timedelta) -> bytes:
    """A server's certificate and key with the same names, as an authority whose clock is ahead would make it."""
    own = x509.load_pem_x509_certificate(bundle)
    issuer = x509.load_pem_x509_certificate((authority / "ca.crt").read_bytes())
    begin = datetime.now(UTC) + ahead
    builder = x509.CertificateBuilder(own.issuer, own.subject, own.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(begin).not_valid_after(begin + timedelta(days=30))
    for extension in own.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    key = load_pem_private_key((authority / "ca.key").read_bytes(), None)
    assert issuer.subject == own.issuer
    signed = builder.sign(key, hashes.SHA256())  # type: ignore[arg-type]  # the key is elliptic
    return signed.public_bytes(Encoding.PEM) + b"-----BEGIN PRIVATE KEY" + bundle.split(b"-----BEGIN PRIVATE KEY")[1]


def wait_for(condition: Callable[[], Any], timeout: float = PATIENCE) -> None:
    """Wait for something outside that raises no event of its own."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.05)
