"""Makes ports as ``aloft.inside.found_ports`` does, in an empty database of Neutron's; prints what came of it as JSON.

Run by a release's Python with the path of a database file to make.
"""

import json
import sys
from typing import Any

import neutron.db.migration.models.head  # noqa: F401  # all models
from neutron.db import models_v2
from neutron.ipam.drivers.neutrondb_ipam.db_models import IpamSubnet
from neutron_lib.context import get_admin_context
from neutron_lib.db import api, model_base
from neutron_lib.db.standard_attr import StandardAttribute
from oslo_config import cfg
from oslo_db import options
from sqlalchemy import func, select

from aloft.inside import found_ports


def body(last: int, **values: Any) -> dict[str, Any]:
    """A port as sync asks for it, with the MAC and the address that end so."""
    plain = {
        "project_id": "p",
        "name": "",
        "network_id": "n",
        "mac_address": f"52:54:00:00:00:{last:02x}",
        "admin_state_up": True,
        "device_id": "d",
        "device_owner": "compute:nova",
        "port_security_enabled": False,
        "fixed_ips": [{"subnet_id": "s", "ip_address": f"10.0.0.{last}"}],
        "description": "Found on h1",
    }
    return plain | values


def main(file: str) -> None:
    """Make them."""
    options.set_defaults(cfg.CONF, connection=f"sqlite:///{file}")
    cfg.CONF([])
    context = get_admin_context()
    with api.CONTEXT_WRITER.using(context) as session:
        model_base.BASEV2.metadata.create_all(session.connection())
        session.add(models_v2.Network(id="n", name="n", admin_state_up=True, status="ACTIVE"))
        session.flush()
        subnet = {"id": "s", "network_id": "n", "cidr": "10.0.0.0/24", "gateway_ip": "10.0.0.1", "ip_version": 4}
        session.add(models_v2.Subnet(**subnet, enable_dhcp=False))
        session.add(IpamSubnet(id="pool", neutron_subnet_id="s"))

    def asked(*ports: dict[str, Any]) -> int | None:
        made = found_ports.create(get_admin_context(), ports)
        return None if made is None else len(made)

    def addressed(address: str) -> list[dict[str, str]]:
        return [{"subnet_id": "s", "ip_address": address}]

    told = {
        "made": asked(body(10), body(11), body(12, fixed_ips=[])),
        "mac taken": asked(body(13), body(10, fixed_ips=[])),
        "address taken": asked(body(13), body(14, fixed_ips=addressed("10.0.0.10"))),
        "twice": asked(body(13), body(13)),
        "gateway": asked(body(1)),
        "broadcast": asked(body(255)),
        "elsewhere": asked(body(13, fixed_ips=addressed("10.0.1.13"))),
        "no network": asked(body(13, network_id="m", fixed_ips=[])),
        "bound": asked(body(13, **{"binding:host_id": "h1"})),
        "filtered": asked(body(13, port_security_enabled=True)),
        "not found": asked(body(13, description="made by hand")),
    }
    with api.CONTEXT_READER.using(get_admin_context()) as session:
        tables = ("ports", "portsecuritybindings", "ml2_port_bindings", "ipallocations", "ipamallocations")
        tables += ("ovn_revision_numbers",)
        known = model_base.BASEV2.metadata.tables
        told["rows"] = {name: session.scalar(select(func.count()).select_from(known[name])) for name in tables}
        attributes = session.execute(
            select(StandardAttribute.description, StandardAttribute.created_at, models_v2.Port.mac_address)
            .join(models_v2.Port, models_v2.Port.standard_attr_id == StandardAttribute.id)
            .order_by(models_v2.Port.mac_address)
        ).all()
        told["ports"] = [[mac, text, made is not None] for text, made, mac in attributes]
    print(json.dumps(told))


main(sys.argv[1])
