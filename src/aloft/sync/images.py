"""What becomes of the files in image libraries' folders: one image for each content, a pure plan."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aloft.sync.inventory import Image, Inventory

FOLDER = "/var/lib/aloft/agent/images/folder"
"""Where an image library's folder lies on its host."""

_SPACE = uuid.UUID("6d0f4c52-6a3e-4a3c-9c5e-6f0b6a1f3c11")


@dataclass(frozen=True)
class ImageAction:
    """One thing to do to Glance's records.

    Args:
        kind: ``make``, ``change`` (name, place or properties), ``deactivate`` or ``reactivate``.
        ident: of the image; the same for the same content and format.
        base: what to remember of it.
    """

    kind: Literal["make", "change", "deactivate", "reactivate"]
    ident: str
    base: Mapping[str, Any]


def ident_of(image: Image) -> str:
    """The identifier of the image with this content and format."""
    return str(uuid.uuid5(_SPACE, f"{image.format} {image.sha256}"))


def plan_images(host: str, inventory: Inventory, known: Mapping[str, Mapping[str, Any]]) -> list[ImageAction]:
    """What to do about a host's library.

    Args:
        host: its name.
        inventory: of the host.
        known: what is remembered, by the images' identifiers; ``host``, ``path``, ``active`` and what the file says.

    A file that is layered on another is no image. A library that could not be looked at says nothing.
    """
    if "images" in inventory.failed:
        return []
    wanted: dict[str, Mapping[str, Any]] = {ident_of(image): _base(host, image) for image in _whole(inventory.images)}
    actions: list[ImageAction] = []
    for ident, base in wanted.items():
        before = known.get(ident)
        if before is None:
            actions.append(ImageAction("make", ident, base))
        elif not before["active"]:
            actions.append(ImageAction("reactivate", ident, base))
        elif before != base and before["host"] == host:
            actions.append(ImageAction("change", ident, base))
    for ident, base in known.items():
        if base["host"] == host and base["active"] and ident not in wanted:
            actions.append(ImageAction("deactivate", ident, {**base, "active": False}))
    return actions


def _whole(images: Iterable[Image]) -> list[Image]:
    """Images that stand alone; of several files with the same content the first by name."""
    return sorted((image for image in images if not image.backing), key=lambda image: image.path, reverse=True)


def _base(host: str, image: Image) -> dict[str, Any]:
    return {
        "host": host,
        "path": image.path,
        "active": True,
        "format": image.format,
        "size": image.size,
        "virtual_size": image.virtual_size,
        "sha256": image.sha256,
        "properties": dict(image.properties),
    }
