"""From what OpenStack's services notify of to events. Pure.

The forms are those of the services: Nova's versioned notifications (nova/notifications/objects), Neutron's hook around
each API call (neutron/pecan_wsgi/hooks/notifier.py), Cinder's (cinder/volume/volume_utils.py), Glance's
(glance/notifier.py) and Keystone's basic ones (keystone/notifications.py), each in oslo.messaging's envelope.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from aloft.portal.events.model import Event, What

Message = Mapping[str, Any]

EXCHANGES = ("nova", "neutron", "cinder", "glance", "keystone")
"""The services that notify, by the name of their exchange."""

NOVA = {
    "instance": ("instance", "uuid"),
    "flavor": ("flavor", "flavorid"),
    "aggregate": ("aggregate", "id"),
    "service": ("service", "uuid"),
    "keypair": ("keypair", "name"),
    "server_group": ("server-group", "uuid"),
}
NEUTRON = {
    "network": "network",
    "subnet": "subnet",
    "port": "port",
    "router": "router",
    "floatingip": "floating-ip",
    "security_group": "security-group",
    "security_group_rule": "security-group-rule",
}
CINDER = {"volume": ("volume", "volume_id"), "snapshot": ("volume-snapshot", "snapshot_id")}
KEYSTONE = {"project": "project", "user": "user", "role": "role", "group": "group", "role_assignment": "role"}


def opened(body: bytes) -> Message:
    """The message in oslo.messaging's envelope.

    Raises:
        ValueError: it is not in one.
    """
    try:
        outer = json.loads(body)
        inner = json.loads(outer["oslo.message"]) if "oslo.message" in outer else outer
    except (KeyError, TypeError) as error:
        raise ValueError("this is no notification") from error
    if not isinstance(inner, dict) or not isinstance(inner.get("event_type"), str):
        raise ValueError("this is no notification")
    return inner


def events_of(exchange: str, message: Message, region: str) -> tuple[Event, ...]:
    """The events that a notification tells of: most tell of one, some of several, and some of what no page shows.

    Args:
        exchange: the exchange it came through, one of :data:`EXCHANGES`.
        message: see :func:`opened`.
        region: where the exchange is.
    """
    words = message["event_type"].split(".")
    payload = message.get("payload")
    if not isinstance(payload, dict):
        return ()
    made = {"nova": _nova, "neutron": _neutron, "cinder": _cinder, "glance": _glance, "keystone": _keystone}
    told = (made[exchange](words, one, message) for one in _each(exchange, words, payload))
    return tuple(
        Event(
            at=_time(message.get("timestamp")),
            region=None if exchange == "keystone" else region,  # it is one for all of the customer's regions
            actor=message.get("_context_user_name") or None,
            actor_id=message.get("_context_user") or None,
            **found,
        )
        for found in told
        if found is not None and found.get("id")
    )


def _each(exchange: str, words: list[str], payload: Message) -> Iterable[Message]:
    """What a notification is about: one request to Neutron may make many, which the plural of their kind names."""
    several = payload.get(f"{words[0]}s") if exchange == "neutron" else None
    return [{words[0]: one} for one in several] if isinstance(several, list) else [payload]


def _nova(words: list[str], payload: Message, message: Message) -> dict[str, Any] | None:
    if words[0] == "sync":  # aloft.inside.sync tells by Nova's way
        return {"kind": "sync", "id": payload.get("host"), "what": "changed"}
    if words[0] not in NOVA or words[1:2] == ["exists"]:
        return None
    kind, key = NOVA[words[0]]
    data = payload.get("nova_object.data", {})
    return {
        "kind": kind,
        "id": str(data.get(key) or ""),
        "what": _what(words[1:]),
        "project": data.get("tenant_id") or data.get("project_id") or _owner(kind, message),
        "status": data.get("state"),
        "name": data.get("display_name") or data.get("name"),
    }


def _owner(kind: str, message: Message) -> str | None:
    """Key pairs are of a user; whoever shares the project that the user works in may know of them."""
    return message.get("_context_project_id") if kind == "keypair" else None


def _neutron(words: list[str], payload: Message, message: Message) -> dict[str, Any] | None:
    if words[:2] == ["router", "interface"]:
        kind, action, told = "router", "update", payload.get("router_interface")
    elif words[-1] == "end":
        kind, action, told = words[0], words[-2], payload.get(words[0])
    else:
        return None
    if kind not in NEUTRON:
        return None
    told = told if isinstance(told, dict) else {}
    return {
        "kind": NEUTRON[kind],
        "id": told.get("id") or payload.get(f"{kind}_id"),
        "what": _what([action]),
        "project": told.get("project_id") or told.get("tenant_id") or message.get("_context_project_id"),
        "status": told.get("status"),
        "name": told.get("name"),
    }


def _cinder(words: list[str], payload: Message, message: Message) -> dict[str, Any] | None:
    if words[0] not in CINDER or words[-1] == "usage":
        return None
    kind, key = CINDER[words[0]]
    return {
        "kind": kind,
        "id": payload.get(key),
        "what": _what(words[1:]),
        "project": payload.get("tenant_id"),
        "status": payload.get("status"),
        "name": payload.get("display_name"),
    }


def _glance(words: list[str], payload: Message, message: Message) -> dict[str, Any] | None:
    if words[0] != "image" or words[1:2] in (["send"], ["prepare"]):
        return None
    return {
        "kind": "image",
        "id": payload.get("id") or payload.get("image_id"),
        "what": _what(words[1:]),
        "project": payload.get("owner") or payload.get("owner_id"),
        "status": payload.get("status"),
        "name": payload.get("name"),
    }


def _keystone(words: list[str], payload: Message, message: Message) -> dict[str, Any] | None:
    resource, action = words[1:3] if len(words) == 3 else ("", "")
    if action in KEYSTONE:  # identity.role_assignment.created, and its older form identity.created.role_assignment
        resource, action = action, resource
    if resource not in KEYSTONE:
        return None
    ident = payload.get("resource_info") or payload.get("role")
    user = ident if resource == "user" else payload.get("user")
    return {"kind": KEYSTONE[resource], "id": ident, "what": _what([action]), "user": user}


def _what(words: list[str]) -> What:
    """``delete.end`` and ``deleted`` are the end of a thing; ``delete.start`` is a change of it."""
    if words[-1] in ("delete", "deleted") or words[-2:] in (["delete", "end"], ["soft_delete", "end"]):
        return "deleted"
    if words[0] in ("create", "created", "import") and words[-1] != "error":
        return "created"
    return "changed"


def _time(text: object) -> str:
    """Notifications have ``2026-01-31 12:00:00.123456``, in UTC."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        at = datetime.now(UTC)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()
