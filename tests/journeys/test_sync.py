"""What an administrator does with virsh on a host shows in OpenStack, and the other way; nobody fights anybody."""

import json
import os
import signal
import uuid
from pathlib import Path

import pytest

from ..running import eventually, run, told
from . import machine

NAME = "outside"
IMAGES = Path("/var/lib/libvirt/images")
SECONDS = 60


def sync(*words):
    return told("sync", words[0], "demo", "demo-1", *words[1:])


def domain_xml(ident, disk):
    return f"""<domain type='qemu'><name>{NAME}</name><uuid>{ident}</uuid>
  <memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type arch='x86_64'>hvm</type></os>
  <features><acpi/></features>
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


def is_so(cloud, ident, status, state):
    """Whether OpenStack is done with an instance and has it in one status, and libvirt its domain in one state.

    Raises:
        AssertionError: not so; it tells what is seen.
    """
    seen = cloud.compute.get_server(ident)
    found = (seen.status, seen.task_state, run("virsh", "domstate", ident).out.strip())
    assert found == (status, None, state), (found, seen.fault, list(cloud.compute.server_actions(ident))[:2])
    return True


def ready(cloud, image):
    """An image once it can be used."""
    found = cloud.image.get_image(image)
    return found if found.status == "active" else None


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


@pytest.mark.parametrize(
    ("action", "status", "state"),
    [
        ("start_server", "ACTIVE", "running"),
        ("pause_server", "PAUSED", "paused"),
        ("unpause_server", "ACTIVE", "running"),
        ("suspend_server", "SUSPENDED", "shut off"),
        ("resume_server", "ACTIVE", "running"),
    ],
)
def test_what_is_asked_of_openstack_is_done_to_it(cloud, outside, action, status, state):
    getattr(cloud.compute, action)(outside)
    eventually(lambda: is_so(cloud, outside, status, state), SECONDS, f"{action} makes it {state}")


def test_a_hard_reboot_starts_it_as_it_is_defined(cloud, outside):
    definition, process = run("virsh", "dumpxml", outside, "--inactive").out, machine.guests()[NAME]
    cloud.compute.reboot_server(outside, "HARD")
    eventually(lambda: machine.guests()[NAME] != process, SECONDS, "it runs anew")
    eventually(lambda: is_so(cloud, outside, "ACTIVE", "running"), SECONDS, "OpenStack knows")
    assert run("virsh", "dumpxml", outside, "--inactive").out == definition


def test_a_soft_reboot_starts_it_once_it_has_shut_down(cloud, outside):
    process = machine.guests()[NAME]
    cloud.compute.reboot_server(outside, "SOFT")
    eventually(lambda: cloud.compute.get_server(outside).task_state == "reboot_started", SECONDS, "it is asked to")
    assert not run("virsh", "destroy", outside).code, "its disk is empty: nothing in it does what it is asked to"
    eventually(lambda: machine.guests()[NAME] != process, SECONDS, "it runs anew")
    eventually(lambda: is_so(cloud, outside, "ACTIVE", "running"), SECONDS, "OpenStack knows")


def test_of_two_changes_at_once_the_later_one_holds_and_the_other_can_be_put_back(cloud, outside):
    def names():
        return server(cloud, outside).name, run("virsh", "desc", outside, "--title").out.strip()

    compute = machine.host_pids()["agent/nova-compute"]
    os.kill(compute, signal.SIGSTOP)
    try:
        cloud.compute.update_server(outside, name="by-user")
        eventually(
            lambda: (outside, "name") in [(one["object"], one["field"]) for one in sync("diff")],
            SECONDS,
            "the host is asked to follow",
        )
        assert not run("virsh", "desc", outside, "--live", "--config", "--title", "by-administrator").code
        eventually(lambda: server(cloud, outside).name == "by-administrator", SECONDS, "the later change holds")
    finally:
        os.kill(compute, signal.SIGCONT)
    told = [one for one in sync("log", "--object", outside) if one["field"] == "name"]
    (lost,) = (one for one in told if one["lost"])
    assert (lost["after"], lost["source"]) == ("by-user", "openstack")
    assert "by-administrator" in [one["after"] for one in told]
    sync("revert", str(lost["id"]))
    eventually(lambda: names() == ("by-user", "by-user"), SECONDS, "the other one is put back on both sides")


def test_an_image_is_made_of_it_while_it_runs(cloud, outside):
    image = cloud.compute.create_server_image(outside, f"{NAME}-image")
    try:
        made = eventually(lambda: ready(cloud, image), SECONDS, "the image is there")
        assert made.disk_format == "qcow2"
    finally:
        cloud.image.delete_image(image)
    eventually(lambda: is_so(cloud, outside, "ACTIVE", "running"), SECONDS, "it runs on")


def test_a_card_is_attached_while_it_runs_and_detached_while_it_is_off(cloud, outside):
    network = cloud.network.find_network("demo", ignore_missing=False)
    port = cloud.compute.create_server_interface(outside, net_id=network.id).port_id
    mac = cloud.network.get_port(port).mac_address
    for which in ("", "--inactive"):
        words = ("virsh", "domiflist", outside, *filter(None, [which]))
        eventually(lambda words=words: mac in run(*words).out, SECONDS, "the card is there, and stays there")
    assert not run("virsh", "destroy", outside).code
    eventually(lambda: is_so(cloud, outside, "SHUTOFF", "shut off"), SECONDS, "it is off")
    assert {one.id for one in cloud.network.ports(device_id=outside)} > {port}
    cloud.compute.delete_server_interface(port, outside)
    eventually(lambda: mac not in run("virsh", "domiflist", outside).out, SECONDS, "the card is gone")
    eventually(lambda: cloud.network.find_port(port) is None, SECONDS, "its port is gone")
    eventually(
        lambda: mac not in str(server(cloud, outside).addresses), SECONDS, "and Nova, whose resize asks for it, knows"
    )


def test_a_resize_changes_its_definition_and_moves_nothing(cloud, outside):
    before = run("virsh", "domblklist", outside).out
    flavor = cloud.compute.create_flavor(name=f"{NAME}-size", ram=128, vcpus=2, disk=1)
    try:
        cloud.compute.resize_server(outside, flavor.id)
        eventually(lambda: is_so(cloud, outside, "VERIFY_RESIZE", "shut off"), 2 * SECONDS, "it is resized")
        cloud.compute.confirm_server_resize(outside)
        eventually(lambda: is_so(cloud, outside, "SHUTOFF", "shut off"), SECONDS, "that is confirmed")
    finally:
        cloud.compute.delete_flavor(flavor)
    sizes = dict(line.split(":") for line in run("virsh", "dominfo", outside).out.splitlines() if ":" in line)
    assert (sizes["CPU(s)"].strip(), sizes["Max memory"].strip()) == ("2", "131072 KiB")
    assert run("virsh", "domblklist", outside).out == before


def test_the_trail_tells_who_changed_what(outside):
    entries = sync("log", "--object", outside)
    name = next(one for one in entries if one["field"] == "name" and one["after"] == "renamed")
    assert name["before"] == NAME
    assert name["host"]


def test_disks_and_snapshots_follow(cloud, outside):
    more = IMAGES / f"{NAME}-more.qcow2"
    try:
        assert not run("qemu-img", "create", "-f", "qcow2", str(more), "2G").code
        assert not run("virsh", "attach-disk", NAME, str(more), "vdb", "--subdriver", "qcow2", "--config").code
        eventually(lambda: server(cloud, outside).flavor["ephemeral"] == 2, SECONDS, "the second disk is counted")
        assert not run("virsh", "start", NAME).code
        assert not run("virsh", "blockresize", NAME, "vda", "3G").code
        eventually(lambda: server(cloud, outside).flavor["disk"] == 3, SECONDS, "the grown disk is counted")
        assert not run("virsh", "snapshot-create-as", NAME, "before").code
        eventually(
            lambda: server(cloud, outside).metadata.get("aloft:snapshots") == "before", SECONDS, "the snapshot is shown"
        )
        assert not run("virsh", "snapshot-delete", NAME, "before").code
        eventually(
            lambda: "aloft:snapshots" not in server(cloud, outside).metadata, SECONDS, "the snapshot is shown no more"
        )
    finally:
        run("virsh", "destroy", NAME)
        run("virsh", "detach-disk", NAME, "vdb", "--config")
        more.unlink()
    eventually(lambda: server(cloud, outside).flavor["ephemeral"] == 0, SECONDS, "the disk that went is not counted")
    fields = [one["field"] for one in sync("log", "--object", outside)]
    assert fields.count("disks") >= 3
    assert fields.count("snapshots") == 2


def test_a_card_that_moves_to_another_network_is_a_port_there(cloud, outside, tmp_path: Path):
    definition = tmp_path / "network.xml"
    definition.write_text(
        f"<network><name>{NAME}</name><bridge name='virbr71'/><ip address='10.71.0.1' prefix='24'/></network>"
    )
    card = tmp_path / "card.xml"
    card.write_text(
        f"<interface type='network'><mac address='52:54:00:aa:bb:01'/><source network='{NAME}'/></interface>"
    )
    (before,) = cloud.network.ports(device_id=outside)
    assert not run("virsh", "net-define", str(definition)).code
    try:
        assert not run("virsh", "detach-interface", NAME, "user", "--mac", before.mac_address, "--config").code
        assert not run("virsh", "attach-device", NAME, str(card), "--config").code

        def moved():
            ports = list(cloud.network.ports(device_id=outside))
            return ports[0] if len(ports) == 1 and ports[0].network_id != before.network_id else None

        port = eventually(moved, SECONDS, "the port is on the other network")
        assert port.mac_address == before.mac_address
        assert cloud.network.get_network(port.network_id).name.endswith(NAME)
    finally:
        run("virsh", "net-destroy", NAME)
        run("virsh", "net-undefine", NAME)

    def marked():
        network = cloud.network.get_network(port.network_id)
        return network if "gone since" in network.description else None

    network = eventually(marked, SECONDS, "the network that is gone on the host is marked")
    assert [one.network_id for one in cloud.network.ports(device_id=outside)] == [network.id]
    sync("settings", "--set", "grace_seconds=2")
    eventually(
        lambda: (
            [one["reason"] for one in sync("status")["networks"] if one["network"] == network.id] == ["it is in use"]
        ),
        SECONDS,
        "it stays while it is in use",
    )
    assert not run("virsh", "detach-interface", NAME, "network", "--mac", before.mac_address, "--config").code
    eventually(lambda: cloud.network.find_network(network.id) is None, SECONDS, "it goes once nothing uses it")
    sync("settings", "--set", "grace_seconds=600")
    place = network.description.partition(": ")[2].partition(",")[0]
    told = [(one["before"], one["after"]) for one in sync("log", "--object", place) if one["field"] == "network"]
    assert [one for one in told[::-1] if network.id in one] == [
        (None, network.id),
        (network.id, network.id),
        (network.id, None),
    ]


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
    (decided, *_) = sync("log", "--object", "exclusions")
    sync("revert", str(decided["id"]))
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


def test_deleted_in_openstack_its_disk_is_kept(cloud, outside):
    assert not run("virsh", "define", str(IMAGES / f"{NAME}.xml")).code
    eventually(lambda: standing(outside) == "adopted", SECONDS, "it is an instance once more")
    cloud.compute.delete_server(outside)
    eventually(lambda: run("virsh", "dominfo", outside).code, SECONDS, "its definition is gone")
    assert (IMAGES / f"{NAME}.qcow2").exists()
