"""Whatever is killed while virtual machines change outside of OpenStack: nothing is lost, and nothing is deleted."""

import json
import os
import signal
import uuid

import pytest

from ..running import PATHS, eventually, run
from . import machine
from .test_sync import IMAGES, SECONDS, server, standings, sync

NAMES = tuple(f"many-{number}" for number in range(4))
OWNER = "admin"
"""The project that every customer begins with."""

FOLDER = PATHS.state / "agent/images/folder"


def domain_xml(name, ident):
    return f"""<domain type='qemu'><name>{name}</name><uuid>{ident}</uuid>
  <memory unit='MiB'>16</memory><vcpu>1</vcpu><os><type arch='x86_64'>hvm</type></os></domain>"""


@pytest.fixture(scope="module")
def many(cloud):
    """Machines that virsh defined, which have become instances; their UUIDs by name."""
    found = {}
    definition = IMAGES / "many.xml"
    for name in NAMES:
        found[name] = str(uuid.uuid4())
        definition.write_text(domain_xml(name, found[name]))
        assert not run("virsh", "define", str(definition)).code
    definition.unlink()
    eventually(lambda: all_are(found, "adopted"), SECONDS, "the defined domains are instances")
    yield found
    for ident in found.values():
        run("virsh", "undefine", ident)


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not machine.lives(pid), SECONDS, f"process {pid} is gone")


def retitle(ident, title):
    """Change something on the host, as soon as libvirt answers."""
    eventually(lambda: not run("virsh", "desc", ident, "--config", "--title", title).code, SECONDS, "virsh answers")


def all_are(many, standing):
    """Whether all stand so; ``None`` is to be forgotten."""
    now = standings()
    return {now.get(ident) for ident in many.values()} == {standing}


@pytest.mark.parametrize("victim", ["agent/inventory", "agent/libvirtd", "agent", "nova-api"])
def test_a_change_around_a_kill_arrives_and_nothing_is_deleted(cloud, demo, many, victim):
    ident, title = many[NAMES[0]], f"after {victim}"
    retitle(ident, f"before {victim}")
    if victim == "agent":
        kill(machine.daemon_pid("agent"))
    elif victim == "nova-api":
        kill(demo.pids()[victim])
    else:
        kill(next(pid for name, pid in machine.host_pids().items() if name.endswith(victim.rpartition("/")[2])))
    retitle(ident, title)
    eventually(lambda: server(cloud, ident).name == title, SECONDS, f"the change shows after {victim} was killed")
    assert all_are(many, "adopted")


def test_the_trail_names_the_user_in_openstack_and_the_host_outside(cloud, many):
    ident = many[NAMES[1]]
    cloud.compute.update_server(ident, name="by a user")
    eventually(lambda: "by a user" in run("virsh", "list", "--all", "--title").out, SECONDS, "the host follows")
    retitle(ident, "by root")
    eventually(lambda: server(cloud, ident).name == "by root", SECONDS, "OpenStack follows")
    outside, inside = [one for one in sync("log", "--object", ident) if one["field"] == "name"][:2]
    assert (inside["who"], inside["source"]) == ("admin", "openstack")
    assert outside["who"] == f"somebody on {outside['host']}"
    sync("revert", str(outside["id"]))
    eventually(lambda: "by a user" in run("virsh", "list", "--all", "--title").out, SECONDS, "it is put back")


def test_a_dry_run_of_rules_shows_what_they_would_do(many, tmp_path):
    file = tmp_path / "rules.json"
    file.write_text(json.dumps([{"project": OWNER, "name": "many-*"}]))
    shown = {
        one["uuid"]: (one["now"] and one["now"]["project"], one["project"])
        for one in sync("rules", "--file", str(file), "--dry-run")
    }
    expected = {("discovered", OWNER)}
    assert {shown[ident] for name, ident in many.items() if name != NAMES[1]} == expected  # that one was renamed
    assert sync("rules") == []


def test_what_nobody_owns_follows_a_rule_and_goes_back_to_nobody_by_hand(cloud, many, tmp_path):
    ident = many[NAMES[0]]
    file = tmp_path / "rules.json"
    file.write_text(json.dumps([{"project": OWNER, "name": NAMES[0]}]))

    def owners():
        ports = cloud.network.ports(device_id=ident)
        found = {server(cloud, ident).project_id, *(port.project_id for port in ports)}
        return {cloud.identity.get_project(one).name for one in found}

    sync("rules", "--file", str(file))
    eventually(lambda: owners() == {OWNER}, SECONDS, "instance and ports are the project's")

    def consumer():
        return cloud.placement.get(f"/allocations/{ident}", microversion="1.39").json().get("project_id")

    eventually(lambda: consumer() == server(cloud, ident).project_id, SECONDS, "what it takes is the project's")
    file.write_text("[]")
    sync("rules", "--file", str(file))
    sync("accept", ident, "--project", "discovered")
    eventually(lambda: owners() == {"discovered"}, SECONDS, "it was given back")


def test_files_in_the_library_are_images_and_those_that_go_are_deactivated(cloud):
    file = FOLDER / "journey.raw"

    def image():
        return next((one for one in cloud.image.images(status="active") if one.name == file.name), None)

    try:
        file.write_bytes(os.urandom(1 << 16))
        made = eventually(image, SECONDS, "the file is an image")
        assert (made.disk_format, made.hash_algo) == ("raw", "sha256")
        properties = file.with_name(f"{file.name}.properties.json")
        properties.write_text(json.dumps({"os_distro": "debian"}))
        eventually(lambda: image().os_distro == "debian", SECONDS, "its properties follow")
        content = file.read_bytes()
        file.unlink()
        eventually(lambda: cloud.image.get_image(made.id).status == "deactivated", SECONDS, "it is deactivated")
        file.write_bytes(content)
        eventually(lambda: cloud.image.get_image(made.id).status == "active", SECONDS, "it is usable again")
    finally:
        for one in (file, file.with_name(f"{file.name}.properties.json")):
            one.unlink(missing_ok=True)


def test_many_that_go_at_once_are_held_until_each_is_accepted(cloud, many):
    for ident in many.values():
        assert not run("virsh", "undefine", ident).code
    eventually(lambda: all_are(many, "held"), SECONDS, "they are held")
    assert set(many.values()) <= {one.id for one in cloud.compute.servers(all_projects=True)}
    for ident in many.values():
        sync("accept", ident)
    eventually(
        lambda: not set(many.values()) & {one.id for one in cloud.compute.servers(all_projects=True)},
        SECONDS,
        "they go once that is accepted",
    )
