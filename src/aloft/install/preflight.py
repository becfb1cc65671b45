"""Judges whether a machine is fit for Aloft: pure rules over the facts that ``facts`` gathers.

A rule says what it found, and when that is not good, why it matters and what to do about it. A ``lack`` stops ``up``; a
``warning`` does not: Aloft then works more slowly or with less protection.
"""

from dataclasses import dataclass, field
from typing import Literal

Level = Literal["ok", "warning", "lack"]

LEAST_MEMORY_MIB = 5_500
"""6 GiB of memory, less what a kernel keeps for itself."""

GOOD_MEMORY_MIB = 7_500
LEAST_DISK_MIB = 10 * 1024
LEAST_DISK_RUNNING_MIB = 2 * 1024
LEAST_PYTHON = (3, 11)
SUPPORTED = {"debian": (12.0, "Debian 12 or newer"), "ubuntu": (24.04, "Ubuntu 24.04 or newer")}


@dataclass(frozen=True)
class PortUse:
    """Who listens on a TCP port; ``ours`` tells that it is a part of Aloft."""

    program: str
    pid: int
    ours: bool


@dataclass(frozen=True)
class Facts:
    """What a machine is like; memory and disk in MiB.

    Args:
        root: whether this process may do everything.
        distribution: ``ID`` of os-release(5).
        version: ``VERSION_ID`` of os-release(5).
        architecture: as uname(1) prints it.
        python: version of the Python that runs this.
        cores: processors.
        memory_mib: all memory.
        disk_mib: free space by folder.
        running: whether a node of Aloft runs here already.
        edge_port: the TCP port that everything is reached by.
        ports: users of the TCP ports that Aloft wants.
        namespaces: whether mount and network namespaces can be made.
        tun: whether /dev/net/tun can be opened.
        cgroup: whether control groups of version 2 can be made, with memory and CPU limits.
        kvm: whether the processor's virtualisation can be used.
        openvswitch_module: whether the kernel has Open vSwitch's datapath.
        other_services: database or broker daemons that are not Aloft's.
        registry: why the package registry cannot be used; empty when it answers, ``None`` when it was not asked.
    """

    root: bool
    distribution: str
    version: str
    architecture: str
    python: tuple[int, int]
    cores: int
    memory_mib: int
    disk_mib: dict[str, int]
    running: bool
    edge_port: int = 443
    ports: dict[int, PortUse] = field(default_factory=dict)
    namespaces: bool = True
    tun: bool = True
    cgroup: bool = True
    kvm: bool = True
    openvswitch_module: bool = True
    other_services: tuple[str, ...] = ()
    registry: str | None = None


@dataclass(frozen=True)
class Finding:
    """What a rule found.

    Args:
        check: name of the rule.
        level: ``ok``, ``warning`` or ``lack``.
        message: what is there.
        why: why that matters; empty when it is good.
        remedy: what to do; empty when it is good.
    """

    check: str
    level: Level
    message: str
    why: str = ""
    remedy: str = ""


def judge(facts: Facts) -> list[Finding]:
    """Every rule's finding, in the order a person would look."""
    findings = [
        _root(facts),
        _distribution(facts),
        _python(facts),
        _cores(facts),
        _memory(facts),
        *_disks(facts),
        *_ports(facts),
        _namespaces(facts),
        _tun(facts),
        _cgroup(facts),
        _kvm(facts),
        _openvswitch(facts),
        *_others(facts),
    ]
    if facts.registry is not None:
        findings.append(_registry(facts.registry))
    return findings


def lacks(findings: list[Finding]) -> list[Finding]:
    """The findings that stop ``up``."""
    return [finding for finding in findings if finding.level == "lack"]


def _root(facts: Facts) -> Finding:
    if facts.root:
        return Finding("root", "ok", "runs as root")
    return Finding("root", "lack", "does not run as root", "services, users and networks are made", "Use sudo.")


def _distribution(facts: Facts) -> Finding:
    name = f"{facts.distribution or 'an unknown system'} {facts.version}".strip()
    if facts.distribution in SUPPORTED:
        least, wanted = SUPPORTED[facts.distribution]
        try:
            fit = float(facts.version) >= least
        except ValueError:  # testing and unstable have no number; they are newer
            fit = True
        if not fit:
            return Finding("system", "lack", name, "its packages are too old", f"Use {wanted}.")
        if facts.architecture != "x86_64":
            return Finding("system", "warning", f"{name} on {facts.architecture}", "only x86_64 is tested", "")
        return Finding("system", "ok", name)
    wanted = " or ".join(text for _, text in SUPPORTED.values())
    return Finding("system", "lack", name, "packages are installed with apt under Debian's names", f"Use {wanted}.")


def _python(facts: Facts) -> Finding:
    text = "Python " + ".".join(map(str, facts.python))
    if facts.python >= LEAST_PYTHON:
        return Finding("python", "ok", text)
    return Finding("python", "lack", text, "Aloft and OpenStack need 3.11", "Use a newer distribution.")


def _cores(facts: Facts) -> Finding:
    text = f"{facts.cores} core{'s' if facts.cores != 1 else ''}"
    if facts.cores >= 2:
        return Finding("processors", "ok", text)
    return Finding("processors", "warning", text, "controllers take twice as long to come up", "Give it two cores.")


def _memory(facts: Facts) -> Finding:
    text = f"{facts.memory_mib / 1024:.1f} GiB of memory"
    if facts.memory_mib < LEAST_MEMORY_MIB:
        why = "the node takes 3 GiB, a customer's controller 0.5 GiB, and instances want some"
        return Finding("memory", "lack", text, why, "Give this machine at least 6 GiB.")
    if facts.memory_mib < GOOD_MEMORY_MIB:
        return Finding("memory", "warning", text, "there is room for few instances", "Give it 8 GiB or more.")
    return Finding("memory", "ok", text)


def _disks(facts: Facts) -> list[Finding]:
    least = LEAST_DISK_RUNNING_MIB if facts.running else LEAST_DISK_MIB
    found = []
    for folder, free in facts.disk_mib.items():
        text = f"{free / 1024:.1f} GiB free in {folder}"
        if free < least:
            why = "packages, OpenStack's environment, databases and images go there"
            remedy = f"Make at least {least // 1024} GiB free in {folder}."
            found.append(Finding("disk", "lack", text, why, remedy))
        else:
            found.append(Finding("disk", "ok", text))
    return found


def _ports(facts: Facts) -> list[Finding]:
    foreign = {port: use for port, use in facts.ports.items() if not use.ours}
    if not foreign:
        return [Finding("ports", "ok", "the ports that Aloft serves on are free or its own")]
    return [
        Finding(
            "ports",
            "lack",
            f"port {port} is in use by {use.program} (process {use.pid})",
            "Aloft serves on it",
            f"Stop {use.program}" + (", or choose another port with --port." if port == facts.edge_port else "."),
        )
        for port, use in sorted(foreign.items())
    ]


def _namespaces(facts: Facts) -> Finding:
    if facts.namespaces:
        return Finding("namespaces", "ok", "network and mount namespaces can be made")
    why = "DHCP and metadata for instances run in network namespaces"
    return Finding("namespaces", "lack", "namespaces cannot be made", why, "In a container, run it privileged.")


def _tun(facts: Facts) -> Finding:
    if facts.tun:
        return Finding("tun", "ok", "/dev/net/tun can be opened")
    why = "instances are plugged into the network with it"
    return Finding("tun", "lack", "/dev/net/tun cannot be opened", why, "Load the kernel module: modprobe tun")


def _cgroup(facts: Facts) -> Finding:
    if facts.cgroup:
        return Finding("control groups", "ok", "memory and CPU of a customer can be limited")
    why = "one customer's services can use up memory and CPU of the others"
    remedy = "Boot with control groups version 2 (systemd.unified_cgroup_hierarchy=1)."
    return Finding("control groups", "warning", "control groups version 2 cannot be written", why, remedy)


def _kvm(facts: Facts) -> Finding:
    if facts.kvm:
        return Finding("kvm", "ok", "instances run on the processor's virtualisation")
    why = "instances are emulated, ten to thirty times slower"
    remedy = "Switch on virtualisation in the firmware, or nested virtualisation in the hypervisor above."
    return Finding("kvm", "warning", "no KVM", why, remedy)


def _openvswitch(facts: Facts) -> Finding:
    if facts.openvswitch_module:
        return Finding("open vswitch", "ok", "the kernel has its datapath")
    why = "network traffic of instances is switched in user space, more slowly"
    remedy = "Use a kernel with the module openvswitch."
    return Finding("open vswitch", "warning", "the kernel lacks its datapath", why, remedy)


def _others(facts: Facts) -> list[Finding]:
    if not facts.other_services:
        return []
    names = ", ".join(facts.other_services)
    why = "they share memory and processors with Aloft, which runs its own and leaves these alone"
    return [Finding("other services", "warning", f"{names} of this machine run", why, "Stop what is not used.")]


def _registry(problem: str) -> Finding:
    if not problem:
        return Finding("package registry", "ok", "answers")
    remedy = "Check the network, pip.conf or UV_DEFAULT_INDEX, and SSL_CERT_FILE."
    return Finding("package registry", "lack", problem, "OpenStack is installed from it", remedy)
