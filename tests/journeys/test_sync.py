"""What an administrator does with virsh on a host shows in OpenStack, and the other way; nobody fights anybody."""

import json
import uuid
from pathlib import Path

import pytest

from ..running import eventually, run, told

NAME = "outside"
IMAGES = Path("/var/lib/libvirt/images")
SECONDS = 60


def sync(*words):
    return told("sync", words[0], "demo", "demo-1", *words[1:])


def domain_xml(ident, disk):
    return f"""<domain type='qemu'><name>{NAME}</name><uuid>{ident}</uuid>
  <memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type arch='x86_64'>hvm</type></os>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{disk}'/>
      <target dev='vda' bus='virtio'/></disk>
    <interface type='user'><mac address='52:54:00:aa:bb:01'/><model type='virtio'/></interface>
    <serial type='pty'/>
  </devices></domain>"""


def standings():
    """How each virtual machine stands, by its UUID; to be asked for once for several, as it starts a program."""
    return {one["uuid"]: one["standing"] for one in sync("list")}


def standing(ident):
    return standings().get(ident)


def server(cloud, ident):
    return next((one for one in cloud.compute.servers(all_projects=True) if one.id == ident), None)


def undefine():
    run("virsh", "destroy", NAME)
    run("virsh", "undefine", NAME, "--snapshots-metadata")


@pytest.fixture(scope="module")
def outside(cloud):
    """A machine that virsh defined and started, which has become an instance."""
    undefine()
    ident = str(uuid.uuid4())
    disk = IMAGES / f"{NAME}.qcow2"
    assert not run("qemu-img", "create", "-f", "qcow2", str(disk), "1G").code
    definition = IMAGES / f"{NAME}.xml"
    definition.write_text(domain_xml(ident, disk))
    assert not run("virsh", "define", str(definition)).code
    eventually(lambda: server(cloud, ident), SECONDS, "the defined domain is an instance")
    yield ident
    sync("settings", "--set", "grace_seconds=600")
    undefine()
    for file in (disk, definition):
        file.unlink()


def test_a_domain_that_was_defined_outside_is_an_instance(cloud, outside):
    seen = server(cloud, outside)
    assert (seen.name, seen.status) == (NAME, "SHUTOFF")
    assert seen.metadata["aloft:provenance"] == "discovered"
    assert cloud.identity.get_project(seen.project_id).name == "discovered"
    flavor = seen.flavor
    assert (flavor["vcpus"], flavor["ram"], flavor["disk"]) == (1, 64, 1)


def test_its_card_is_a_port_with_its_address(cloud, outside):
    ports = eventually(lambda: list(cloud.network.ports(device_id=outside)), SECONDS, "its card is a port")
    assert [port.mac_address for port in ports] == ["52:54:00:aa:bb:01"]


def test_what_it_takes_is_counted(cloud, outside):
    found = cloud.placement.get(f"/allocations/{outside}").json()["allocations"]
    assert [one["resources"]["MEMORY_MB"] for one in found.values()] == [64]


@pytest.mark.parametrize(
    ("command", "status"),
    [("start", "ACTIVE"), ("suspend", "PAUSED"), ("resume", "ACTIVE"), ("destroy", "SHUTOFF")],
)
def test_its_state_follows(cloud, outside, command, status):
    assert not run("virsh", command, NAME).code
    eventually(lambda: server(cloud, outside).status == status, SECONDS, f"virsh {command} shows as {status}")


def test_description_and_sizes_follow(cloud, outside):
    assert not run("virsh", "desc", NAME, "--config", "--title", "renamed").code
    eventually(lambda: server(cloud, outside).name == "renamed", SECONDS, "the title is the name")
    assert not run("virsh", "setmaxmem", NAME, "96M", "--config").code
    assert not run("virsh", "setmem", NAME, "96M", "--config").code
    eventually(lambda: server(cloud, outside).flavor["ram"] == 96, SECONDS, "the memory is the flavor's")
    eventually(
        lambda: (
            next(iter(cloud.placement.get(f"/allocations/{outside}").json()["allocations"].values()))["resources"][
                "MEMORY_MB"
            ]
            == 96
        ),
        SECONDS,
        "the memory is counted",
    )


def test_the_trail_tells_who_changed_what(outside):
    entries = sync("log", "--object", outside)
    name = next(one for one in entries if one["field"] == "name")
    assert (name["before"], name["after"]) == (NAME, "renamed")
    assert name["host"]


def test_unmanaged_it_stays_on_its_host_and_comes_back_when_it_is_accepted(cloud, outside):
    sync("unmanage", outside)
    assert server(cloud, outside) is None
    assert not run("virsh", "dominfo", NAME).code
    sync("accept", outside)
    eventually(lambda: server(cloud, outside), SECONDS, "it is an instance again")


def test_an_exclusion_takes_it_out_and_back(cloud, outside, tmp_path: Path):
    file = tmp_path / "exclusions.json"
    file.write_text(json.dumps([{"kind": "name", "pattern": NAME}]))
    sync("exclusions", "--file", str(file))
    eventually(lambda: server(cloud, outside) is None, SECONDS, "it has left OpenStack")
    assert not run("virsh", "dominfo", NAME).code
    file.write_text("[]")
    sync("exclusions", "--file", str(file))
    eventually(lambda: server(cloud, outside), SECONDS, "it is an instance again")


def test_gone_and_back_it_is_the_same_instance_and_gone_for_good_it_goes(cloud, outside):
    definition = run("virsh", "dumpxml", NAME, "--inactive").out
    created = server(cloud, outside).created_at
    undefine()
    eventually(lambda: standing(outside) == "stale", SECONDS, "it is stale")
    again = IMAGES / f"{NAME}.xml"
    again.write_text(definition)
    assert not run("virsh", "define", str(again)).code
    eventually(lambda: standing(outside) == "adopted", SECONDS, "it is back")
    assert server(cloud, outside).created_at == created
    sync("settings", "--set", "grace_seconds=2")
    undefine()
    eventually(lambda: server(cloud, outside) is None, SECONDS, "it has gone from OpenStack")
