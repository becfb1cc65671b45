"""What becomes of the files in image libraries' folders: one image for each content, a pure plan."""

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

from aloft.base.errors import InvalidInput
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


def described(base: Mapping[str, Any]) -> dict[str, Any]:
    """What Glance is told of an image besides its content: its name, and the properties beside its file, typed.

    The file has texts; Glance's schema wants numbers and truth values for some (``/v2/schemas/image``).

    Raises:
        InvalidInput: a property is not of its type, or is not the file's to say.
    """
    name = PurePosixPath(base["path"]).name
    told: dict[str, Any] = {**DEFAULTS, "name": name}
    for key, text in base["properties"].items():
        if key in _GLANCES:
            raise _wrong(base, key, "it is not to be set by a file")
        told[key] = _typed(base, key, text)
    return told


def changes(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The JSON patch that brings an image from one description (see :func:`described`) to another.

    Of Glance's own, what the file does not say and did not say before is left as somebody may have set it in Glance.
    """
    own = {*DEFAULTS, "name", "owner"}
    patch = [
        {"op": "replace" if key in own else "add", "path": _pointer(key), "value": value}
        for key, value in now.items()
        if key not in DEFAULTS or not value == before.get(key, DEFAULTS[key]) == DEFAULTS[key]
    ]
    return patch + [{"op": "remove", "path": _pointer(key)} for key in before if key not in now and key not in own]


DEFAULTS: Mapping[str, Any] = {
    "visibility": "public", "protected": True, "os_hidden": False, "min_disk": 0, "min_ram": 0, "tags": [],
}  # fmt: skip
"""What an image has of Glance's own when its file says nothing else."""

_GLANCES = frozenset(
    (
        "aloft_provenance", "checksum", "container_format", "created_at", "deleted", "deleted_at", "direct_url",
        "disk_format", "file", "id", "location", "locations", "os_hash_algo", "os_hash_value", "schema", "self", "size",
        "status", "stores", "updated_at", "virtual_size",
    )
)  # fmt: skip
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _typed(base: Mapping[str, Any], key: str, text: str) -> Any:
    default = DEFAULTS.get(key)
    if isinstance(default, bool):
        if text.strip().lower() not in _TRUTH:
            raise _wrong(base, key, "it is neither true nor false")
        return _TRUTH[text.strip().lower()]
    if isinstance(default, int):
        if not text.strip().isdecimal():
            raise _wrong(base, key, "it is no whole number")
        return int(text)
    if isinstance(default, list):
        try:
            listed = json.loads(text)
        except ValueError:
            listed = text.split(",")
        return [str(one).strip() for one in listed] if isinstance(listed, list) else [text]
    return text


def _wrong(base: Mapping[str, Any], key: str, why: str) -> InvalidInput:
    text = base["properties"][key]
    beside = f"{base['path']}.properties.json"
    return InvalidInput(f"The property {key} of the image {base['path']} is {text!r}: {why}.", f"Correct {beside}.")


def _pointer(key: str) -> str:
    """A property's place as a JSON pointer (RFC 6901)."""
    return "/" + key.replace("~", "~0").replace("/", "~1")


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
