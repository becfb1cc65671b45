"""Who owns what is found on hosts, and what is kept out: ordered rules and exclusions, as pure functions."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from aloft.sync.inventory import ALOFT_NAMESPACE, Domain, Pool
from aloft.sync.wire import Message

DISCOVERED = "discovered"
"""The project of what no rule speaks of; administrators see it."""


@dataclass(frozen=True)
class Rule(Message):
    """Virtual machines that fit every given pattern belong to ``project``.

    Patterns are those of file names (``web-*``), matched as a whole; an empty one fits all.

    Args:
        project: name or identifier of a project.
        host: of the host's name.
        aggregate: of the name of an aggregate that the host is in.
        name: of the domain's name.
        metadata: text that must occur in the domain's metadata (libvirt's), such as ``project="web"``.
        pool: of the name of a storage pool that holds one of its disks, anywhere in the pool's folder.
        network: of the libvirt network or bridge that one of its NICs is plugged into.
    """

    project: str
    host: str = ""
    aggregate: str = ""
    name: str = ""
    metadata: str = ""
    pool: str = ""
    network: str = ""


@dataclass(frozen=True)
class Exclusion(Message):
    """Virtual machines that are kept out of OpenStack.

    Args:
        kind: what ``pattern`` is about: a storage pool's name, a disk's path, the domain's name, or text in its
            metadata.
        host: pattern of the hosts' names that it is for.
    """

    kind: Literal["pool", "path", "name", "metadata"]
    pattern: str
    host: str = "*"


@dataclass(frozen=True)
class Settings(Message):
    """How careful sync is.

    Args:
        grace_seconds: how long an instance stays after its domain has gone.
        gone_share: more than this share of a host's virtual machines gone at once is not believed.
        gone_least: fewer than this many gone at once are always believed.
        silent_seconds: a host that has not been heard of for so long is told as silent.
        networks: whether a bridge, VLAN or libvirt network gets a provider network when it appears, or only when a
            virtual machine is plugged into it or somebody makes it.
        shared_networks: whether networks made for hosts' bridges can be used by every project.
        trail_days: how long entries of the trail are kept.
    """

    grace_seconds: float = 600.0
    gone_share: float = 0.5
    gone_least: int = 3
    silent_seconds: float = 120.0
    networks: Literal["used", "all"] = "used"
    shared_networks: bool = False
    trail_days: float = 365.0


@dataclass(frozen=True)
class Policy:
    """Everything that administrators decide about sync in a region."""

    rules: tuple[Rule, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    settings: Settings = field(default_factory=Settings)


def owner(
    rules: Iterable[Rule], domain: Domain, host: str, aggregates: Iterable[str] = (), pools: Iterable[Pool] = ()
) -> tuple[str, str]:
    """The project that a domain belongs to, and why, in words: the first rule that fits decides."""
    within = _pools(domain, pools)
    for number, rule in enumerate(rules, 1):
        if _fits(rule, domain, host, tuple(aggregates), within):
            return rule.project, f"rule {number}"
    return DISCOVERED, "no rule fits"


def _pools(domain: Domain, pools: Iterable[Pool]) -> set[str]:
    """Names of the storage pools that hold a domain's disks: as libvirt says, or as a disk lies in a pool's folder."""
    folders = {pool.path.rstrip("/") + "/": pool.name for pool in pools if pool.path}
    named = {disk.pool for disk in domain.disks if disk.pool}
    return named | {name for folder, name in folders.items() for disk in domain.disks if disk.path.startswith(folder)}


def _fits(rule: Rule, domain: Domain, host: str, aggregates: tuple[str, ...], pools: set[str]) -> bool:
    networks = {name for nic in domain.nics for name in (nic.name, nic.bridge) if name}
    return (
        _any(rule.host, (host,))
        and _any(rule.aggregate, aggregates)
        and _any(rule.name, (domain.name,))
        and _any(rule.pool, pools)
        and _any(rule.network, networks)
        and (not rule.metadata or any(rule.metadata in text for text in domain.metadata.values()))
    )


def _any(pattern: str, names: Iterable[str]) -> bool:
    return not pattern or any(fnmatchcase(name, pattern) for name in names)


_EXCLUDED = re.compile(r"""\bexclude\s*=\s*["'](yes|true|1)["']""")


def excluded(exclusions: Iterable[Exclusion], domain: Domain, host: str, pools: Iterable[Pool] = ()) -> str:
    """Why a domain is kept out of OpenStack; empty when it is not.

    A disk is in a pool when libvirt says so, or when its path lies in the pool's folder.
    """
    if _EXCLUDED.search(domain.metadata.get(ALOFT_NAMESPACE, "")):
        return "its own metadata says so"
    within = _pools(domain, pools)
    for exclusion in exclusions:
        if fnmatchcase(host, exclusion.host) and _falls_under(exclusion, domain, within):
            return f"the {exclusion.kind} {exclusion.pattern} is excluded"
    return ""


def _falls_under(exclusion: Exclusion, domain: Domain, pools: set[str]) -> bool:
    if exclusion.kind == "name":
        return fnmatchcase(domain.name, exclusion.pattern)
    if exclusion.kind == "metadata":
        return any(exclusion.pattern in text for text in domain.metadata.values())
    if exclusion.kind == "path":
        return any(fnmatchcase(disk.path, exclusion.pattern) for disk in domain.disks if disk.path)
    return any(fnmatchcase(pool, exclusion.pattern) for pool in pools)
