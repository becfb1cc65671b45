"""The drill: Nova's, Neutron's and Placement's databases are thrown away without a backup, and sync makes it whole."""

import uuid

import pytest

from ..running import eventually, ping, run, told
from . import machine
from .test_sync import IMAGES, SECONDS, server, standing, sync
from .test_sync_faults import domain_xml

REBUILT_SECONDS = 180
NAME = "survivor"


@pytest.fixture
def survivor(cloud):
    """A machine that virsh defined, and an administrator has named in OpenStack."""
    ident, definition = str(uuid.uuid4()), IMAGES / f"{NAME}.xml"
    definition.write_text(domain_xml(NAME, ident))
    assert not run("virsh", "define", str(definition)).code
    definition.unlink()
    eventually(lambda: standing(ident) == "adopted", SECONDS, "the defined domain is an instance")
    yield ident
    run("virsh", "undefine", NAME)


@pytest.fixture
def as_it_was(cloud):
    """What the drill loses and others need, put back: flavors for everybody, security groups' names."""
    flavors = [flavor.to_dict() for flavor in cloud.compute.flavors(details=True) if flavor.is_public]
    groups = {group.id: group.name for group in cloud.network.security_groups()}
    yield
    for flavor in flavors:
        cloud.compute.delete_flavor(flavor["id"], ignore_missing=True)
        sizes = {name: flavor[name] for name in ("id", "name", "ram", "vcpus", "disk")}
        cloud.compute.create_flavor(**sizes)
    for group in cloud.network.security_groups():
        if group.name.startswith("rebuilt-") and groups.get(group.id, "default") != "default":
            cloud.network.update_security_group(group, name=groups[group.id])


def networks_of(cloud):
    """Everything of Neutron's that packets go by."""
    return {
        "networks": {(one.id, one.name, one.is_router_external) for one in cloud.network.networks()},
        "subnets": {(one.id, one.cidr, one.gateway_ip, one.is_dhcp_enabled) for one in cloud.network.subnets()},
        "ports": {
            (one.id, one.mac_address, one.device_id, tuple(sorted(ip["ip_address"] for ip in one.fixed_ips)))
            for one in cloud.network.ports()
            if one.device_owner != "network:floatingip"
        },
        "routers": {(one.id, one.name) for one in cloud.network.routers()},
        "addresses": {(one.id, one.floating_ip_address, one.port_id) for one in cloud.network.ips() if one.port_id},
    }


def test_lost_databases_are_rebuilt_and_virtual_machines_never_notice(cloud, address, survivor, as_it_was):
    hello = cloud.compute.find_server("hello", ignore_missing=False)
    before, running = networks_of(cloud), machine.guests()
    done = told("sync", "rebuild", "demo", "demo-1", "--yes")
    assert done["state"] == "succeeded", done
    assert machine.guests() == running
    assert ping(address)
    assert networks_of(cloud) == before
    eventually(lambda: not sync("rebuilt")["missing"], REBUILT_SECONDS, "every instance is back")
    again = server(cloud, hello.id)
    assert (again.name, again.project_id, again.user_id) == (hello.name, hello.project_id, hello.user_id)
    assert (again.status, again.flavor["original_name"]) == ("ACTIVE", hello.flavor["original_name"])
    assert again.image["id"] == hello.image["id"]
    assert server(cloud, survivor).name == NAME
    assert machine.guests() == running
    lost = sync("rebuilt")["lost"]
    assert {"key pair", "quota", "security group"} <= {one["kind"] for one in lost}
    cloud.compute.reboot_server(hello.id, "HARD")
    eventually(
        lambda: server(cloud, hello.id).status == "ACTIVE" and ping(address), REBUILT_SECONDS, "it answers again"
    )
    assert server(cloud, hello.id).addresses == hello.addresses
