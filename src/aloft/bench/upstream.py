"""What upstream's install guide starts and runs, as data: the recipe of the stock controller.

Config files are those of Aloft without Aloft's own numbers of workers, so that what differs is how services are made
and run, not how they are configured.
"""

import configparser
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aloft.base.paths import Paths
from aloft.controller import ini
from aloft.controller.context import Context
from aloft.controller.declare import Files, Service

SLOT = 99_998
"""The slot whose names the stock controller has."""

CONSOLE = "console-program"
"""The label of the port that the console proxy itself listens on."""

GUIDE = ("memcached", "keystone", "glance", "placement", "nova", "ovn", "neutron", "cinder")
"""The order of the install guide."""

NOT_UPSTREAM = ("sync",)
"""Services that upstream has nothing of."""

OURS = {
    ("DEFAULT", "api_workers"),
    ("DEFAULT", "executor_thread_pool_size"),
    ("DEFAULT", "rpc_workers"),
    ("conductor", "workers"),
    ("scheduler", "workers"),
}
"""Options by which Aloft makes services smaller; without them upstream's defaults hold."""

DAEMONS: dict[str, dict[str, tuple[str, ...]]] = {
    "nova": {
        "nova-conductor": ("nova/nova.conf",),
        "nova-scheduler": ("nova/nova.conf",),
        "nova-novncproxy": ("nova/nova.conf", "nova/novncproxy.conf"),
    },
    "neutron": {
        "neutron-rpc-server": ("neutron/neutron.conf", "neutron/ml2_conf.ini"),
        "neutron-periodic-workers": ("neutron/neutron.conf", "neutron/ml2_conf.ini"),
        "neutron-ovn-maintenance-worker": ("neutron/neutron.conf", "neutron/ml2_conf.ini"),
    },
    "cinder": {"cinder-scheduler": ("cinder/cinder.conf",)},
}
"""Upstream's programs that are no WSGI applications, by project, with their config files."""


@dataclass(frozen=True)
class StockPaths(Paths):
    """A tree of its own, with the release's packages and MariaDB of the installation."""

    real: Paths = field(default_factory=Paths)

    def environment(self, release: str) -> Path:
        """The virtual environment of an OpenStack release."""
        return self.real.environment(release)

    @property
    def database_socket(self) -> Path:
        """MariaDB's unix socket."""
        return self.real.database_socket


@dataclass(frozen=True)
class StockContext(Context):
    """A context whose services find each other on ports of loopback.

    Args:
        ports: by the labels of endpoints.
    """

    ports: Mapping[str, int] = field(default_factory=dict)

    def internal(self, label: str, path: str = "") -> str:
        """The URL that services use among themselves."""
        return f"http://127.0.0.1:{self.ports[label]}{path}"


def stock_files(files: Files) -> Files:
    """Config files without the options of :data:`OURS`."""

    def strip(text: str) -> str:
        parser = configparser.RawConfigParser(delimiters=("=",), default_section="\0", strict=False)
        parser.optionxform = str  # type: ignore[assignment,method-assign]  # as its documentation says
        parser.read_string(text)
        for section, option in OURS:
            if parser.has_section(section):
                parser.remove_option(section, option)
        out = io.StringIO()
        parser.write(out)
        return out.getvalue()

    return {name: text if name.endswith("paste.ini") else strip(text) for name, text in files.items()}


def configured(service: Service, context: Context) -> Files:
    """A service's config files as the stock controller has them."""
    text = dict(stock_files(service.files(context)))
    if service.name == "nova" and isinstance(context, StockContext):
        console: dict[str, ini.Value] = {"novncproxy_host": "127.0.0.1", "novncproxy_port": context.ports[CONSOLE]}
        text["nova/novncproxy.conf"] = ini.render({"vnc": console})
    return text


def migrations(service: Service) -> tuple[tuple[str, ...], ...]:
    """Upstream's commands that make a service's schemas: those of the golden databases, for a real cell."""
    commands = [command for command in service.migrate if command[0] != "python"]
    if service.name == "nova":
        config = commands[0][:3]
        sync = tuple(word for word in commands[1] if word != "--local_cell")
        cells = ((*config, "cell_v2", "map_cell0"), (*config, "cell_v2", "create_cell", "--name=cell1"))
        commands = [commands[0], *cells, sync]
    return tuple(commands)
