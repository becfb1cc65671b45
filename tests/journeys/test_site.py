"""Two hosts as separate machines, which reach the provider by one TLS port and can be reached by nobody."""

import os
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import openstack
import pytest
import yaml

from aloft.bench.far import FarHost
from aloft.install.clouds import Login, entry
from aloft.install.demo import Demo, ExternalNetwork

from ..running import PATHS, Region, eventually, forget, told
from .site import Site

# openstacksdk leaves files that it uploaded to the garbage collector
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

CUSTOMER = "journey-site"
ONE, TWO = 1, 2


@pytest.fixture(scope="module")
def region(installed: None) -> Iterator[Region]:
    forget(CUSTOMER)
    assert told("customer", "create", CUSTOMER)["state"] == "succeeded"
    yield Region(CUSTOMER, told("customer", "show", CUSTOMER)["regions"][0]["name"])
    forget(CUSTOMER)


@pytest.fixture(scope="module")
def site(region: Region, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site"), region)
    try:
        yield made
    finally:
        for host in told("host", "list", CUSTOMER):
            told("host", "delete", CUSTOMER, host["region"], host["name"], "--yes", "--instances", "delete")
        made.close()


@pytest.fixture(scope="module")
def hosts(site: Site) -> tuple[FarHost, FarHost]:
    """A hypervisor, and one that is also the network host and the image library."""
    one, two = site.host(ONE), site.host(TWO)
    one.paste(site.token("hypervisor")["line"])
    two.paste(site.token("hypervisor", "network", "image-library")["line"])
    for host in (one, two):
        site.wait(host, "ok")
    return one, two


@pytest.fixture(scope="module")
def cloud(region: Region, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("cloud")
    login = {field: region.credentials.get(field) for field in Login.__dataclass_fields__}
    clouds = {CUSTOMER: entry(Login(**login), PATHS.etc / "ca.pem")}
    (folder / "clouds.yaml").write_text(yaml.safe_dump({"clouds": clouds}))
    found = {"OS_CLIENT_CONFIG_FILE": str(folder / "clouds.yaml")}
    with mock.patch.dict(os.environ, found), openstack.connect(cloud=CUSTOMER) as connection:
        yield connection


@pytest.fixture(scope="module")
def filled(hosts: Any, cloud: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Images, flavors, networks; the images go to the library on the host by the way that it opens itself."""
    demo = Demo(CUSTOMER, Path("/var/lib/aloft/cache"), tmp_path_factory.mktemp("keys"))
    demo.image()
    demo.flavors()
    demo.networks(ExternalNetwork())
    demo.access()
    return cloud


@pytest.fixture(scope="module")
def instance(filled: Any, hosts: tuple[FarHost, FarHost]) -> Any:
    """An instance on the first host, whose image came from the second."""
    network = filled.network.find_network("demo", ignore_missing=False)
    made = filled.compute.create_server(
        name="hello",
        image_id=filled.image.find_image("hello", ignore_missing=False).id,
        flavor_id=filled.compute.find_flavor("m1.nano", ignore_missing=False).id,
        networks=[{"uuid": network.id}],
        availability_zone=f"nova:{hosts[0].name}",
    )
    return filled.compute.wait_for_server(made, wait=180)


def test_the_metadata_service_answers_and_the_console_log_tells_it(filled, instance):
    eventually(
        lambda: "hello from hello" in filled.compute.get_server_console_output(instance.id)["output"],
        120,
        "the guest says by its console what the metadata service told it",
    )


def screen(url: str) -> bytes:
    """What an instance's screen says first, by the console's URL; it must be RFB's version (RFC 6143, 7.1.1)."""
    parts = urlsplit(url)
    context = ssl.create_default_context(cafile=str(PATHS.etc / "ca.pem"))
    with (
        socket.create_connection((parts.hostname, parts.port or 443), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname=parts.hostname) as wire,
    ):
        token = url.partition("token%3D")[2] or url.partition("token=")[2]
        wire.sendall(
            f"GET /websockify?token={token} HTTP/1.1\r\nHost: {parts.hostname}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: binary\r\n\r\n".encode()
        )
        said = b""
        while b"RFB" not in said and (more := wire.recv(4096)):
            said += more
        return said


def test_the_screen_is_reached_though_the_host_can_only_dial_out(filled, instance):
    url = filled.compute.create_console(instance, console_type="novnc")["url"]
    assert b"RFB 003.008" in eventually(lambda: screen(url), what="the instance's screen")


def test_after_a_cut_link_all_works_again_without_a_restart(filled, instance, hosts, site):
    one = hosts[0]
    before = one.run("pgrep", "-f", "nova.conf|ovn-controller|haproxy")
    one.cut()
    try:
        site.wait(one, "missing", 150)
        assert one.run("virsh", "list", "--name").split(), "the instance does not need the link"
    finally:
        one.mend()
    site.wait(one, "ok", 60)
    url = filled.compute.create_console(instance, console_type="novnc")["url"]
    assert b"RFB 003.008" in eventually(lambda: screen(url), what="the instance's screen")
    eventually(lambda: _up(filled, one), 60, "nova-compute is up")
    assert one.run("pgrep", "-f", "nova.conf|ovn-controller|haproxy") == before


def _up(cloud: Any, host: FarHost) -> bool:
    return any(one.state == "up" for one in cloud.compute.services(binary="nova-compute", host=host.name))


def test_an_instance_moves_cold_from_one_host_to_the_other(filled, instance, hosts):
    filled.compute.migrate_server(instance, host=hosts[1].name)
    server = filled.compute.wait_for_server(instance, status="VERIFY_RESIZE", wait=240)
    filled.compute.confirm_server_resize(server)
    moved = filled.compute.wait_for_server(server, wait=60)
    assert moved.compute_host == hosts[1].name


def test_a_spent_token_is_refused_in_words(site):
    token = site.token("hypervisor")
    site.host(3).paste(token["line"])
    said = site.host(4).machine
    printed = said.run("sh", "-c", f"({token['line']}) 2>&1", check=False, seconds=120)
    assert "token" in printed
    assert "aloft host token" in printed


def test_roles_that_are_taken_away_leave_nothing_and_come_again(site, hosts, filled, instance):
    filled.compute.delete_server(instance)
    filled.compute.wait_for_delete(instance, wait=120)
    one = hosts[0]
    region = site.region
    told("host", "deauthorise", region.customer, region.name, one.name)
    eventually(lambda: "br-int" not in one.run("ip", "link"), 60, "the bridge has gone")
    assert one.run("pgrep", "-f", "nova-compute", check=False) == ""
    told("host", "authorise", region.customer, region.name, one.name, "--role", "hypervisor")
    site.wait(one, "ok")
