"""Two hosts as separate machines, which reach the provider by one TLS port and can be reached by nobody."""

import os
import shutil
import signal
import socket
import ssl
import tempfile
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import openstack
import pytest
import yaml

from aloft.base import files, pki
from aloft.base.paths import Paths
from aloft.bench.far import CARD, OTHER_EDGE, OUTSIDE_ADDRESS, OUTWARD, FarHost
from aloft.controller import slots
from aloft.ground import link
from aloft.ground.layout import Layout
from aloft.install.clouds import Login, entry
from aloft.install.demo import Demo, ExternalNetwork

from ..running import PATHS, Region, aloft, eventually, forget, ping, run, told
from . import machine
from .site import Guest, Site, domain_xml, libvirt_of

# openstacksdk leaves files that it uploaded to the garbage collector
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

CUSTOMER = "journey-site"
ONE, TWO = 1, 2
OUTSIDE = ExternalNetwork(
    range="172.24.8.0/24", gateway=OUTSIDE_ADDRESS.partition("/")[0], first="172.24.8.10", last="172.24.8.250"
)


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
        with ThreadPoolExecutor() as side_by_side:
            list(side_by_side.map(delete, told("host", "list", CUSTOMER)))
        made.close()


def delete(host: Any) -> None:
    """Have a host taken out of its region, with its instances."""
    told("host", "delete", CUSTOMER, host["region"], host["name"], "--yes", "--instances", "delete")


@pytest.fixture(scope="module")
def hosts(site: Site) -> tuple[FarHost, FarHost]:
    """A hypervisor, and one that is also the network host and the image library."""
    one, two = site.host(ONE), site.host(TWO)
    two.lead_outside()
    site.template("--physical", "external", "--interface", OUTWARD, "--on", f"{one.name}:-")
    site.template("--physical", "site", "--flat", "--bridge", "br-site", "--interface", CARD)
    lines = [site.token("hypervisor")["line"], site.token("hypervisor", "network", "image-library")["line"]]
    with ThreadPoolExecutor() as side_by_side:
        list(side_by_side.map(FarHost.paste, (one, two), lines))
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
    demo.networks(OUTSIDE)
    demo.access()
    return cloud


@pytest.fixture(scope="module")
def guests(filled: Any, hosts: tuple[FarHost, FarHost]) -> tuple[Guest, Guest]:
    """An instance on each host; the image of the first's came from the second."""
    network = filled.network.find_network("demo", ignore_missing=False)
    image = filled.image.find_image("hello", ignore_missing=False)
    flavor = filled.compute.find_flavor("m1.nano", ignore_missing=False)
    made = [
        filled.compute.create_server(
            name=f"on-{host.name}",
            image_id=image.id,
            flavor_id=flavor.id,
            networks=[{"uuid": network.id}],
            availability_zone=f"nova:{host.name}",
        )
        for host in hosts
    ]
    one, two = (Guest(active(filled, server.id), host) for server, host in zip(made, hosts, strict=True))
    return one, two


def active(cloud: Any, ident: str) -> Any:
    """An instance, once it runs; one that cannot ends the test with the reason."""

    def look() -> Any:
        seen = cloud.compute.get_server(ident)
        if seen.status == "ERROR":
            pytest.fail(f"{seen.name}: {seen.fault}")
        return seen if seen.status == "ACTIVE" else None

    return eventually(look, 180, f"{ident} runs")


def test_the_metadata_service_answers_and_the_console_log_tells_it(filled, guests):
    for guest in guests:
        eventually(
            lambda guest=guest: f"hello from {guest.server.name}" in console(filled, guest),
            120,
            "the guest says by its console what the metadata service told it",
        )


def console(cloud: Any, guest: Guest) -> str:
    """The instance's console log, as its user gets it."""
    return str(cloud.compute.get_server_console_output(guest.server.id)["output"])


def port(cloud: Any, guest: Guest) -> Any:
    """The instance's only port."""
    return next(cloud.network.ports(device_id=guest.server.id))


def address(cloud: Any, guest: Guest) -> str:
    """The instance's address in the project network."""
    return str(port(cloud, guest).fixed_ips[0]["ip_address"])


def test_instances_on_two_hosts_reach_each_other_over_the_overlay(filled, guests):
    one, two = guests
    there, back = address(filled, two), address(filled, one)
    eventually(lambda: one.reaches(there), what="the second instance answers the first")
    assert two.reaches(back)


def test_security_groups_block_and_let_through_between_hosts(filled, guests):
    one, two = guests
    there = address(filled, two)
    group = filled.network.create_security_group(name="closed")
    filled.network.update_port(port(filled, two), security_groups=[group.id])
    eventually(lambda: not one.reaches(there), what="nothing is let through")
    rule = {"security_group_id": group.id, "direction": "ingress", "ether_type": "IPv4"}
    filled.network.create_security_group_rule(**rule, protocol="icmp")
    eventually(lambda: one.reaches(there), what="a ping is let through")
    assert not one.reads_page(there)
    filled.network.create_security_group_rule(**rule, protocol="tcp", port_range_min=80, port_range_max=80)
    eventually(lambda: one.reads_page(there), what="the page is let through")


def test_a_floating_ip_leads_through_the_network_host_to_an_instance_on_the_other(filled, guests):
    external = filled.network.find_network("external", ignore_missing=False)
    floating = filled.network.create_ip(floating_network_id=external.id, port_id=port(filled, guests[0]).id)
    assert eventually(lambda: ping(floating.floating_ip_address), what="the instance answers from outside")
    assert guests[0].reaches(OUTSIDE_ADDRESS.partition("/")[0])


def test_the_screen_is_reached_though_the_host_can_only_dial_out(filled, guests):
    assert b"RFB 003.008" in eventually(lambda: screen(filled, guests[0]), what="the instance's screen")


def screen(cloud: Any, guest: Guest) -> bytes:
    """What an instance's screen says first, by the console's URL; it must be RFB's version (RFC 6143, 7.1.1)."""
    url = cloud.compute.create_console(guest.server, console_type="novnc")["url"]
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


def test_project_networks_travel_as_vxlan_where_the_region_wants_it(filled, guests, hosts, site):
    site.template("--overlay", "vxlan")
    for host in hosts:
        eventually(
            lambda host=host: (
                "vxlan" in host.run("ovs-vsctl", "get", "Open_vSwitch", ".", "external_ids:ovn-encap-type")
            ),
            what=f"{host.name} encapsulates as VXLAN",
        )
    one, two = guests
    there = address(filled, two)
    eventually(lambda: one.reaches(there), what="the second instance answers the first")
    assert "type: vxlan" in hosts[0].run("ovs-vsctl", "show")
    network = eventually(lambda: filled.network.create_network(name="travels"), what="Neutron has the new template")
    assert (network.provider_network_type, network.mtu) == ("vxlan", 1450)


def test_after_a_cut_link_all_works_again_without_a_restart(filled, guests, hosts, site):
    one, two = guests
    there = address(filled, two)
    before = hosts[0].run("pgrep", "-f", "nova.conf|ovn-controller|haproxy")
    hosts[0].cut()
    try:
        site.wait(hosts[0], "missing", 150)
        assert one.reaches(there), "instances do not need the link"
    finally:
        hosts[0].mend()
    site.wait(hosts[0], "ok", 60)
    assert b"RFB 003.008" in eventually(lambda: screen(filled, one), what="the instance's screen")
    eventually(lambda: _up(filled, hosts[0]), 60, "nova-compute is up")
    assert hosts[0].run("pgrep", "-f", "nova.conf|ovn-controller|haproxy") == before


def _up(cloud: Any, host: FarHost) -> bool:
    return any(one.state == "up" for one in cloud.compute.services(binary="nova-compute", host=host.name))


@pytest.fixture
def other_edge(hosts: tuple[FarHost, FarHost]) -> Iterator[str]:
    """Another place of the edge, of which the node's settings tell the hosts."""
    settings = PATHS.etc / "node.toml"
    lines = settings.read_text().splitlines(keepends=True)
    before = "".join(line for line in lines if OTHER_EDGE not in line)  # a run that was broken off may have left one
    settings.write_text(f'other_edges = ["{OTHER_EDGE}"]\n{before}')
    restart_node()
    for host in hosts:
        desired = host.machine.root / "var/lib/aloft/agent/desired.json"
        eventually(lambda desired=desired: OTHER_EDGE in desired.read_text(), what=f"{host.name} knows the other place")
    yield OTHER_EDGE
    settings.write_text(before)
    restart_node()


def restart_node() -> None:
    """Have the node read its settings anew."""
    before = machine.daemon_pid("node")
    os.kill(before, signal.SIGKILL)

    def back() -> bool:
        unwell = [one["name"] for one in machine.states() if one["state"] != "ready"]
        return machine.daemon_pid("node") != before and not unwell

    eventually(back, 120, "the node is back")
    eventually(lambda: told("host", "list", CUSTOMER), 120, "the plane is back")


def test_a_host_turns_to_another_place_of_the_edge_when_one_does_not_answer_and_back(filled, guests, hosts, other_edge):
    host, guest = hosts[1], guests[1]
    process = host.run("pgrep", "-f", f"guest={guest.server.name}|{guest.server.id}")
    try:
        for lost, found in ((host.edge, other_edge), (other_edge, host.edge)):
            host.mend()
            host.lose(lost)
            eventually(lambda found=found: f" {found}:443" in leads(host), what=f"the link leads to {found}")
            eventually(lambda: b"RFB 003.008" in screen(filled, guest), what="the instance's screen is reached")
            eventually(lambda: console(filled, guest), what="Nova reaches the host")
    finally:
        host.mend()
    assert host.run("pgrep", "-f", f"guest={guest.server.name}|{guest.server.id}") == process


def leads(host: FarHost) -> str:
    """Where a host's link leads, as HAProxy has it."""
    return (host.machine.root / "var/lib/aloft/agent/config/link.cfg").read_text()


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that all hosts have, and that QEMU may look into."""
    made = Path(tempfile.mkdtemp(dir="/var/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.mark.parametrize("way", [("--offline",), ("--live", "--unsafe")])
def test_what_libvirt_moves_to_another_host_moves_in_openstack(filled, hosts, shared, way):
    ident, source, target = str(uuid.uuid4()), libvirt_of(hosts[0]), libvirt_of(hosts[1])
    disk = shared / "disk.qcow2"
    assert not run("qemu-img", "create", "-f", "qcow2", str(disk), "64M").code
    definition = shared / "domain.xml"
    definition.write_text(domain_xml(ident, f"moved-{ident[:8]}", disk))
    try:
        assert not run("virsh", "-c", source, "define", str(definition)).code
        if "--live" in way:
            assert not run("virsh", "-c", source, "start", ident).code
        status = "ACTIVE" if "--live" in way else "SHUTOFF"
        eventually(lambda: shown(filled, ident) == (hosts[0].name, status), what="it is an instance on the first host")
        move = (*way, "--persistent", "--undefinesource", "--domain", ident, "--desturi", target)
        moved = run("virsh", "-c", source, "migrate", *move, "--migrateuri", f"tcp://{hosts[1].address}")
        assert not moved.code, moved
        eventually(lambda: shown(filled, ident) == (hosts[1].name, status), what="it is one on the second")
    finally:
        for uri in (source, target):
            run("virsh", "-c", uri, "destroy", ident)
            run("virsh", "-c", uri, "undefine", ident)


def shown(cloud: Any, ident: str) -> tuple[str, str] | None:
    """On which host OpenStack shows an instance, and in which state; ``None`` as long as there is none."""
    found = (one for one in cloud.compute.servers(all_projects=True) if one.id == ident)
    return next(((one.compute_host, one.status) for one in found), None)


def test_an_instance_moves_cold_from_one_host_to_the_other(filled, guests, hosts):
    filled.compute.migrate_server(guests[0].server, host=hosts[1].name)
    server = filled.compute.wait_for_server(guests[0].server, status="VERIFY_RESIZE", wait=240, interval=1)
    filled.compute.confirm_server_resize(server)
    moved = filled.compute.wait_for_server(server, wait=60, interval=1)
    assert moved.compute_host == hosts[1].name
    outside = next(filled.network.ips(port_id=port(filled, guests[0]).id)).floating_ip_address
    assert eventually(lambda: ping(outside), 120, "it answers on its floating IP again")


def test_a_machine_that_may_not_become_a_host_is_told_why_and_what_to_do(site, hosts):
    bare = site.host(3)
    token = site.token("hypervisor")
    where = ("--customer", site.region.customer, "--region", site.region.name)
    assert aloft("host", "token", "revoke", token["id"], *where).code == 0
    identity = bare.machine.root / "etc/machine-id"

    def refused(line: str) -> str:
        return bare.run("sh", "-c", f"({line}) 2>&1", check=False, seconds=120)

    assert "aloft host token" in refused(token["line"])
    line = site.token("hypervisor", uses=3)["line"]
    assert "another machine" in refused(f"{line} -s -- --name {hosts[0].name}")
    identity.write_text((hosts[0].machine.root / "etc/machine-id").read_text())
    assert "systemd-machine-id-setup" in refused(line)


def test_a_certificate_is_renewed_long_before_it_ends_and_no_connection_is_lost_for_it(site, hosts, filled):
    host, file = hosts[1], hosts[1].machine.root / "var/lib/aloft/agent/host.pem"
    slot, before = site.region.slot, connections(host)
    key, request = pki.new_request(host.name)
    path = f"{site.region.customer}/{site.region.name}"
    ageing = slots.authority(slot).sign_csr(request, host.name, path, days=20 / 1440)
    files.write(file, ageing + key)
    agent = host.machine.root / "run/aloft/aloft-agent.pid"
    host.run("kill", "-9", agent.read_text().split()[1])  # the next one looks at the certificate at once
    eventually(lambda: pki.serial(file.read_bytes()) != pki.serial(ageing), what="the certificate is renewed")
    assert pki.validity(file.read_bytes()).end > datetime.now(UTC) + timedelta(days=10)
    digest, loaded = link.digest(Layout.of(Paths(host.machine.root))), host.machine.root / "run/aloft/agent/link.loaded"
    eventually(lambda: digest in loaded.read_text(), what="the link shows the new one")
    assert site.wait(host, "ok")
    assert before
    assert before <= connections(host)


def connections(host: FarHost) -> set[str]:
    """The connections to the broker that a host's services have through the link, by their own ends."""
    listed = host.run("ss", "-Htn", "state", "established", f"( dport = :{link.AMQP_PORT} )")
    return {line.split()[2] for line in listed.splitlines()}


def test_roles_that_are_taken_away_leave_nothing_and_come_again(site, hosts, filled):
    one = hosts[0]
    region = site.region
    told("host", "deauthorise", region.customer, region.name, one.name)
    eventually(lambda: "br-int" not in one.run("ip", "link"), 60, "the bridge has gone")
    assert one.run("pgrep", "-f", "nova-compute", check=False) == ""
    told("host", "authorise", region.customer, region.name, one.name, "--role", "hypervisor")
    site.wait(one, "ok")
    eventually(lambda: _up(filled, one), 60, "nova-compute is up")


def test_the_certificate_of_a_removed_host_opens_nothing_any_more(site, hosts, tmp_path):
    region, bundle = site.region, tmp_path / "host.pem"
    bundle.write_bytes((hosts[0].machine.root / "var/lib/aloft/agent/host.pem").read_bytes())
    walled = [line.split()[0] for line in (PATHS.state / "edge/wall.map").read_text().splitlines()]
    names = [name for name in walled if f".{region.name}.{region.customer}." in name]
    opened = {name for name in names if said_to(bundle, name)}
    assert {name.partition(".")[0] for name in opened} >= {"agent", "amqp", "sync"}
    delete({"region": region.name, "name": hosts[0].name})
    assert {name for name in names if said_to(bundle, name)} == set()


def said_to(bundle: Path, name: str) -> bytes:
    """What is said behind a name of the edge to who shows a certificate; nothing when he is turned away."""
    context = ssl.create_default_context(cafile=str(PATHS.etc / "ca.pem"))
    context.load_cert_chain(bundle)
    try:
        with (
            socket.create_connection(("127.0.0.1", 443), timeout=30) as plain,
            context.wrap_socket(plain, server_hostname=name) as wire,
        ):
            wire.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
            answer = wire.recv(4096)
    except OSError:
        return b""
    return b"" if answer.startswith(b"HTTP/1.1 403 ") else answer
