"""Which disks are Cinder's volumes, and what becomes of them."""

from typing import Any

import pytest

from aloft.sync.volumes import plan_volumes, volume_of

IDENT = "0b1e2d3c-1111-4222-8333-123456789abc"


@pytest.mark.parametrize(
    ("serial", "path"),
    [
        (IDENT, "/dev/sdb"),
        (IDENT.upper(), "/images/data.qcow2"),
        ("", f"/mnt/4b1/volume-{IDENT}"),
        ("", f"/mnt/4b1/volume-{IDENT}.qcow2"),
        ("WD-1", f"/dev/cinder-volumes/volume-{IDENT}"),
        ("", f"/dev/mapper/cinder--volumes-volume--{IDENT.replace('-', '--')}"),
    ],
)
def test_a_volume_is_known_by_its_serial_or_by_its_name(serial: str, path: str) -> None:
    assert volume_of(serial, path) == IDENT


@pytest.mark.parametrize(
    ("serial", "path"),
    [("", "/images/web.qcow2"), ("WD-1", f"/images/{IDENT}/disk"), (IDENT[:-1], ""), ("", f"/x/volume-{IDENT}/disk")],
)
def test_other_disks_are_none(serial: str, path: str) -> None:
    assert volume_of(serial, path) == ""


def disk(source: str = "block", serial: str = IDENT) -> dict[str, Any]:
    return {"target": "vdb", "source": source, "path": "/dev/sdb", "serial": serial}


def told(status: str, server: str = "", **about: Any) -> dict[str, Any]:
    attachments = [{"server_id": server, "attachment_id": "a1"}] if server else []
    return {IDENT: {"status": status, "attachments": attachments, **about}}


def planned(*args: Any, mapped: tuple[str, ...] = (), rewritten: bool = False) -> list[tuple[str, str, str]]:
    disks, before, shown = args
    actions = plan_volumes("u1", disks, before, mapped, shown, rewritten)
    return [(action.kind, action.volume, action.attachment) for action in actions]


def test_a_volume_that_was_attached_on_the_host_gets_its_records() -> None:
    assert planned([disk()], [], told("available")) == [("attach", IDENT, "")]
    assert planned([disk()], [], told("in-use", "u2", multiattach=True)) == [("attach", IDENT, "")]


def test_of_an_attachment_that_cinder_has_still_only_novas_record_is_made() -> None:
    """Nova's databases were lost, and Cinder's were not."""
    assert planned([disk()], [], told("in-use", "u1")) == [("map", IDENT, "a1")]


def test_a_volume_that_somebody_else_has_is_told_and_not_followed() -> None:
    (action,) = plan_volumes("u1", [disk()], [], (), told("in-use", "u2"), rewritten=False)
    assert (action.kind, "Cinder says that it is in-use" in action.note) == ("tell", True)


def test_a_file_that_would_keep_novas_own_instance_from_starting_is_not_followed() -> None:
    assert [kind for kind, _, _ in planned([disk("file")], [], told("available"), rewritten=True)] == ["tell"]
    assert [kind for kind, _, _ in planned([disk("block")], [], told("available"), rewritten=True)] == ["attach"]
    assert [kind for kind, _, _ in planned([disk("file")], [], told("available"))] == ["attach"]


def test_a_volume_that_was_detached_on_the_host_is_detached() -> None:
    assert planned([], [disk()], told("in-use", "u1"), mapped=(IDENT,)) == [("detach", IDENT, "")]


def test_what_openstack_itself_attaches_or_detaches_is_left_to_it() -> None:
    assert planned([], [disk()], told("detaching", "u1"), mapped=(IDENT,)) == []
    assert planned([], [disk()], told("available")) == []
    assert planned([disk()], [], told("attaching", "u1"), mapped=(IDENT,)) == []
    assert planned([disk()], [disk()], told("available")) == [], "the host has not told yet that it is gone"
    assert planned([], [], told("in-use", "u1"), mapped=(IDENT,)) == [], "the host has not told yet that it is there"


def test_a_uuid_that_cinder_does_not_know_is_just_a_serial() -> None:
    assert planned([disk()], [], {}) == []
