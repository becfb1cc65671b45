"""Fills the demo customer's OpenStack through its own APIs, as its administrator would: from images to an instance.

Every function looks first and makes only what is missing, so running it again changes nothing.
"""

import math
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openstack
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from openstack.connection import Connection
from openstack.exceptions import SDKException

from aloft.base import files
from aloft.base.errors import PermanentError, TemporaryError
from aloft.ground import testimage

IMAGE = "hello"
INSTANCE = "hello"
KEYPAIR = "demo"
NETWORK = "demo"
ROUTER = "demo"
EXTERNAL = "external"
PROJECT_RANGE = "10.10.0.0/24"

OFF_SECONDS = 10.0
"""How long an instance is off before it is started: when a host starts, Nova brings up by itself what ran there."""


@dataclass(frozen=True)
class Size:
    """A flavor: memory in MiB, disk in GiB."""

    name: str
    memory: int
    cores: int
    disk: int


SIZES = (
    Size("m1.nano", 128, 1, 1),
    Size("m1.micro", 256, 1, 1),
    Size("m1.tiny", 512, 1, 1),
    Size("m1.small", 2048, 1, 20),
    Size("m1.medium", 4096, 2, 40),
    Size("m1.large", 8192, 4, 80),
    Size("m1.xlarge", 16384, 8, 160),
)


@dataclass(frozen=True)
class ExternalNetwork:
    """The network that floating IPs come from.

    Args:
        physical: name of the physical network on the hosts.
        range: addresses, in CIDR notation.
        gateway: this machine's own address in it.
        first: first address that may be given out.
        last: last one.
    """

    physical: str = "external"
    range: str = "172.24.4.0/24"
    gateway: str = "172.24.4.1"
    first: str = "172.24.4.10"
    last: str = "172.24.4.250"


class Demo:
    """The demo customer's resources.

    Args:
        cloud: name in clouds.yaml.
        cache: folder for the test image.
        keys: folder for the key pair.
        clock: seconds, to bound waits with.
    """

    def __init__(self, cloud: str, cache: Path, keys: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._connection: Connection | None = None
        self._cloud = cloud
        self._cache = cache
        self._keys = keys
        self._clock = clock

    @property
    def api(self) -> Any:
        """The customer's OpenStack (openstacksdk's types are incomplete, so it counts as untyped)."""
        if self._connection is None:
            self._connection = openstack.connect(cloud=self._cloud)
        return self._connection

    def image(self) -> str:
        """Upload the test image: kernel, ramdisk and an empty disk that names the two."""
        found = self.api.image.find_image(IMAGE)
        if found is not None and found.status == "active":
            return "is there"
        parts = testimage.build(self._cache)
        kernel = self._upload(f"{IMAGE}-kernel", parts.kernel, "aki", {})
        ramdisk = self._upload(f"{IMAGE}-ramdisk", parts.ramdisk, "ari", {})
        self._upload(IMAGE, parts.disk, "raw", {**parts.properties, "kernel_id": kernel, "ramdisk_id": ramdisk})
        return "was uploaded"

    def flavors(self) -> str:
        """Make the usual sizes, and small ones that an emulated processor can carry."""
        known = {flavor.name for flavor in self.api.compute.flavors()}
        lacking = [size for size in SIZES if size.name not in known]
        for size in lacking:
            self.api.compute.create_flavor(name=size.name, ram=size.memory, vcpus=size.cores, disk=size.disk)
        return f"made {len(lacking)}" if lacking else "are there"

    def networks(self, outside: ExternalNetwork) -> str:
        """Make the project network, the external network and the router between them."""
        made = []
        network = self.api.network
        project = network.find_network(NETWORK)
        if project is None:
            project = network.create_network(name=NETWORK)
            made.append("project network")
        subnet = next(iter(network.subnets(network_id=project.id)), None)  # it may have lost its name
        if subnet is None:
            subnet = network.create_subnet(name=NETWORK, network_id=project.id, ip_version=4, cidr=PROJECT_RANGE)
        external = network.find_network(EXTERNAL)
        if external is None:
            external = self._external(outside)
            made.append("external network")
        if not list(network.subnets(network_id=external.id)):
            self._external_subnet(external.id, outside)
        router = network.find_router(ROUTER)
        if router is None:
            router = network.create_router(name=ROUTER, external_gateway_info={"network_id": external.id})
            made.append("router")
        if not list(network.ports(device_id=router.id, network_id=project.id)):
            network.add_interface_to_router(router, subnet_id=subnet.id)
        return f"made {', '.join(made)}" if made else "are there"

    def access(self) -> str:
        """Let ping and SSH in, and register the key pair."""
        group = self.api.network.find_security_group("default", project_id=self.api.current_project_id)
        if group is None:
            raise PermanentError("The demo project has no security group `default`.", "Look into Neutron's log.")
        self._rule(group, "icmp", None)
        self._rule(group, "tcp", 22)
        public = self._public_key()
        found = self.api.compute.find_keypair(KEYPAIR)
        if found is not None and found.public_key.split()[:2] == public.split()[:2]:
            return "is there"
        if found is not None:
            self.api.compute.delete_keypair(found)
        self.api.compute.create_keypair(name=KEYPAIR, public_key=public)
        return "was made"

    def hypervisor(self, timeout: float) -> str:
        """Wait until an instance could be placed: a hypervisor that is up.

        Raises:
            TemporaryError: none came up in ``timeout`` seconds.
        """

        def look() -> str:
            up = [service for service in self.api.compute.services(binary="nova-compute") if service.state == "up"]
            return (
                ", ".join(sorted(service.host for service in up)) if up and list(self.api.compute.hypervisors()) else ""
            )

        return self._await(look, timeout, "No hypervisor of the demo customer came up", "Run `aloft doctor`.")

    def instance(self, timeout: float) -> str:
        """Boot the instance ``hello`` and wait until it is active.

        Raises:
            PermanentError: it went into an error.
            TemporaryError: it was not active after ``timeout`` seconds.
        """
        found = self.api.compute.find_server(INSTANCE)
        if found is not None and found.status == "ERROR":  # of an earlier run; what was wrong may be mended
            self.api.compute.delete_server(found)
            self.api.compute.wait_for_delete(found, wait=120)
            found = None
        if found is None:
            image = self.api.image.find_image(IMAGE, ignore_missing=False)
            flavor = self.api.compute.find_flavor("m1.nano", ignore_missing=False)
            network = self.api.network.find_network(NETWORK, ignore_missing=False)
            found = self.api.compute.create_server(
                name=INSTANCE,
                image_id=image.id,
                flavor_id=flavor.id,
                key_name=KEYPAIR,
                networks=[{"uuid": network.id}],
            )
        off_since = math.inf

        def look() -> str:
            nonlocal off_since
            server = self.api.compute.get_server(found.id)
            if server.status == "ERROR":
                why = (server.fault or {}).get("message", "Nova gives no reason")
                raise PermanentError(
                    f"The instance {INSTANCE} could not be made: {why}.",
                    "Look for the reason in /var/log/aloft/agent/nova-compute.log, and run the command again.",
                )
            off_since = min(off_since, time.monotonic()) if server.status == "SHUTOFF" else math.inf
            if server.task_state is None and time.monotonic() - off_since >= OFF_SECONDS:
                self.api.compute.start_server(server)
                off_since = math.inf
            return "is active" if server.status == "ACTIVE" else ""

        return self._await(look, timeout, f"The instance {INSTANCE} is not active", "Run `aloft doctor`.")

    def floating_ip(self) -> str:
        """Give the instance a floating IP, and return it."""
        network = self.api.network
        server = self.api.compute.find_server(INSTANCE, ignore_missing=False)
        port = next(iter(network.ports(device_id=server.id)), None)
        if port is None:
            raise TemporaryError(f"The instance {INSTANCE} has no port.", "Run the command again.")
        found = next(iter(network.ips(port_id=port.id)), None)
        if found is None:
            external = network.find_network(EXTERNAL, ignore_missing=False)
            found = network.create_ip(floating_network_id=external.id, port_id=port.id)
        return str(found.floating_ip_address)

    def answers(self, address: str, timeout: float) -> str:
        """Wait until the instance answers a ping on ``address``.

        Raises:
            TemporaryError: it did not in ``timeout`` seconds; the error has the end of its console.
        """

        def look() -> str:
            ping = ["ping", "-c", "1", "-W", "1", address]
            return address if subprocess.run(ping, capture_output=True, check=False).returncode == 0 else ""

        return self._await(look, timeout, f"The instance {INSTANCE} does not answer on {address}", self._hint())

    def _hint(self) -> str:
        return (
            f"See what it prints: openstack --os-cloud {self._cloud} console log show {INSTANCE}; then `aloft doctor`."
        )

    def _upload(self, name: str, file: Path, form: str, properties: dict[str, str]) -> str:
        """Make an image of a file unless an active one of that name is there; returns its id."""
        found = self.api.image.find_image(name)
        if found is not None and found.status == "active":
            return str(found.id)
        if found is not None:
            self.api.image.delete_image(found)
        container = form if form in ("aki", "ari") else "bare"
        made = self.api.image.create_image(
            name=name,
            filename=str(file),
            disk_format=form,
            container_format=container,
            visibility="public",
            wait=True,
            **properties,
        )
        return str(made.id)

    def _external(self, outside: ExternalNetwork) -> Any:
        return self.api.network.create_network(
            name=EXTERNAL,
            is_router_external=True,
            is_shared=False,
            provider_network_type="flat",
            provider_physical_network=outside.physical,
        )

    def _external_subnet(self, network: str, outside: ExternalNetwork) -> None:
        self.api.network.create_subnet(
            name=EXTERNAL,
            network_id=network,
            ip_version=4,
            cidr=outside.range,
            gateway_ip=outside.gateway,
            is_dhcp_enabled=False,
            allocation_pools=[{"start": outside.first, "end": outside.last}],
        )

    def _rule(self, group: Any, protocol: str, port: int | None) -> None:
        known = self.api.network.security_group_rules(
            security_group_id=group.id, direction="ingress", protocol=protocol
        )
        if any(rule.port_range_min == port and rule.remote_group_id is None for rule in known):
            return
        self.api.network.create_security_group_rule(
            security_group_id=group.id,
            direction="ingress",
            ether_type="IPv4",
            protocol=protocol,
            port_range_min=port,
            port_range_max=port,
        )

    def _public_key(self) -> str:
        """The public half of the demo's key pair, which is made here and stays here."""
        private, public = self._keys / "demo.key", self._keys / "demo.pub"
        if not (private.exists() and public.exists()):
            key = Ed25519PrivateKey.generate()
            form = serialization.PrivateFormat.OpenSSH
            text = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
            files.folder(self._keys, mode=0o700)
            files.write(private, text, mode=0o600)
            shown = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
            files.write(public, shown + b" demo\n", mode=0o644)
        return public.read_text()

    def _await(self, look: Callable[[], str], timeout: float, what: str, remedy: str) -> str:
        """Ask again and again until there is an answer."""
        end = self._clock() + timeout
        trouble = ""
        while True:
            try:
                if answer := look():
                    return answer
            except SDKException as error:
                trouble = f" ({error})"
            if self._clock() >= end:
                raise TemporaryError(f"{what} within {timeout:.0f} s{trouble}.", remedy)
            time.sleep(0.5)
