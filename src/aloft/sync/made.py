"""What Nova wrote into the definition of a virtual machine that it made: whose it is, and what it was made from."""

import calendar
import functools
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree

from aloft.sync.inventory import NOVA_NAMESPACE, Domain

Element = ElementTree.Element


@dataclass(frozen=True)
class Flavor:
    """A flavor's name, identifier and sizes (MiB and GiB)."""

    name: str
    ident: str
    vcpus: int
    memory_mib: int
    root_gib: int
    ephemeral_gib: int
    swap_mib: int
    extra_specs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """What Nova wrote.

    Args:
        project: identifier.
        user: identifier.
        name: the instance's.
        created_at: when it was made; ``None`` where that is not said.
        image: identifier of the image that it was made from; empty when it starts from a volume.
        image_properties: of the image, formats and least sizes among them, by Glance's names.
        flavor: ``None`` where it is not said in full.
        ports: Neutron's identifiers of them.
    """

    project: str = ""
    user: str = ""
    name: str = ""
    created_at: float | None = None
    image: str = ""
    image_properties: Mapping[str, str] = field(default_factory=dict)
    flavor: Flavor | None = None
    ports: tuple[str, ...] = ()


NOTHING = Made()


def made(domain: Domain) -> Made:
    """What Nova wrote into a domain's definition; :data:`NOTHING` for domains of others."""
    text = domain.metadata.get(NOVA_NAMESPACE)
    return _read(text) if text else NOTHING


def number_of(domain: Domain) -> int | None:
    """The number that Nova has named a domain after (``instance-0000002a``); ``None`` for another name."""
    found = _NAMED.fullmatch(domain.name)
    return int(found["number"], 16) if found and domain.made_by_nova else None


_NAMED = re.compile(r"instance-(?P<number>[0-9a-f]{8})")


@functools.lru_cache(maxsize=4096)
def _read(text: str) -> Made:
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - libvirt has parsed it, and lets no entities through
    except ElementTree.ParseError:
        return NOTHING
    origin = _find(root, "root")
    image = _find(root, "image")
    return Made(
        project=_attribute(_find(root, "owner", "project"), "uuid"),
        user=_attribute(_find(root, "owner", "user"), "uuid"),
        name=_text(_find(root, "name")),
        created_at=_time(_text(_find(root, "creationTime"))),
        image=_attribute(origin, "uuid") if _attribute(origin, "type") == "image" else "",
        image_properties=_image(image) if image is not None else {},
        flavor=_flavor(_find(root, "flavor")),
        ports=tuple(port.get("uuid", "") for port in root.findall(f"{{{NOVA_NAMESPACE}}}ports/*")),
    )


def _flavor(item: Element | None) -> Flavor | None:
    sizes = [_text(_find(item, name)) for name in ("vcpus", "memory", "disk", "ephemeral", "swap")]
    if item is None or not all(size.isdecimal() for size in sizes) or not item.get("id"):
        return None
    specs = _find(item, "extraSpecs")
    named = {one.get("name", ""): _text(one) for one in (specs if specs is not None else ())}
    vcpus, memory, root, ephemeral, swap = map(int, sizes)
    return Flavor(item.get("name", ""), item.get("id", ""), vcpus, memory, root, ephemeral, swap, named)


def _image(item: Element) -> dict[str, str]:
    names = {
        "containerFormat": "container_format",
        "diskFormat": "disk_format",
        "minDisk": "min_disk",
        "minRam": "min_ram",
    }
    told = {ours: text for theirs, ours in names.items() if (text := _text(_find(item, theirs)))}
    properties = _find(item, "properties")
    named = {one.get("name", ""): _text(one) for one in (properties if properties is not None else ())}
    return {**told, **named}


def _find(item: Element | None, *names: str) -> Element | None:
    for name in names:
        item = None if item is None else item.find(f"{{{NOVA_NAMESPACE}}}{name}")
    return item


def _text(item: Element | None) -> str:
    return "" if item is None else (item.text or "").strip()


def _attribute(item: Element | None, name: str) -> str:
    return "" if item is None else item.get(name, "")


def _time(text: str) -> float | None:
    try:
        return float(calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M:%S")))
    except ValueError:
        return None
