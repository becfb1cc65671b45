"""An HAProxy of a benchmark's own, with the settings that matter of the node's edge.

What a benchmark compares with goes through it, so that both sides have the same kind of way: TLS and a name on one port
for users, a plain port on loopback for each service among themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aloft.base import files
from aloft.base.pki import Authority
from aloft.bench.programs import Programs

PROGRAM = "/usr/sbin/haproxy"
CONFIGURATION = """\
global
    user haproxy
    group haproxy
    nbthread 2
    maxconn 2000
    ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
    tune.ssl.cachesize 0
    stats socket {folder}/admin.sock mode 600

defaults
    mode http
    retries 1
    timeout connect 2s
    timeout queue 10s
    timeout client 300s
    timeout server 300s
    timeout http-request 15s
    timeout http-keep-alive 75s
"""


@dataclass(frozen=True)
class Door:
    """One service behind the proxy.

    Args:
        host: its name on the TLS port.
        port: its plain port on loopback.
        target: HAProxy's address of the service: ``unix@/path`` or ``127.0.0.1:port``.
    """

    host: str
    port: int
    target: str


def configuration(folder: Path, port: int, doors: Mapping[str, Door]) -> str:
    """The configuration for the TLS port and the services by their labels."""
    lines = [
        CONFIGURATION.format(folder=folder),
        "frontend edge",
        f"    bind 127.0.0.1:{port} ssl crt {folder}/server.pem alpn http/1.1",
        "    http-request del-header ^x-forwarded-.* -m reg",
        "    http-request set-header X-Forwarded-For %[src]",
        "    http-request set-header X-Forwarded-Proto https",
        *(f"    use_backend {label} if {{ req.hdr(host),host_only -i {door.host} }}" for label, door in doors.items()),
        "",
    ]
    for label, door in doors.items():
        lines += [
            f"frontend plain-{label}",
            f"    bind 127.0.0.1:{door.port}",
            "    http-request set-header X-Forwarded-Proto http",
            f"    default_backend {label}",
            f"backend {label}",
            f"    server service {door.target}",
            "",
        ]
    return "\n".join(lines)


def start(programs: Programs, folder: Path, port: int, doors: Mapping[str, Door]) -> Path:
    """Start the proxy; returns the file of the authority that clients have to trust.

    Raises:
        PermanentError: HAProxy does not take the configuration.
    """
    files.folder(folder, mode=0o711)
    authority = Authority.open(folder / "ca", "Aloft bench")
    names = [door.host for door in doors.values()]
    files.write(folder / "server.pem", authority.issue_server(names).bundle)
    files.write(folder / "ca.pem", authority.certificate, mode=0o644)
    files.write(folder / "haproxy.cfg", configuration(folder, port, doors))
    programs.start("proxy", [PROGRAM, "-db", "-f", str(folder / "haproxy.cfg")], log=folder / "haproxy.log")
    return folder / "ca.pem"
