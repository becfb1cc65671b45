"""From `aloft up` to instances that answer: what a user of the demo customer does on the first day."""

import json

import httpx
import pytest

from aloft.base.paths import Paths
from aloft.ground.layout import Layout

from ..running import eventually, https, openstack, ping, run

BOOT_SECONDS = 150


def console(cloud, server):
    return cloud.compute.get_server_console_output(server.id)["output"]


def test_the_instance_answers_on_its_floating_ip(address):
    assert ping(address)


def test_the_instance_says_hello_on_its_console(cloud):
    server = cloud.compute.find_server("hello", ignore_missing=False)
    inside = next(cloud.network.ports(device_id=server.id)).fixed_ips[0]["ip_address"]
    text = openstack("console", "log", "show", "hello").out
    assert "hello from" in text
    assert inside in text


def test_the_console_is_shown_through_the_edge(cloud):
    told = json.loads(openstack("console", "url", "show", "hello", "-f", "json").out)
    assert told["url"].startswith("https://console.demo-1.demo.")
    page = https("GET", told["url"])
    assert page.status_code == 200
    assert "noVNC" in page.text


def test_images_lie_on_the_customers_host_and_not_in_the_controller(cloud, demo):
    image = cloud.image.find_image("hello", ignore_missing=False)
    library = Layout.of(Paths()).images / "store"
    assert (library / image.id).stat().st_size == image.size
    held = [path for path in (demo.slot.state / "glance").rglob("*") if path.is_file()]
    assert not [path for path in held if path.stat().st_size >= image.size]


@pytest.fixture(scope="module")
def second(cloud):
    """A second instance, whose security group lets nothing in, with a floating IP."""
    network = cloud.network
    remove(cloud)
    group = network.create_security_group(name="journey")
    image = cloud.image.find_image("hello", ignore_missing=False)
    flavor = cloud.compute.find_flavor("m1.nano", ignore_missing=False)
    inside = network.find_network("demo", ignore_missing=False)
    made = cloud.compute.create_server(
        name="journey",
        image_id=image.id,
        flavor_id=flavor.id,
        networks=[{"uuid": inside.id}],
        security_groups=[{"name": group.id}],
    )
    server = cloud.compute.wait_for_server(made, wait=BOOT_SECONDS, interval=1)
    port = next(network.ports(device_id=server.id))
    external = network.find_network("external", ignore_missing=False)
    floating = network.create_ip(floating_network_id=external.id, port_id=port.id)
    yield server, group, floating.floating_ip_address
    remove(cloud)


def remove(cloud):
    """Take the second instance away with all that belongs to it."""
    server = cloud.compute.find_server("journey")
    if server is not None:
        for port in cloud.network.ports(device_id=server.id):
            for floating in cloud.network.ips(port_id=port.id):
                cloud.network.delete_ip(floating)
        cloud.compute.delete_server(server)
        cloud.compute.wait_for_delete(server, interval=1, wait=BOOT_SECONDS)
    group = cloud.network.find_security_group("journey")
    if group is not None:
        eventually(lambda: cloud.network.delete_security_group(group) is None, what="the security group can go")


def test_a_second_instance_learns_its_name_from_the_metadata_service(cloud, second):
    server, _, _ = second
    text = eventually(lambda: "hello from" in (said := console(cloud, server)) and said, BOOT_SECONDS, "it boots")
    assert "hello from journey.demo-1.demo" in text


def test_a_second_instance_answers_only_once_its_security_group_lets_it(cloud, second):
    server, group, address = second
    eventually(lambda: "lease" in console(cloud, server), BOOT_SECONDS, "it boots")
    assert not ping(address)
    for protocol, port in (("icmp", None), ("tcp", 80)):
        cloud.network.create_security_group_rule(
            security_group_id=group.id, direction="ingress", protocol=protocol, port_range_min=port, port_range_max=port
        )
    eventually(lambda: ping(address), what="it answers a ping")
    page = eventually(
        lambda: httpx.get(f"http://{address}/", timeout=5, trust_env=False).text, what="its page is served"
    )
    assert "hello" in page


def test_a_deleted_instance_leaves_nothing_behind(cloud, second):
    server, _, address = second
    port = next(cloud.network.ports(device_id=server.id))
    domain = cloud.compute.get_server(server.id).instance_name
    assert domain in run("virsh", "list", "--name").out.split()
    remove(cloud)
    assert cloud.network.find_port(port.id) is None
    assert domain not in run("virsh", "list", "--all", "--name").out.split()
    assert not (Layout.of(Paths()).instances / server.id).exists()
    assert not ping(address)
    allocations = cloud.placement.get(f"/allocations/{server.id}").json()["allocations"]
    assert allocations == {}
