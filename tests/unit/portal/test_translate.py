import json
from typing import Any

import pytest

from aloft.portal.events.model import Event
from aloft.portal.events.translate import events_of, opened


def told(exchange: str, event_type: str, payload: dict[str, Any], **context: Any) -> Event | None:
    message = {"event_type": event_type, "payload": payload, "timestamp": "2026-01-31 12:00:00.5", **context}
    body = json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(message)}).encode()
    found = events_of(exchange, opened(body), "demo-1")
    assert len(found) <= 1
    return next(iter(found), None)


def test_an_instance_that_stops() -> None:
    data = {"uuid": "i1", "tenant_id": "p1", "state": "stopped", "display_name": "web"}
    payload = {"nova_object.data": data, "nova_object.name": "InstanceActionPayload"}
    event = told("nova", "instance.power_off.end", payload, _context_user_name="ann", _context_user="u1")
    assert event == Event(
        "instance", "i1", "changed", "2026-01-31T12:00:00.500000+00:00", "demo-1", "p1", "stopped", "web", "ann", "u1"
    )


@pytest.mark.parametrize(
    ("event_type", "what"),
    [
        ("instance.create.start", "created"),
        ("instance.create.end", "created"),
        ("instance.create.error", "changed"),
        ("instance.update", "changed"),
        ("instance.delete.start", "changed"),
        ("instance.delete.end", "deleted"),
        ("instance.soft_delete.end", "deleted"),
    ],
)
def test_what_happened_to_an_instance(event_type: str, what: str) -> None:
    event = told("nova", event_type, {"nova_object.data": {"uuid": "i1", "tenant_id": "p1"}})
    assert event is not None
    assert event.what == what


@pytest.mark.parametrize(
    ("exchange", "event_type", "payload", "kind", "ident", "project"),
    [
        ("nova", "flavor.create", {"nova_object.data": {"flavorid": "f1", "name": "m1"}}, "flavor", "f1", None),
        ("nova", "sync.changed", {"host": "h1"}, "sync", "h1", None),
        ("nova", "aggregate.create.end", {"nova_object.data": {"id": 7}}, "aggregate", "7", None),
        ("neutron", "port.create.end", {"port": {"id": "q", "project_id": "p"}}, "port", "q", "p"),
        ("neutron", "floatingip.update.end", {"floatingip": {"id": "q", "tenant_id": "p"}}, "floating-ip", "q", "p"),
        ("neutron", "network.delete.end", {"network_id": "q"}, "network", "q", None),
        (
            "neutron",
            "router.interface.create",
            {"router_interface": {"id": "q", "tenant_id": "p"}},
            "router",
            "q",
            "p",
        ),
        ("cinder", "volume.create.end", {"volume_id": "v", "tenant_id": "p"}, "volume", "v", "p"),
        ("cinder", "snapshot.delete.end", {"snapshot_id": "s", "tenant_id": "p"}, "volume-snapshot", "s", "p"),
        ("glance", "image.activate", {"id": "g", "owner": "p", "status": "active"}, "image", "g", "p"),
        ("keystone", "identity.project.created", {"resource_info": "k"}, "project", "k", None),
        ("keystone", "identity.role_assignment.created", {"role": "r"}, "role", "r", None),
        ("nova", "compute_task.build_instances.error", {"nova_object.data": {}}, None, None, None),
        ("nova", "instance.exists", {"nova_object.data": {"uuid": "i"}}, None, None, None),
        ("neutron", "port.create.start", {"port": {}}, None, None, None),
        ("glance", "image.send", {"image_id": "g"}, None, None, None),
        ("cinder", "scheduler.create_volume", {}, None, None, None),
        ("keystone", "identity.authenticate.failed", {"resource_info": "x"}, None, None, None),
    ],
)
def test_each_service(
    exchange: str, event_type: str, payload: dict[str, Any], kind: str | None, ident: str | None, project: str | None
) -> None:
    event = told(exchange, event_type, payload)
    found = None if event is None else (event.kind, event.id, event.project)
    assert found == (None if kind is None else (kind, ident, project))


def test_each_of_several_that_one_request_made() -> None:
    ports = [{"id": ident, "project_id": "p", "name": f"port {ident}"} for ident in ("q1", "q2")]
    message = {"event_type": "port.create.end", "payload": {"ports": ports}}
    found = events_of("neutron", message, "demo-1")
    assert [(event.kind, event.id, event.what, event.project, event.name) for event in found] == [
        ("port", "q1", "created", "p", "port q1"),
        ("port", "q2", "created", "p", "port q2"),
    ]


@pytest.mark.parametrize(
    ("event_type", "payload", "user"),
    [
        ("identity.role_assignment.created", {"role": "r", "user": "u1", "project": "p"}, "u1"),
        ("identity.role_assignment.deleted", {"role": "r", "group": "g", "project": "p"}, None),
        ("identity.user.updated", {"resource_info": "u1"}, "u1"),
        ("identity.project.updated", {"resource_info": "p"}, None),
    ],
)
def test_whose_access_changes(event_type: str, payload: dict[str, str], user: str | None) -> None:
    event = told("keystone", event_type, payload)
    assert event is not None
    assert event.user == user
    assert "u1" not in event.told() or event.kind == "user"


def test_keystone_is_of_no_region() -> None:
    event = told("keystone", "identity.project.created", {"resource_info": "k"})
    assert event is not None
    assert event.region is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"oslo.message": 5}', b'{"oslo.message": "[]"}', b"\xff"])
def test_what_is_no_notification_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(ValueError):
        opened(body)
