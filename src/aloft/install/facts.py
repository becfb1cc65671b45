"""Gathers what ``preflight`` judges: looks at this machine, and changes nothing."""

import fcntl
import os
import platform
import shutil
import ssl
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from aloft.base.invoke import succeeds
from aloft.base.paths import Paths
from aloft.install.preflight import Facts, PortUse

PORTS = (7080, 7081, 7672, 7673, 7674)
"""TCP ports on loopback that a node serves on, besides the edge's (docs/architecture.md)."""

OTHERS = {"mariadbd": "MariaDB", "mysqld": "MySQL", "beam.smp": "RabbitMQ", "haproxy": "HAProxy"}
DEFAULT_INDEX = "https://pypi.org/simple"
KVM_GET_API_VERSION = 0xAE00
"""linux/kvm.h; every kernel since 2.6.22 answers 12."""


def gather(paths: Paths, port: int, running: bool, registry: Mapping[str, str] | None = None) -> Facts:
    """Look at the machine.

    Args:
        paths: where Aloft lies.
        port: the edge's port.
        running: whether the node runs.
        registry: uv's settings when the package registry shall be asked; ``None`` leaves that out.
    """
    release = os_release(Path("/etc/os-release"))
    return Facts(
        root=os.geteuid() == 0,
        distribution=release.get("ID", ""),
        version=release.get("VERSION_ID", ""),
        architecture=platform.machine(),
        python=(sys.version_info.major, sys.version_info.minor),
        cores=len(os.sched_getaffinity(0)),
        memory_mib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1 << 20),
        disk_mib={str(folder): _free_mib(folder) for folder in (paths.state, paths.opt)},
        running=running,
        edge_port=port,
        ports=port_users((port, *PORTS), paths),
        namespaces=succeeds(["unshare", "--mount", "--net", "true"]),
        tun=_opens(Path("/dev/net/tun")),
        cgroup=_cgroup(),
        kvm=_kvm(),
        openvswitch_module=Path("/sys/module/openvswitch").exists() or succeeds(["modprobe", "-n", "openvswitch"]),
        other_services=_others(paths),
        registry=None if registry is None else ask_registry(registry),
    )


def os_release(path: Path) -> dict[str, str]:
    """The fields of os-release(5)."""
    found = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        name, separator, value = line.partition("=")
        if separator:
            found[name] = value.strip("\"'")
    return found


def listeners(table: str) -> dict[int, str]:
    """TCP ports that somebody listens on, with the socket's inode, from the text of ``/proc/net/tcp`` or ``tcp6``."""
    found = {}
    for line in table.splitlines()[1:]:
        words = line.split()
        if len(words) > 9 and words[3] == "0A":  # TCP_LISTEN
            found[int(words[1].rpartition(":")[2], 16)] = words[9]
    return found


def port_users(wanted: tuple[int, ...], paths: Paths) -> dict[int, PortUse]:
    """Who listens on the wanted ports."""
    listening: dict[int, str] = {}
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if table.exists():
            listening |= listeners(table.read_text())
    inodes = {f"socket:[{listening[port]}]": port for port in wanted if port in listening}
    found: dict[int, PortUse] = {port: PortUse("another program", 0, ours=False) for port in inodes.values()}
    if not inodes:
        return {}
    for process in Path("/proc").glob("[0-9]*"):
        for target in _open_files(process):
            if target in inodes:
                words = _command_line(process)
                found[inodes[target]] = PortUse(_name(process), int(process.name), is_ours(words, paths))
    return found


def is_ours(command_line: str, paths: Paths) -> bool:
    """Whether a process is part of Aloft: its command line names one of Aloft's folders."""
    return any(f"{folder}/" in command_line for folder in (paths.opt, paths.state, paths.run, paths.etc))


def ask_registry(settings: Mapping[str, str], attempts: int = 3, timeout: float = 10.0) -> str:
    """Ask the package registry for one project's page; returns why that failed, or nothing.

    Args:
        settings: uv's environment variables (``bootstrap.registry_environment``), which win over this process's.
        attempts: how often it is tried.
        timeout: seconds for one attempt.
    """
    environ = {**os.environ, **settings}
    index = environ.get("UV_DEFAULT_INDEX") or environ.get("UV_INDEX_URL") or DEFAULT_INDEX
    if index.startswith("file:"):
        folder = Path(index.removeprefix("file://"))
        return "" if folder.is_dir() else f"the registry {folder} does not exist"
    host = httpx.URL(index).host
    trust = ssl.create_default_context(cafile=environ.get("SSL_CERT_FILE") or None)
    problem = ""
    for attempt in range(attempts):
        if attempt:
            time.sleep(1.0)
        try:
            reply = httpx.get(f"{index.rstrip('/')}/nova/", timeout=timeout, follow_redirects=True, verify=trust)
        except httpx.TimeoutException:
            problem = f"{host} does not answer within {timeout:.0f} s"
        except httpx.HTTPError as error:
            problem = f"{host} cannot be reached: {error}"
        else:
            if reply.status_code == 200:
                return ""
            problem = f"{host} answers with HTTP {reply.status_code}"
    return problem


def _free_mib(folder: Path) -> int:
    """Free space of the file system that a folder lies or would lie on."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free // (1 << 20)


def _opens(device: Path) -> bool:
    try:
        os.close(os.open(device, os.O_RDWR))
    except OSError:
        return False
    return True


def _kvm() -> bool:
    """Whether /dev/kvm can be opened and a virtual machine made with it."""
    try:
        handle = os.open("/dev/kvm", os.O_RDWR)
    except OSError:
        return False
    try:
        return fcntl.ioctl(handle, KVM_GET_API_VERSION) == 12
    except OSError:
        return False
    finally:
        os.close(handle)


def _cgroup() -> bool:
    """Whether the root of control groups version 2 is writable and has the controllers that limits need."""
    root = Path("/sys/fs/cgroup")
    controllers = root / "cgroup.controllers"
    if not controllers.exists() or not os.access(root, os.W_OK):
        return False
    return {"memory", "cpu"} <= set(controllers.read_text().split())


def _others(paths: Paths) -> tuple[str, ...]:
    """Names of database, broker and proxy daemons that run here and are not Aloft's."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        name = OTHERS.get(_name(process))
        if name and not is_ours(_command_line(process), paths):
            found.add(name)
    return tuple(sorted(found))


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return ""


def _command_line(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _open_files(process: Path) -> list[str]:
    """What the file descriptors of a process point at; nothing when it is gone or hidden."""
    try:
        return [str(link.readlink()) for link in (process / "fd").iterdir()]
    except OSError:
        return []
