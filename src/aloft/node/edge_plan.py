"""From routes to the files that HAProxy runs by: pure functions.

A plan is the whole of what the edge shall be. The names of certificate entries and authorities in it are made from what
they hold, so that comparing two plans, or a plan with what HAProxy says it has, is comparing names.
"""

import hashlib
import ipaddress
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from aloft.base import pki
from aloft.base.errors import InvalidInput
from aloft.base.rendering import render
from aloft.node.edge_model import LABEL_DIGITS, PEER, EdgeSettings, Kind, Layout, Route, Trunk, tcp_label, trunk_name

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NAME = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SERIAL = re.compile(r"([0-9a-f]{2}){1,20}")
_ADDRESS = re.compile(r"[0-9a-zA-Z.:\[\]-]+:\d+")
_SOCKET = re.compile(r"/[A-Za-z0-9._/-]+")


@dataclass(frozen=True)
class Entry:
    """One line of the certificate list: a certificate, the names it is for, and who may talk to these.

    Args:
        file: name of its file.
        bundle: certificate, chain and key.
        names: TLS server names.
        authority: file name of the client authority, or empty.
    """

    file: str
    bundle: bytes
    names: tuple[str, ...]
    authority: str = ""

    def line(self, folder: Path) -> str:
        """As HAProxy's crt-list has it."""
        options = f" [verify required ca-file {folder / self.authority}]" if self.authority else ""
        return f"{folder / self.file}{options} {' '.join(self.names)}"


@dataclass(frozen=True)
class Plan:
    """All that the edge shall be.

    Args:
        configuration: HAProxy's configuration.
        maps: for each map its keys and values.
        entries: the certificate list by file name, without the fallback.
        authorities: client authorities (PEM) by file name.
    """

    configuration: str
    maps: Mapping[str, Mapping[str, str]]
    entries: Mapping[str, Entry]
    authorities: Mapping[str, bytes]

    def certificate_list(self, layout: Layout) -> str:
        """The text of the certificate list; the first line is shown when no name fits."""
        lines = [str(layout.fallback), *(self.entries[file].line(layout.certificates) for file in sorted(self.entries))]
        return "".join(f"{line}\n" for line in lines)


def plan(
    layout: Layout,
    settings: EdgeSettings,
    routes: Iterable[Route],
    contents: Mapping[Path, bytes],
    trunk: Trunk | None = None,
    near: Mapping[str, str] | None = None,
) -> Plan:
    """Work out what the edge shall be.

    Args:
        layout: where its files lie.
        settings: its settings.
        routes: what it shall serve.
        contents: of the certificate and authority files that routes and the trunk name.
        trunk: to other nodes, if there are any.
        near: HTTP names that lead to another unix socket when a service of this node asks for them.

    Raises:
        InvalidInput: a route is not possible, or two have the same name.
    """
    near = near or {}
    ordered = sorted(routes, key=lambda route: route.name)
    for route in ordered:
        _check(route, settings, {f"{PEER}{far.name}" for far in trunk.far} if trunk else set())
    for name, socket in near.items():
        _check_name(name)
        _check_target(socket)
    names = [route.name for route in ordered]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInput(f"Two routes have the name {twice}.", "Give each name to one of them.")
    authorities = {
        _authority_file(contents[route.client_authority]): contents[route.client_authority]
        for route in ordered
        if route.client_authority
    }
    entries = _entries(ordered, contents)
    return Plan(
        configuration=configuration(layout, settings, _targets(ordered, near), trunk, _mark(trunk, contents)),
        maps={
            **(_trunk_maps(layout, settings, trunk, ordered) if trunk else {}),
            **_maps(layout, settings, ordered, contents),
            "near": {name: backend(layout, "http", socket) for name, socket in sorted(near.items())},
        },
        entries={entry.file: entry for entry in entries},
        authorities=authorities,
    )


def configuration(
    layout: Layout,
    settings: EdgeSettings,
    targets: Iterable[tuple[Kind, str]] = (),
    trunk: Trunk | None = None,
    mark: str = "",
) -> str:
    """HAProxy's configuration: what is prepared, targets besides, and the trunk, whose files the mark stands for."""
    backends: dict[str, tuple[Kind, str]] = {}
    for number in range(settings.slots + 1):
        for service in (*settings.http_services, *settings.tcp_services):
            target = str(layout.paths.slot_run(number) / f"{service}.sock")
            kind: Kind = "http" if service in settings.http_services else "tcp"
            backends[backend(layout, kind, target)] = (kind, target)
    shared: list[tuple[Kind, str]] = [("http", target) for target in (*settings.shared_http, settings.waiting)]
    shared += [("tcp", target) for target in (*settings.shared_tcp, settings.broker)]
    shared += [("http", str(trunk.node))] if trunk else []
    for kind, target in (*shared, *sorted(targets)):
        backends.setdefault(backend(layout, kind, target), (kind, target))
    return render(
        "aloft.node",
        "haproxy.cfg.j2",
        layout=layout,
        settings=settings,
        trunk=trunk,
        mark=mark,
        node_backend=backend(layout, "http", str(trunk.node)) if trunk else "",
        label_digits=LABEL_DIGITS,
        trunk_name=trunk_name,
        binds=[f"[{address}]" if ":" in address else address for address in settings.addresses],
        backends=[
            (name, kind, f"unix@{target}" if target.startswith("/") else target)
            for name, (kind, target) in backends.items()
        ],
    )


def backend(layout: Layout, kind: Kind, target: str) -> str:
    """The name of the backend for a target; the same target and kind always has the same."""
    if target.startswith(PEER):
        return f"{kind}-peer-{target.removeprefix(PEER)}"
    found = layout.slot_service(target)
    if found:
        return f"{kind}-{found[0]}-{found[1]}"
    return f"{kind}-{_digest(target.encode())}"


def limits(networks: Mapping[str, tuple[str, ...]]) -> tuple[dict[str, str], dict[str, str]]:
    """Work out the two maps by which names are limited to source networks.

    HAProxy finds the longest of all networks that an address lies in. So each network says which sets of networks hold
    the whole of it: an address is in a set exactly if the longest network that it is in says so.

    Args:
        networks: for each limited name its networks.

    Returns:
        The set's key for each name, and for each network the keys of all sets that hold it, as ``|key|key|``.
    """
    parsed = {name: frozenset(_network(text) for text in texts) for name, texts in networks.items()}
    sets = {_digest(" ".join(sorted(map(str, members))).encode()): members for members in parsed.values()}
    keys_of = {members: key for key, members in sets.items()}
    holders = {
        str(network): "|" + "".join(f"{key}|" for key in sorted(sets) if any(_within(network, m) for m in sets[key]))
        for network in sorted({network for members in parsed.values() for network in members}, key=str)
    }
    return {name: keys_of[members] for name, members in parsed.items()}, holders


def _maps(
    layout: Layout, settings: EdgeSettings, routes: Iterable[Route], contents: Mapping[Path, bytes]
) -> dict[str, dict[str, str]]:
    maps: dict[str, dict[str, str]] = {name: {} for name in map_names(settings)}
    for route in routes:
        maps[route.kind][route.name] = backend(layout, route.kind, route.target)
        if route.client_authority:
            maps["wall"][route.name] = pki.common_name(contents[route.client_authority])
            maps["region"][route.name] = route.region or "-"
        for serial in route.revoked:
            maps["revoked"][serial] = "revoked"
        if route.hold:
            maps["hold"][route.name] = backend(layout, "http", settings.waiting)
        if route.hold == "all":
            maps["hold-all"][route.name] = backend(layout, "http", settings.waiting)
        for split in route.splits:
            maps[f"split-{split.rule}"][route.name] = backend(layout, "http", split.target)
    maps["limit"], maps["network"] = limits({route.name: route.networks for route in routes if route.networks})
    return maps


TRUNK_MAPS = ("trunk-http", "trunk-tcp", "trunk-admitted")


def _trunk_maps(
    layout: Layout, settings: EdgeSettings, trunk: Trunk, routes: Iterable[Route]
) -> dict[str, dict[str, str]]:
    """The names that other nodes reach here: those whose targets are here, so that nothing goes in a circle."""
    maps: dict[str, dict[str, str]] = {name: {} for name in TRUNK_MAPS}
    for route in routes:
        if route.target.startswith(PEER):
            continue
        name = route.name if route.kind == "http" else trunk_name(trunk.name, tcp_label(route.name))
        maps[f"trunk-{route.kind}"][name] = backend(layout, route.kind, route.target)
    maps["trunk-tcp"][trunk_name(trunk.name, "broker")] = backend(layout, "tcp", settings.broker)
    maps["trunk-admitted"] = dict.fromkeys(sorted(trunk.admitted), "admitted")
    return maps


def _mark(trunk: Trunk | None, contents: Mapping[Path, bytes]) -> str:
    """What differs when a file of the trunk does: HAProxy reads these at a reload only."""
    return _digest(b"\0".join(contents[file] for file in trunk.files)) if trunk else ""


def map_names(settings: EdgeSettings) -> tuple[str, ...]:
    """The maps that there always are; each is a file, and it is there even when it is empty."""
    # A name leads elsewhere before what waited for it may go on: maps are changed in this order.
    fixed = ("http", "tcp", "near", "wall", "region", "revoked", "limit", "network", "hold", "hold-all")
    return (*fixed, *(f"split-{rule.key}" for rule in settings.splits))


def _targets(routes: Iterable[Route], near: Mapping[str, str]) -> set[tuple[Kind, str]]:
    targets: set[tuple[Kind, str]] = {("http", socket) for socket in near.values()}
    for route in routes:
        if not route.target.startswith(PEER):  # those are there from the start
            targets.add((route.kind, route.target))
        targets.update(("http", split.target) for split in route.splits)
    return targets


def _entries(routes: Iterable[Route], contents: Mapping[Path, bytes]) -> list[Entry]:
    """Group names by certificate and client authority."""
    groups: defaultdict[tuple[Path, str], list[str]] = defaultdict(list)
    for route in routes:
        authority = _authority_file(contents[route.client_authority]) if route.client_authority else ""
        groups[route.certificate, authority].append(route.name)
    return [
        Entry(
            file=f"{_digest(' '.join([str(certificate), authority, *names]).encode())}.pem",
            bundle=_without_blank_lines(contents[certificate]),
            names=tuple(names),
            authority=authority,
        )
        for (certificate, authority), names in groups.items()
    ]


def _authority_file(pem: bytes) -> str:
    return f"{_digest(pem)}.crt"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _without_blank_lines(pem: bytes) -> bytes:
    """A blank line would end the text on HAProxy's runtime socket."""
    return b"".join(line.strip() + b"\n" for line in pem.splitlines() if line.strip())


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise InvalidInput(f"'{text}' is not a network: {error}.", "Write it like 192.0.2.0/24.") from error


def _within(inner: Network, outer: Network) -> bool:
    if isinstance(inner, ipaddress.IPv4Network) and isinstance(outer, ipaddress.IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(inner, ipaddress.IPv6Network) and isinstance(outer, ipaddress.IPv6Network):
        return inner.subnet_of(outer)
    return False


def _check(route: Route, settings: EdgeSettings, peers: set[str]) -> None:
    """Let nothing into HAProxy's files that would not be taken there as the one word it is."""
    _check_name(route.name)
    for target in (route.target, *(split.target for split in route.splits)):
        if target not in peers:
            _check_target(target)
    if not route.region.isprintable() or not all(_SERIAL.fullmatch(serial) for serial in route.revoked):
        raise InvalidInput(f"The route {route.name} has an illegal region or serial number.")
    known = {rule.key for rule in settings.splits}
    if any(split.rule not in known for split in route.splits):
        raise InvalidInput(f"The route {route.name} uses a split that the edge does not know.")


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > 253:
        raise InvalidInput(f"'{name}' is not a DNS name in lower case.", "Use letters, digits, dashes and dots.")


def _check_target(target: str) -> None:
    if not (_SOCKET.fullmatch(target) or _ADDRESS.fullmatch(target)):
        raise InvalidInput(f"'{target}' is no target.", "Give the absolute path of a unix socket or address:port.")
