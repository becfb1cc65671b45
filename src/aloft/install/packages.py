"""Debian packages: which are needed, which are missing, and installing those without starting Debian's services.

Debian starts a service as soon as its package is installed. Aloft runs its own MariaDB, RabbitMQ and HAProxy, so a
``policy-rc.d`` forbids the start while packages are installed, and under systemd the units of those packages that were
installed here are disabled and masked. A package that was there before belongs to the administrator and is left alone.
"""

import contextlib
import json
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from aloft.base.errors import AloftError, PermanentError
from aloft.base.invoke import CommandFailed, CommandStalled, answer, invoke
from aloft.base.paths import Paths

BUILD = ("gcc", "pkg-config", "libvirt-dev", "python3-dev", "python3-venv")
"""What the environments need to be made: OpenStack's packages are wheels, libvirt-python is compiled."""

NODE = (
    "mariadb-server",
    "rabbitmq-server",
    "haproxy",
    "memcached",
    "ovn-central",
    "openvswitch-switch",
    "novnc",
    "restic",
    "openssh-client",
)
"""What a node runs."""

HOST = (
    "libvirt-daemon",
    "libvirt-daemon-system",
    "libvirt-clients",
    "qemu-system-x86",
    "qemu-utils",
    "openvswitch-switch",
    "ovn-host",
    "haproxy",
    "memcached",
    "dnsmasq-base",
    "conntrack",
    "genisoimage",
    "busybox-static",
    "xz-utils",
    "zstd",
)
"""What a host with every role runs."""

TOOLS = ("ca-certificates", "iproute2", "iputils-ping", "kmod", "procps", "openssl")
"""What Aloft's own steps use."""

UNITS = {
    "mariadb-server": ("mariadb.service",),
    "rabbitmq-server": ("rabbitmq-server.service", "epmd.service", "epmd.socket"),
    "haproxy": ("haproxy.service",),
    "memcached": ("memcached.service",),
    "ovn-central": ("ovn-central.service",),
}
"""Debian's units that would run beside Aloft's own processes."""

STATUS_FORMAT = "${db:Status-Abbrev} ${Package}\n"
LISTS = Path("/var/lib/apt/lists")
INDEX_SECONDS = 1800.0
"""Lists as young as this are used as they are; when a package has gone meanwhile, they are fetched again."""

OPTIONS = (
    *("-o", "Acquire::Retries=3"),
    *("-o", "Acquire::http::Timeout=30"),
    *("-o", "DPkg::Lock::Timeout=300"),
    *("-o", "Dpkg::Options::=--force-unsafe-io"),  # a machine that loses power now installs them again anyway
)
"""How apt is to behave."""

POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_TEXT = "#!/bin/sh\n# Laid by Aloft while it installs packages: their services are not to be started.\nexit 101\n"


def needed() -> tuple[str, ...]:
    """Every package that ``up`` wants, once, in a stable order."""
    return tuple(dict.fromkeys((*TOOLS, *BUILD, *NODE, *HOST)))


def missing(wanted: Iterable[str], status: str) -> tuple[str, ...]:
    """Which of ``wanted`` are not installed.

    Args:
        wanted: package names.
        status: lines of ``dpkg-query`` in the form of :data:`STATUS_FORMAT`.
    """
    installed = {line.split()[1] for line in status.splitlines() if line.startswith("ii ")}
    return tuple(name for name in wanted if name not in installed)


def units_to_mask(installed_here: Iterable[str]) -> tuple[str, ...]:
    """The units to switch off, of the packages that Aloft itself installed."""
    return tuple(unit for name in installed_here for unit in UNITS.get(name, ()))


def missing_here(wanted: Iterable[str]) -> tuple[str, ...]:
    """Which of ``wanted`` this machine lacks."""
    return missing(wanted, answer(["dpkg-query", "--show", f"--showformat={STATUS_FORMAT}"]))


def install(names: tuple[str, ...], *, log: Path, record: Path | None = None) -> None:
    """Install packages, with their services held still.

    Args:
        names: the missing packages; nothing is done when there are none.
        log: where apt's output goes.
        record: file that remembers which packages Aloft installed on this machine (a JSON list).

    Raises:
        PermanentError: the packages could not be had.
    """
    if not names:
        return
    with services_held():
        try:
            _install(names, log)
        except (CommandFailed, CommandStalled) as error:
            raise PermanentError(
                f"The packages {', '.join(names)} could not be installed. {error.message}",
                "Check the package sources (`apt-get update`) and the network, then run the command again.",
            ) from error
    if record is not None:
        _remember(record, names)
    _mask(units_to_mask(names), log)


def installed_by_aloft(record: Path) -> tuple[str, ...]:
    """The packages that earlier runs installed, from their record."""
    return tuple(json.loads(record.read_text())) if record.exists() else ()


@contextlib.contextmanager
def services_held(policy: Path = POLICY) -> Iterator[None]:
    """Forbid packages to start their services; a policy that is there already, and not left by us, is not touched."""
    ours = not policy.exists() or policy.read_text() == POLICY_TEXT
    if ours:
        policy.write_text(POLICY_TEXT)
        policy.chmod(0o755)
    try:
        yield
    finally:
        if ours and policy.exists() and policy.read_text() == POLICY_TEXT:
            policy.unlink()


def systemd_runs() -> bool:
    """Whether systemd is process 1 of this machine (the test that sd_booted(3) describes)."""
    return Path("/run/systemd/system").is_dir()


def fresh_index(lists: Path, now: float) -> bool:
    """Whether apt's lists were fetched within :data:`INDEX_SECONDS`; their change times say so, in Unix seconds."""
    return any(now - file.stat().st_ctime < INDEX_SECONDS for file in lists.glob("*Packages*"))


def _install(names: tuple[str, ...], log: Path) -> None:
    """Let apt install packages, after finishing what a killed run left half done."""
    env = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "l", "LC_ALL": "C.UTF-8"}
    command = ["apt-get", *OPTIONS, "install", "--yes", "--no-install-recommends", *names]
    invoke(["dpkg", "--configure", "-a"], log=log, timeout=600, env=env)
    if fresh_index(LISTS, time.time()) and _succeeds(command, env, log):
        return
    _update_index(env, log)
    invoke(command, log=log, timeout=1800, env=env)


def _update_index(env: dict[str, str], log: Path) -> None:
    """Refresh apt's lists; old lists are good enough when a source does not answer."""
    try:
        invoke(["apt-get", *OPTIONS, "update"], log=log, timeout=300, env=env)
    except CommandFailed:
        if not any(LISTS.glob("*Packages*")):
            raise


def _succeeds(command: list[str], env: dict[str, str], log: Path) -> bool:
    """Run a command that is tried again another way when it fails."""
    try:
        invoke(command, log=log, timeout=1800, env=env)
    except CommandFailed:
        return False
    return True


def _remember(record: Path, names: tuple[str, ...]) -> None:
    """Add to the list of packages that Aloft installed."""
    record.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(sorted({*installed_by_aloft(record), *names}), indent=1)
    fresh = record.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(record)


def _mask(units: tuple[str, ...], log: Path) -> None:
    """Stop and mask units where systemd runs."""
    if units and systemd_runs():
        known = [unit for unit in units if answer(["systemctl", "cat", unit])]
        if known:
            invoke(["systemctl", "disable", "--now", *known], log=log, timeout=120)
            invoke(["systemctl", "mask", *known], log=log, timeout=60)


def ensure(names: Iterable[str], paths: Paths) -> str:
    """Install those of some packages that are missing; tells in words what was done.

    Raises:
        PermanentError: they cannot be had.
    """
    lacking = missing_here(names)
    install(lacking, log=paths.log / "up.log", record=paths.state / "packages.json")
    return f"installed {', '.join(lacking)}" if lacking else "is there"


def command(what: str, names: Iterable[str]) -> int:
    """Do that as a program: tells it, and returns the exit code."""
    try:
        print(f"{what}: {ensure(names, Paths.from_environment())}")
    except AloftError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
