"""The network template of a region: which physical networks there are, what carries each on which hosts, the overlay.

From one template come the settings that each host gets and what the region's Neutron is told. Pure.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from aloft.base.errors import InvalidInput

INTEGRATION_BRIDGE = "br-int"
DEFAULT_MTU = 1500

DeviceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$")]
"""Name of a network card or bridge: at most 15 characters (Linux's IFNAMSIZ)."""

NetworkName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
VlanRange = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,4}(-[0-9]{1,4})?$")]
"""``100-199``, or one VLAN: ``300``."""

Mtu = Annotated[int, Field(ge=1280, le=9216)]


class Model(BaseModel):
    """A frozen value that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Carrier(Model):
    """What carries a physical network on one host, where it differs from the other hosts.

    Args:
        interface: network card that becomes part of the bridge.
        bridge: the bridge.
        address: address with prefix length that the bridge itself gets, so that the machine takes part in that network.
        absent: the host has nothing to do with this network.
    """

    interface: DeviceName | None = None
    bridge: DeviceName | None = None
    address: Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f.:]+/[0-9]{1,3}$")] | None = None
    absent: bool = False


class PhysicalNetwork(Model):
    """A network outside of OpenStack.

    Args:
        flat: whether it can be used untagged.
        vlans: ranges of VLANs that projects and administrators can use.
        bridge: the bridge on the hosts.
        interface: network card that becomes part of the bridge; ``None`` for a bridge of its own.
        mtu: of the network; ``None`` for the overlay's.
        hosts: by host, what is different there.
    """

    flat: bool = False
    vlans: tuple[VlanRange, ...] = ()
    bridge: DeviceName = "br-ex"
    interface: DeviceName | None = None
    mtu: Mtu | None = None
    hosts: dict[str, Carrier] = {}


class OverlayEnd(Model):
    """One host's end of the overlay; ``address`` is taken from the interface when it is left out."""

    interface: DeviceName | None = None
    address: Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f.:]+$")] | None = None


class Overlay(Model):
    """How hosts carry the traffic of project networks among each other.

    Args:
        type: the encapsulation.
        interface: the network card whose address is the host's end; ``None`` for the one to the default gateway.
        mtu: of that network; project networks get what the encapsulation leaves of it.
        hosts: by host, what is different there.
    """

    type: Literal["geneve", "vxlan"] = "geneve"
    interface: DeviceName | None = None
    mtu: Mtu = DEFAULT_MTU
    hosts: dict[str, OverlayEnd] = {}


class NetworkTemplate(Model):
    """The template; without another wish there is one flat network ``external`` on the bridge ``br-ex``."""

    physical_networks: dict[NetworkName, PhysicalNetwork] = Field(
        default_factory=lambda: {"external": PhysicalNetwork(flat=True)}
    )
    overlay: Overlay = Overlay()


def check(template: NetworkTemplate) -> NetworkTemplate:
    """Return the template when it can be brought about.

    Raises:
        InvalidInput: a network is neither flat nor has VLANs, a range is wrong, or two networks want the same device.
    """
    for name, network in template.physical_networks.items():
        if not network.flat and not network.vlans:
            raise InvalidInput(
                f"The physical network {name!r} is neither flat nor has VLANs.", "Make it flat, or give VLAN ranges."
            )
        _check_vlans(name, network)
    named = {host for network in template.physical_networks.values() for host in network.hosts}
    for host in ("", *sorted(named | set(template.overlay.hosts))):
        _check_devices(template, host)
    return template


def for_host(template: NetworkTemplate, host: str) -> dict[str, Any]:
    """What the template says to one host: ``{"physical_networks": {name: {…}}, "overlay": {…}}``."""
    overlay = template.overlay
    end = overlay.hosts.get(host, OverlayEnd())
    return {
        "physical_networks": {
            name: {"bridge": carrier.bridge, "interface": carrier.interface, "address": carrier.address}
            for name, carrier in carriers(template, host).items()
        },
        "overlay": {
            "type": overlay.type,
            "interface": end.interface or overlay.interface,
            "address": end.address,
            "mtu": overlay.mtu,
        },
    }


def carriers(template: NetworkTemplate, host: str) -> dict[str, Carrier]:
    """What carries each physical network on a host; one that the host has nothing to do with is left out."""
    found = {}
    for name, network in template.physical_networks.items():
        own = network.hosts.get(host, Carrier())
        if not own.absent:
            found[name] = Carrier(
                interface=own.interface or network.interface, bridge=own.bridge or network.bridge, address=own.address
            )
    return found


def ml2_sections(template: NetworkTemplate) -> dict[str, dict[str, Any]]:
    """Neutron's options that follow from the template, by section of ``ml2_conf.ini``."""
    networks = template.physical_networks
    mtus = [f"{name}:{network.mtu}" for name, network in sorted(networks.items()) if network.mtu is not None]
    ranges = [
        f"{name}:{low}:{high}" for name, network in sorted(networks.items()) for low, high in vlan_ranges(network.vlans)
    ]
    return {
        "ml2": {
            "tenant_network_types": template.overlay.type,
            "path_mtu": template.overlay.mtu,
            "physical_network_mtus": ",".join(mtus) or None,
        },
        "ml2_type_flat": {"flat_networks": ",".join(sorted(name for name, one in networks.items() if one.flat))},
        "ml2_type_vlan": {"network_vlan_ranges": ",".join(ranges)},
    }


def vlan_ranges(texts: Iterable[str]) -> list[tuple[int, int]]:
    """Ranges as numbers: ``("100-199", "300")`` becomes ``[(100, 199), (300, 300)]``."""
    found = []
    for text in texts:
        low, _, high = text.partition("-")
        found.append((int(low), int(high or low)))
    return sorted(found)


def _check_vlans(name: str, network: PhysicalNetwork) -> None:
    last = 0
    for low, high in vlan_ranges(network.vlans):
        if not 1 <= low <= high <= 4094:
            raise InvalidInput(
                f"{low}-{high} is no range of VLANs (physical network {name!r}).",
                "VLANs are 1 to 4094 (IEEE 802.1Q); give the lower one first.",
            )
        if low <= last:
            raise InvalidInput(
                f"The VLAN ranges of the physical network {name!r} overlap at {low}.", "Name each VLAN once."
            )
        last = high


def _check_devices(template: NetworkTemplate, host: str) -> None:
    """No two networks may want the same device of a host."""
    found = carriers(template, host)
    where = f" on host {host!r}" if host else ""
    if any(carrier.bridge == INTEGRATION_BRIDGE for carrier in found.values()):
        raise InvalidInput(
            f"The bridge {INTEGRATION_BRIDGE} is OVN's own{where}.", "Name another bridge, such as br-ex."
        )
    wanted: Counter[str] = Counter()
    for carrier in found.values():
        wanted.update(device for device in (carrier.bridge, carrier.interface) if device)
    if twice := [device for device, count in wanted.items() if count > 1]:
        raise InvalidInput(
            f"{twice[0]} would carry more than one physical network{where}.",
            "Give each physical network a bridge and a network card of its own; one of them can have many VLANs.",
        )
    overlay = template.overlay.hosts.get(host, OverlayEnd()).interface or template.overlay.interface
    if overlay is not None and overlay in {carrier.interface for carrier in found.values()}:
        bridge = next(carrier.bridge for carrier in found.values() if carrier.interface == overlay)
        raise InvalidInput(
            f"{overlay} becomes a part of the bridge {bridge}{where} and has no address of its own for the overlay.",
            f"Name {bridge} as the overlay's interface, or another network card.",
        )
