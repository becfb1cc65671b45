"""OVN's northbound and southbound databases and northd, and memcached: the controller's own small daemons."""

import subprocess
from pathlib import Path

from aloft.base.errors import PermanentError
from aloft.controller.context import Context
from aloft.controller.declare import Endpoint, Process, Service, accepts

SCHEMAS = Path("/usr/share/ovn")


def _database(context: Context, name: str) -> Path:
    return context.slot.state / "ovn" / f"{name}.db"


def _server(name: str) -> Process:
    def command(context: Context) -> tuple[str, ...]:
        return (
            "/usr/sbin/ovsdb-server",
            "-vconsole:warn",
            "-vsyslog:off",
            "-vfile:off",
            f"--remote=punix:{context.slot.socket(name)}",
            f"--unixctl={context.slot.run}/{name}.ctl",
            str(_database(context, name)),
        )

    return Process(
        name=name,
        command=command,
        ready=accepts(name),
        sockets=(name,) if name == "ovn-sb" else (),
    )


def _prepare(context: Context) -> None:
    """Create the two databases from OVN's schemas, owned by the slot's user."""
    folder = context.slot.state / "ovn"
    for name, schema in (("ovn-nb", "ovn-nb.ovsschema"), ("ovn-sb", "ovn-sb.ovsschema")):
        if _database(context, name).exists():
            continue
        made = subprocess.run(
            ["/usr/bin/ovsdb-tool", "create", str(_database(context, name)), str(SCHEMAS / schema)],
            capture_output=True,
            text=True,
            check=False,
            user=context.slot.user,
            group=context.slot.user,
            extra_groups=[],
            cwd=folder,
            umask=0o077,
        )
        if made.returncode:
            raise PermanentError(
                f"OVN's database {name} of slot {context.slot.number} could not be created: {made.stderr.strip()}",
                "Check that the packages ovn-central and openvswitch-common are installed and the disk has room.",
            )


OVN = Service(
    name="ovn",
    prepare=_prepare,
    endpoints=(Endpoint(label="ovn", process="ovn-sb"),),
    processes=(
        _server("ovn-nb"),
        _server("ovn-sb"),
        Process(
            name="ovn-northd",
            command=lambda context: (
                "/usr/bin/ovn-northd",
                "-vconsole:warn",
                "-vsyslog:off",
                "-vfile:off",
                f"--ovnnb-db=unix:{context.slot.socket('ovn-nb')}",
                f"--ovnsb-db=unix:{context.slot.socket('ovn-sb')}",
                f"--unixctl={context.slot.run}/ovn-northd.ctl",
                "--n-threads=1",
            ),
            after=("ovn-nb", "ovn-sb"),
        ),
    ),
)

MEMCACHED = Service(
    name="memcached",
    processes=(
        Process(
            name="memcached",
            command=lambda context: (
                "/usr/bin/memcached",
                "--unix-socket",
                str(context.slot.socket("memcached")),
                "--unix-mask=0600",
                "--memory-limit=16",
                # Few sizes of slots: each size that is in use takes a page of 1 MiB at once.
                "--slab-min-size=1900",
                "--slab-growth-factor=4",
                "--extended=no_modern",  # nothing that looks around by the clock: expired items go when room is needed
                "--threads=1",
                "--conn-limit=512",
            ),
            ready=accepts("memcached"),
        ),
    ),
)
