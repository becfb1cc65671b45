"""Cinder's records of volumes; Cinder is a table here."""

from typing import Any

import pytest

from aloft.base.errors import NotFound
from aloft.inside.sync.volumes import Volumes

LOCAL = {"target": "vdb", "path": "/dev/sdb"}


class Cinder:
    """Has one volume, and notes what it is asked for."""

    def __init__(self, connection: dict[str, Any] | None = None, there: bool = True) -> None:
        self.connection = connection
        self.there = there
        self.asked: list[tuple[str, str]] = []

    def offers(self, service: str) -> bool:
        return self.there and service == "block-storage"

    def call(self, service: str, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        assert headers == {"OpenStack-API-Version": "volume 3.44"}
        self.asked.append((method, path))
        if path == "/volumes/v1":
            return {"volume": {"id": "v1", "status": "available"}}
        if (method, path) == ("POST", "/attachments"):
            assert body == {"attachment": {"volume_uuid": "v1", "instance_uuid": "u1"}}
            return {"attachment": {"id": "a1"}}
        if path == "/attachments/a1":
            return {"attachment": {"id": "a1", "connection_info": self.connection}}
        if path == "/attachments/a1/action":
            return None
        raise NotFound(path)


def test_only_what_cinder_knows_is_a_volume() -> None:
    assert Volumes(Cinder()).told(["v1", "v2"]) == {"v1": {"id": "v1", "status": "available"}}  # type: ignore[arg-type]


def test_a_region_without_cinder_is_asked_nothing() -> None:
    cinder = Cinder(there=False)
    assert Volumes(cinder).told(["v1"]) == {}  # type: ignore[arg-type]
    assert cinder.asked == []


def test_an_attachment_is_made_and_is_complete_at_once_as_the_disk_is_there() -> None:
    cinder = Cinder()
    assert Volumes(cinder).attach("u1", "v1") == "a1"  # type: ignore[arg-type]
    assert cinder.asked == [("POST", "/attachments"), ("POST", "/attachments/a1/action")]


@pytest.mark.parametrize(
    ("told", "kind", "data"),
    [
        (None, "local", {"device_path": "/dev/sdb"}),
        (
            {"driver_volume_type": "iscsi", "attachment_id": "a1", "target_lun": 1},
            "iscsi",
            {"device_path": "/dev/sdb", "target_lun": 1},
        ),
    ],
    ids=["connected by the host's administrator", "connected by Nova, whose record was lost"],
)
def test_nova_is_told_how_a_volume_is_connected(told: dict[str, Any] | None, kind: str, data: dict[str, Any]) -> None:
    volumes = Volumes(Cinder(told))  # type: ignore[arg-type]
    assert volumes.connection("v1", "a1", LOCAL) == {"driver_volume_type": kind, "data": data, "serial": "v1"}
