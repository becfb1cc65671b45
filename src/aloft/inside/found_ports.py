"""Ports of cards that were found on hosts, made many at a time in Neutron's own process.

Neutron makes a port in some 170 statements, most of which read back what was just written; the ports of a host full of
virtual machines would follow minutes after the instances. A port that was found carries nothing through OVN: it is
unbound, filters nothing and names its MAC and addresses itself. So its rows are written as they come to be, by one
statement for each table; OVN's part, which nothing waits for, follows from a thread of its own, and what that does not
get to is made by Neutron's maintenance, which looks for what is marked as not there yet.
"""

import ipaddress
import logging
import queue
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import netaddr
from neutron.db.models import ovn
from neutron.db.models_v2 import IPAllocation, Network, Port, Subnet
from neutron.db.port_security.models import PortSecurityBinding
from neutron.ipam.drivers.neutrondb_ipam.db_models import IpamAllocation, IpamSubnet
from neutron.plugins.ml2.models import PortBinding
from neutron_lib.context import get_admin_context
from neutron_lib.db import api as db_api
from neutron_lib.db.standard_attr import StandardAttribute
from oslo_utils import timeutils, uuidutils
from sqlalchemy import insert, select

from aloft.sync.facts import FOUND

_log = logging.getLogger(__name__)

Body = Mapping[str, Any]
"""What a request says of a port, as Neutron's API has checked it."""

_NOT_IN_OVN = -1
"""A revision by which Neutron's maintenance knows that OVN lacks a thing."""


def take_over(plugin: Any) -> None:
    """Have Neutron's core plugin make such ports by this module; all others, and doubtful ones, it makes itself."""
    usual = plugin.create_port_bulk
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_follow, args=(plugin, waiting), name="found ports", daemon=True).start()

    def create_port_bulk(context: Any, ports: Mapping[str, Any]) -> list[dict[str, Any]]:
        made = create(context, [one["port"] for one in ports["ports"]]) if context.is_admin else None
        if made is None:
            return list(usual(context, ports))
        shown = {port["id"]: port for port in plugin.get_ports(context, filters={"id": made})}
        for ident in made:
            waiting.put(ident)
        return [shown[ident] for ident in made]

    plugin.create_port_bulk = create_port_bulk


def _follow(plugin: Any, waiting: "queue.SimpleQueue[str]") -> None:
    """Make OVN's part of ports, one after the other."""
    context = get_admin_context()
    while True:
        ident = waiting.get()
        try:
            driver = plugin.mechanism_manager.mech_drivers["ovn"].obj
            driver._ovn_client.create_port(context, plugin.get_port(context, ident))
        except Exception as error:  # it is gone by now, or Neutron's maintenance will see to it
            _log.info("OVN's part of port %s is left to maintenance: %s", ident, error)


@db_api.retry_if_session_inactive()  # type: ignore[untyped-decorator]  # Neutron's libraries have no types
def create(context: Any, wanted: Sequence[Body]) -> list[str] | None:
    """Write the rows of ports that were found on hosts.

    Args:
        context: of the request.
        wanted: what each port shall be.

    Returns:
        Their identifiers, in the same order; ``None``, and nothing was written, where one of them is not of this kind,
        or a MAC or an address is taken or does not fit the network: Neutron says then what is wrong with it.
    """
    if not all(_is_found(port) for port in wanted):
        return None
    ports = [{**port, "id": uuidutils.generate_uuid(), "mac_address": _mac(port)} for port in wanted]
    with db_api.CONTEXT_WRITER.using(context):
        allocations = _allocations(context.session, ports)
        if allocations is None or not _fits(context.session, ports):
            return None
        _write(context.session, ports, allocations)
    return [port["id"] for port in ports]


def _is_found(port: Body) -> bool:
    """Whether it is plain: found, unbound, unfiltered, with its MAC, and addresses if any."""
    addresses, host = port.get("fixed_ips"), port.get("binding:host_id")
    return (
        isinstance(port.get("description"), str)
        and port["description"].startswith(FOUND)
        and port.get("port_security_enabled") is False
        and not isinstance(host, str)
        and isinstance(port.get("mac_address"), str)
        and isinstance(addresses, list)
        and all(one.get("subnet_id") and one.get("ip_address") for one in addresses)
        and not any(isinstance(port.get(name), list) and port[name] for name in ("security_groups", "extra_dhcp_opts"))
        and not (isinstance(port.get("allowed_address_pairs"), list) and port["allowed_address_pairs"])
        and not isinstance(port.get("qos_policy_id"), str)
    )


def _mac(port: Body) -> str:
    return str(netaddr.EUI(port["mac_address"], dialect=netaddr.mac_unix_expanded))


def _fits(session: Any, ports: Sequence[Body]) -> bool:
    """Whether the networks are there and no MAC is taken on its own."""
    networks = {port["network_id"] for port in ports}
    cards = {(port["network_id"], port["mac_address"]) for port in ports}
    there = session.scalars(select(Network.id).where(Network.id.in_(networks))).all()
    macs = {mac for _, mac in cards}
    taken = session.execute(
        select(Port.network_id, Port.mac_address).where(Port.network_id.in_(networks), Port.mac_address.in_(macs))
    )
    return len(cards) == len(ports) and set(there) == networks and not cards & {tuple(row) for row in taken}


def _allocations(session: Any, ports: Sequence[Body]) -> list[dict[str, str]] | None:
    """The addresses of all ports, with their subnets' pools; ``None`` where one is taken or does not fit."""
    asked = [(port, one["subnet_id"], one["ip_address"]) for port in ports for one in port["fixed_ips"]]
    subnets = {
        row.id: row
        for row in session.execute(
            select(Subnet.id, Subnet.network_id, Subnet.cidr, Subnet.gateway_ip, IpamSubnet.id.label("pool"))
            .join(IpamSubnet, IpamSubnet.neutron_subnet_id == Subnet.id)
            .where(Subnet.id.in_({ident for _, ident, _ in asked}))
        )
    }
    found = []
    for port, ident, address in asked:
        subnet = subnets.get(ident)
        if subnet is None or subnet.network_id != port["network_id"] or not _is_of(address, subnet):
            return None
        found.append(
            {
                "port_id": port["id"],
                "ip_address": str(ipaddress.ip_address(address)),
                "subnet_id": ident,
                "network_id": subnet.network_id,
                "ipam_subnet_id": subnet.pool,
            }
        )
    keys = {(one["ipam_subnet_id"], one["ip_address"]) for one in found}
    taken = session.execute(
        select(IpamAllocation.ipam_subnet_id, IpamAllocation.ip_address).where(
            IpamAllocation.ipam_subnet_id.in_({pool for pool, _ in keys}),
            IpamAllocation.ip_address.in_({address for _, address in keys}),
        )
    )
    return found if len(keys) == len(found) and not keys & {tuple(row) for row in taken} else None


def _is_of(address: str, subnet: Any) -> bool:
    """Whether a machine on the subnet can have the address."""
    ip, network = ipaddress.ip_address(address), ipaddress.ip_network(subnet.cidr)
    ends = (
        {network.network_address, network.broadcast_address} if network.num_addresses > 2 and ip.version == 4 else set()
    )
    return ip in network and ip not in ends and address != subnet.gateway_ip


def _write(session: Any, ports: Sequence[Body], allocations: Sequence[Mapping[str, str]]) -> None:
    now = timeutils.utcnow()
    common = {"resource_type": Port.__tablename__, "revision_number": 1, "created_at": now, "updated_at": now}
    attributes = session.scalars(
        insert(StandardAttribute.__table__).returning(StandardAttribute.__table__.c.id, sort_by_parameter_order=True),
        [{**common, "description": port["description"]} for port in ports],
    ).all()
    _insert(
        session,
        Port,
        [
            {
                "id": port["id"],
                "project_id": port["project_id"],
                "name": port.get("name") or "",
                "network_id": port["network_id"],
                "mac_address": port["mac_address"],
                "admin_state_up": port["admin_state_up"],
                "status": "DOWN",
                "device_id": port["device_id"],
                "device_owner": port["device_owner"],
                "ip_allocation": "immediate" if port["fixed_ips"] else "none",
                "standard_attr_id": attribute,
            }
            for port, attribute in zip(ports, attributes, strict=True)
        ],
    )
    _insert(session, PortSecurityBinding, [{"port_id": port["id"], "port_security_enabled": False} for port in ports])
    _insert(session, PortBinding, [{"port_id": port["id"], "vif_type": "unbound"} for port in ports])
    in_use = ("port_id", "ip_address", "subnet_id", "network_id")
    _insert(session, IPAllocation, [{name: one[name] for name in in_use} for one in allocations])
    reserved = ("ip_address", "ipam_subnet_id")
    _insert(
        session,
        IpamAllocation,
        [{"status": "ALLOCATED"} | {name: one[name] for name in reserved} for one in allocations],
    )
    _insert(
        session,
        ovn.OVNRevisionNumbers,
        [
            {
                "standard_attr_id": attribute,
                "resource_uuid": port["id"],
                "resource_type": "ports",
                "revision_number": _NOT_IN_OVN,
            }
            for port, attribute in zip(ports, attributes, strict=True)
        ],
    )


def _insert(session: Any, model: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        session.execute(insert(model.__table__), rows)
