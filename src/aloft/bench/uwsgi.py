"""uWSGI, as upstream deploys WSGI applications with it.

The settings are those of devstack (``lib/apache``, ``write_local_uwsgi_http_config``), which is how upstream tests
itself: two processes with one thread each on a machine of up to eight cores (``API_WORKERS`` in ``stackrc``),
applications loaded in each process. The only difference is that the socket is a unix socket. uWSGI itself is no part
of a release; a benchmark installs it, for as long as it runs, into a folder that the release's Python finds by
``PYTHONPATH``.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from aloft.base import files
from aloft.base.errors import PermanentError
from aloft.base.invoke import CommandFailed, CommandStalled, invoke
from aloft.base.paths import Paths
from aloft.controller.environment import installer

APPLICATIONS = {
    "keystone": "keystone.wsgi.api:application",
    "placement": "placement.wsgi.api:application",
    "nova-api": "nova.wsgi.osapi_compute:application",
    "nova-metadata": "nova.wsgi.metadata:application",
    "glance": "glance.wsgi.api:application",
    "cinder-api": "cinder.wsgi.api:application",
    "neutron-api": "neutron.wsgi.api:application",
}
"""What a WSGI server loads for each of a controller's APIs, by the name of its process."""

SETTINGS = """\
[uwsgi]
module = {module}
http-socket = {socket}
processes = {processes}
master = true
die-on-term = true
exit-on-reload = false
worker-reload-mercy = 90
enable-threads = true
thunder-lock = true
hook-master-start = unix_signal:15 gracefully_kill_them_all
buffer-size = 65535
add-header = Connection: close
lazy-apps = true
chmod-socket = 660
http-raw-body = true
http-chunked-input = true
http-auto-chunked = true
http-keepalive = false
socket-timeout = 30
start-time = %t
procname-prefix = {name}
"""


@dataclass(frozen=True)
class Uwsgi:
    """An installed uWSGI.

    Args:
        folder: where it lies, and where the settings of what it serves go.
        environment: of the release.
    """

    folder: Path
    environment: Path

    @classmethod
    def install(cls, folder: Path, environment: Path, paths: Paths) -> "Uwsgi":
        """Install it from the package registry, pinned with hashes.

        Args:
            folder: to install into.
            environment: of the release whose Python shall run it.
            paths: where Aloft's installer lies.

        Raises:
            PermanentError: it cannot be installed.
        """
        files.folder(folder)
        lock = Path(str(resources.files("aloft.bench") / "uwsgi.lock"))
        uv, settings = installer(paths)
        command: list[str | Path] = [uv, "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:"]
        command += ["--python", environment / "bin/python", "--target", folder / "layer", "--requirement", lock]
        try:
            invoke(command, log=folder / "install.log", timeout=300, env=settings)
        except (CommandFailed, CommandStalled) as error:
            raise PermanentError(
                f"uWSGI, which this benchmark compares with, could not be installed. {error.message}",
                "Check the network and the package registry; nothing else of Aloft needs uWSGI.",
            ) from error
        return cls(folder, environment)

    def command(self, name: str, socket: Path, arguments: str = "") -> list[str]:
        """The argument vector that serves one of :data:`APPLICATIONS`; its settings are written to a file.

        Args:
            name: of the process.
            socket: unix socket to serve on.
            arguments: command line that the application shall see.
        """
        text = SETTINGS.format(
            module=APPLICATIONS[name], socket=socket, processes=processes(os.cpu_count() or 1), name=name
        )
        if arguments:
            text += f"pyargv = {arguments}\n"
        ini = self.folder / f"{name}.ini"
        files.write(ini, text, mode=0o644)
        return [str(self.environment / "bin/python"), str(self.folder / "layer/bin/uwsgi"), "--ini", str(ini)]

    def env(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """The environment of a server: what its application wants, and where uWSGI lies."""
        given = {name: value for name, value in wanted.items() if name != "ASGI_WORKERS"}  # uWSGI itself says how many
        return {**given, "PYTHONPATH": str(self.folder / "layer"), "PYTHONWARNINGS": "ignore"}


def processes(cores: int) -> int:
    """How many processes devstack gives each API: a quarter of the cores, at least two."""
    return max(2, cores // 4)
