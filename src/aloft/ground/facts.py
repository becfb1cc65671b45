"""What a host is: processors, memory, disks, network cards, distribution, kernel, and what its kernel can do.

Reading is one thin pass over ``/proc``, ``/sys`` and a few commands; what is read is understood by pure functions.
"""

import fcntl
import ipaddress
import json
import os
import platform
import re
import socket
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from aloft.base.builds import build
from aloft.base.places import own_address
from aloft.ground.layout import Layout

_KVM_GET_API_VERSION = 0xAE00
_MIB = 1 << 20


@dataclass(frozen=True)
class Disk:
    """A block device; size in bytes."""

    name: str
    size: int
    rotational: bool
    in_use: bool


@dataclass(frozen=True)
class Card:
    """A network card: its link state, MAC address, IP addresses with prefix length, and MTU (0: not known).

    ``virtual`` is one that software made, whose MAC address says nothing of the machine: a bridge keeps its own on a
    clone. In a container the end of a cable to its host is as good as hardware.
    """

    name: str
    mac: str
    up: bool
    addresses: tuple[str, ...]
    mtu: int = 0
    virtual: bool = False


@dataclass(frozen=True)
class Facts:
    """What the roles' requirements are checked against, and what the plane is told.

    Args:
        hostname: the machine's own name.
        packages: the builds of the agent (``tool``) and of the releases whose environments are complete.
        machine_id: what tells the installation from others (machine-id(5)); empty when it has none.
        distribution: ``ID`` of os-release, such as ``debian``.
        distribution_version: ``VERSION_ID``, such as ``12``.
        distribution_name: for a person.
        architecture: such as ``x86_64``.
        kernel: release of the running kernel.
        cpu_model: for a person.
        cpus: logical processors.
        memory_mib: total memory in MiB.
        free_disk_mib: free space where the agent keeps instances and images, in MiB.
        disks: block devices.
        cards: network cards.
        address: the address by which the host reaches the rest of its network.
        kvm: whether the processor's virtualisation can be used.
        systemd: whether systemd runs the machine.
        openvswitch: whether the kernel switches packets for Open vSwitch.
        tun: whether the kernel has tap devices.
        root: whether the agent runs as root.
        releases: OpenStack releases whose environment is installed.
    """

    hostname: str
    distribution: str
    distribution_version: str
    distribution_name: str
    architecture: str
    kernel: str
    cpu_model: str
    cpus: int
    memory_mib: int
    free_disk_mib: int
    disks: tuple[Disk, ...]
    cards: tuple[Card, ...]
    address: str
    kvm: bool
    systemd: bool
    openvswitch: bool
    tun: bool
    root: bool
    releases: tuple[str, ...]
    machine_id: str = ""
    packages: dict[str, str] = field(default_factory=dict)

    @property
    def datapath(self) -> str:
        """Open vSwitch's datapath type: in the kernel where it can, in user space where it must."""
        return "system" if self.openvswitch else "netdev"

    @property
    def virtualisation(self) -> str:
        """Nova's ``virt_type``."""
        return "kvm" if self.kvm else "qemu"

    def as_report(self) -> dict[str, Any]:
        """The form that the plane gets."""
        return {**asdict(self), "datapath": self.datapath, "virtualisation": self.virtualisation}


def gather(layout: Layout) -> Facts:
    """Look at the machine."""
    release = os_release(_read("/etc/os-release"))
    cpuinfo = _read("/proc/cpuinfo")
    return Facts(
        hostname=socket.gethostname(),
        machine_id=_read("/etc/machine-id").strip(),
        packages=_builds(layout),
        distribution=release.get("ID", "unknown"),
        distribution_version=release.get("VERSION_ID", ""),
        distribution_name=release.get("PRETTY_NAME", "unknown"),
        architecture=platform.machine(),
        kernel=platform.release(),
        cpu_model=cpu_model(cpuinfo),
        cpus=os.cpu_count() or 1,
        memory_mib=memory_mib(_read("/proc/meminfo")),
        free_disk_mib=_free_mib(layout.state),
        disks=_disks(),
        cards=cards(_output("ip", "-json", "-details", "address", "show")),
        address=own_address(),
        kvm=has_virtualisation(cpuinfo) and _kvm_answers(),
        systemd=Path("/run/systemd/system").is_dir(),
        openvswitch=_module("openvswitch"),
        tun=Path("/dev/net/tun").exists(),
        root=os.geteuid() == 0,
        releases=tuple(
            sorted(path.parents[1].name for path in layout.paths.environment("*").parent.glob("*/bin/python"))
        ),
    )


def os_release(text: str) -> dict[str, str]:
    """The assignments of an os-release file (os-release(5))."""
    return {key: value.strip("\"'") for key, value in re.findall(r"(?m)^([A-Z_]+)=(.*)$", text)}


def cpu_model(cpuinfo: str) -> str:
    """The processor's name."""
    match = re.search(r"(?m)^model name\s*:\s*(.*)$", cpuinfo)
    return match[1] if match else "unknown"


def has_virtualisation(cpuinfo: str) -> bool:
    """Whether the processor shows Intel's or AMD's virtualisation (elsewhere than on x86 the flag is not shown).

    ``/dev/kvm`` alone does not tell: it also exists where KVM runs only guests that were made for it (pvm), and an
    ordinary guest hangs there.
    """
    flags = re.search(r"(?m)^flags\s*:(.*)$", cpuinfo)
    return flags is None or bool({"vmx", "svm"} & set(flags[1].split()))


def memory_mib(meminfo: str) -> int:
    """Total memory in MiB."""
    match = re.search(r"(?m)^MemTotal:\s*(\d+) kB$", meminfo)
    return int(match[1]) // 1024 if match else 0


_CABLE = "veth"
_PORT = re.compile(r"tap[0-9a-f]{8}-[0-9a-f]{2}|ovs-netdev")
"""Devices that Neutron's ports end in, and the one that Open vSwitch makes for itself."""


def cards(text: str) -> tuple[Card, ...]:
    """Cards that ``ip -json -details address show`` names, without loopback and ends of instances' ports."""
    return tuple(
        Card(
            name=link["ifname"],
            mac=link.get("address", ""),
            up=link.get("operstate") == "UP",
            mtu=int(link.get("mtu", 0)),
            virtual=link.get("linkinfo", {}).get("info_kind", _CABLE) not in (_CABLE, "macvlan"),
            addresses=tuple(
                f"{entry['local']}/{entry['prefixlen']}"
                for entry in link.get("addr_info", [])
                if entry.get("scope") == "global"
            ),
        )
        for link in json.loads(text or "[]")
        if link.get("link_type") == "ether" and not _PORT.fullmatch(link["ifname"])
    )


def is_local(address: str) -> bool:
    """Whether an IP address is one of this machine's own."""
    parsed = ipaddress.ip_address(address)
    family = socket.AF_INET6 if parsed.version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _builds(layout: Layout) -> dict[str, str]:
    prefixes = {"tool": layout.paths.opt / "tool"}
    releases = {path.name.partition("-")[0] for path in layout.paths.environment("*").parent.glob("[0-9]*")}
    prefixes |= {name: layout.paths.present(name) for name in releases}
    return {name: found for name, prefix in sorted(prefixes.items()) if (found := build(prefix))}


def _free_mib(path: Path) -> int:
    while not path.exists():
        path = path.parent
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize // _MIB


def _disks() -> tuple[Disk, ...]:
    mounted = _read("/proc/mounts")
    found = []
    for device in sorted(Path("/sys/block").iterdir() if Path("/sys/block").is_dir() else ()):
        size = int(_read(f"{device}/size").strip() or 0) * 512
        if device.name.startswith(("loop", "ram", "zram", "dm-")) or not size:
            continue
        found.append(
            Disk(
                name=device.name,
                size=size,
                rotational=_read(f"{device}/queue/rotational").strip() == "1",
                in_use=f"/dev/{device.name}" in mounted or any((device / "holders").glob("*")),
            )
        )
    return tuple(found)


def _kvm_answers() -> bool:
    try:
        handle = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return int(fcntl.ioctl(handle, _KVM_GET_API_VERSION, 0)) == 12
    except OSError:
        return False
    finally:
        os.close(handle)


def _module(name: str) -> bool:
    if Path(f"/sys/module/{name}").exists():
        return True
    if os.geteuid() == 0:
        _output("modprobe", "--quiet", name)
    return Path(f"/sys/module/{name}").exists()
