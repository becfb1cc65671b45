"""Checks of a host against what roles need, each with its remedy."""

from aloft.ground.facts import Facts
from aloft.ground.roles.model import Lack, Requirement

SUPPORTED = {"debian": ("12", "13"), "ubuntu": ("24.04",)}


def root(facts: Facts) -> Lack | None:
    """The agent must be root."""
    if facts.root:
        return None
    return Lack("The agent does not run as root.", "Start it as root (sudo).")


def distribution(facts: Facts) -> Lack | None:
    """The distribution must be one whose packages the roles are written for."""
    versions = SUPPORTED.get(facts.distribution, ())
    if any(facts.distribution_version.startswith(version) for version in versions):
        return None
    return Lack(
        f"The host runs {facts.distribution_name}, which this role does not know.",
        "Use Debian 12 or Ubuntu 24.04.",
    )


def tap(facts: Facts) -> Lack | None:
    """Virtual machines are wired by tap devices."""
    if facts.tun:
        return None
    return Lack("The kernel offers no tap devices (/dev/net/tun is missing).", "Load the module: modprobe tun")


def memory(mib: int) -> Requirement:
    """The host must have this much memory in all."""

    def check(facts: Facts) -> Lack | None:
        if facts.memory_mib >= mib:
            return None
        return Lack(f"The host has {facts.memory_mib} MiB of memory, and the role needs {mib}.", "Add memory.")

    return check


def disk(mib: int) -> Requirement:
    """There must be this much free space where instances and images go."""

    def check(facts: Facts) -> Lack | None:
        if facts.free_disk_mib >= mib:
            return None
        return Lack(
            f"Only {facts.free_disk_mib} MiB are free where the agent keeps its data, and the role needs {mib}.",
            "Free some space, or give the agent another folder with --state.",
        )

    return check


def release(name: str) -> Requirement:
    """The OpenStack release must be installed."""

    def check(facts: Facts) -> Lack | None:
        if name in facts.releases:
            return None
        return Lack(
            f"The OpenStack release {name} is not installed on this host.", f"Install it: aloft release prepare {name}"
        )

    return check
