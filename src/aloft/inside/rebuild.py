"""Write Neutron's database anew from what OVN still knows, after it was lost and made empty.

python -m aloft.inside.rebuild NORTHBOUND SYNC_CONFIG NEUTRON_CONFIG [NEUTRON_CONFIG ...]

Runs while Neutron does not. Everything is written through Neutron's own plugin and objects with the identifiers that it
had, and without OVN's driver, so OVN is only read and no packet takes notice. What was rebuilt and what could not be is
left in the sync service's schema, under ``rebuilt``.
"""

import configparser
import json
import logging
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aloft.base.errors import TemporaryError
from aloft.inside.sync.store import Store
from aloft.sync.northbound import TABLES, Found, Loss, Thing, plain, understand
from aloft.sync.records import Entry

_log = logging.getLogger(__name__)

_PATIENCE = 30.0
_PIECE = 1 << 16


def read(northbound: str, ranges: Mapping[tuple[str, str], str]) -> Found:
    """Read OVN's northbound database through its socket (RFC 7047).

    Args:
        northbound: the socket.
        ranges: subnets that sync made: (network, CIDR) → identifier.

    Raises:
        TemporaryError: it does not answer.
    """
    asked = [{"op": "select", "table": table, "where": []} for table in TABLES]
    message = {"method": "transact", "params": ["OVN_Northbound", *asked], "id": 1}
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(_PATIENCE)
            link.connect(northbound)
            link.sendall(json.dumps(message).encode())
            answer = _answer(link)
    except (OSError, ValueError) as error:
        raise TemporaryError(f"OVN's northbound database cannot be read: {error}.", "See the log of ovn-nb.") from error
    tables = {
        table: {plain(row["_uuid"]): {name: plain(value) for name, value in row.items()} for row in told["rows"]}
        for table, told in zip(TABLES, answer["result"], strict=True)
    }
    return understand(tables, ranges)


def _answer(link: socket.socket) -> dict[str, Any]:
    """The one message that comes, which has no end but its own."""
    decoder, text = json.JSONDecoder(), ""
    received = b""
    while piece := link.recv(_PIECE):
        received += piece
        if len(piece) == _PIECE:
            continue
        try:
            text = received.decode()
            return dict(decoder.raw_decode(text)[0])
        except ValueError:
            continue
    raise ValueError(f"the connection ended after {len(text)} characters")


class Writer:
    """Writes into Neutron's database.

    Args:
        configs: Neutron's config files.
    """

    def __init__(self, configs: Iterable[str]) -> None:
        self._plugin = _plugin(configs)
        from neutron_lib import context

        self._context = context.get_admin_context()
        self.rebuilt: Counter[str] = Counter()
        self.losses: list[Loss] = []

    def write(self, found: Found) -> None:
        """Write everything that was found; what Neutron refuses is counted as lost, with its reason."""
        from neutron_lib.exceptions import NeutronException
        from oslo_db.exception import DBError

        writers: Mapping[str, Callable[[Thing], None]] = {
            "network": self._network,
            "subnet": self._subnet,
            "port": self._port,
            "router": self._router,
            "floating address": self._floating,
            "security group": self._group,
            "rule": self._rule,
        }
        for thing in found.things:
            try:
                writers[thing.kind](thing)
                self._number(thing)
            except (NeutronException, DBError) as error:
                _log.warning("%s %s: %s", thing.kind, thing.ident, error)
                self.losses.append(Loss(thing.kind, thing.ident, f"all of it: {error}"[:500]))
                continue
            self.rebuilt[thing.kind] += 1
        self.losses += found.losses

    def _network(self, thing: Thing) -> None:
        from neutron_lib.plugins import utils

        body = {"id": thing.ident, "admin_state_up": True, "shared": False, **thing.values}
        utils.create_network(self._plugin, self._context, {"network": body}, check_allow_post=False)

    def _subnet(self, thing: Thing) -> None:
        from neutron_lib.plugins import utils

        body = {"id": thing.ident, "name": "", **thing.values}
        utils.create_subnet(self._plugin, self._context, {"subnet": body}, check_allow_post=False)

    def _port(self, thing: Thing) -> None:
        from neutron_lib.plugins import utils

        values = dict(thing.values)
        host, up, vnic = values.pop("host"), values.pop("up"), values.pop("vnic_type")
        utils.create_port(self._plugin, self._context, {"port": {"id": thing.ident, **values}}, check_allow_post=False)
        self._bind(thing.ident, host, vnic, up)

    def _bind(self, port: str, host: str, vnic: str, up: bool) -> None:
        """Note where a port is bound, as OVN's driver would have."""
        from neutron.db import models_v2
        from neutron.db.models.segment import NetworkSegment
        from neutron.plugins.ml2 import models
        from neutron_lib.db import api

        with api.CONTEXT_WRITER.using(self._context):
            session = self._context.session
            row = session.query(models_v2.Port).filter_by(id=port).one()
            row.status = "ACTIVE" if up else "DOWN"
            if not host:
                return
            bound = {"host": host, "vnic_type": vnic, "vif_type": "ovs"}
            details = json.dumps({"port_filter": True, "connectivity": "l2", "bound_drivers": {"0": "ovn"}})
            session.query(models.PortBinding).filter_by(port_id=port).update({**bound, "vif_details": details})
            segment = session.query(NetworkSegment).filter_by(network_id=row.network_id).first()
            if segment is not None:
                session.add(
                    models.PortBindingLevel(port_id=port, host=host, level=0, driver="ovn", segment_id=segment.id)
                )

    def _router(self, thing: Thing) -> None:
        from neutron.objects import router as objects

        values = dict(thing.values)
        ports, routes = values.pop("ports"), values.pop("routes")
        objects.Router(self._context, id=thing.ident, status="ACTIVE", **values).create()
        objects.RouterExtraAttributes(self._context, router_id=thing.ident).create()
        for port, owner in ports.items():
            objects.RouterPort(self._context, router_id=thing.ident, port_id=port, port_type=owner).create()
        for destination, hop in routes:
            objects.RouterRoute(
                self._context, router_id=thing.ident, destination=_network(destination), nexthop=_address(hop)
            ).create()

    def _floating(self, thing: Thing) -> None:
        """A floating address, and the port that holds it in its network, of which OVN knows nothing."""
        from neutron.objects import router as objects
        from neutron_lib.plugins import utils

        values = dict(thing.values)
        holder = {
            "network_id": values["floating_network_id"],
            "mac_address": values.pop("mac_address"),
            "fixed_ips": [{"ip_address": values["floating_ip_address"]}],
            "device_id": thing.ident,
            "device_owner": "network:floatingip",
            "project_id": "",
            "name": "",
            "admin_state_up": True,
        }
        port = utils.create_port(self._plugin, self._context, {"port": holder}, check_allow_post=False)
        addresses = {name: _address(values.pop(name)) for name in ("floating_ip_address", "fixed_ip_address")}
        objects.FloatingIP(
            self._context, id=thing.ident, status="ACTIVE", floating_port_id=port["id"], **values, **addresses
        ).create()

    def _group(self, thing: Thing) -> None:
        from neutron.objects import securitygroup as objects

        name = f"rebuilt-{thing.ident[:8]}"
        objects.SecurityGroup(self._context, id=thing.ident, name=name, is_default=False, **thing.values).create()

    def _rule(self, thing: Thing) -> None:
        from neutron.objects import securitygroup as objects

        values = dict(thing.values)
        if values["remote_ip_prefix"] is not None:
            values["remote_ip_prefix"] = _network(values["remote_ip_prefix"])
        objects.SecurityGroupRule(self._context, id=thing.ident, **values).create()

    def _number(self, thing: Thing) -> None:
        """Go on with the number of changes that OVN has seen: it would take later changes for older ones."""
        import sqlalchemy as sa
        from neutron.db import ovn_revision_numbers_db as numbers
        from neutron_lib.db import api
        from neutron_lib.db.standard_attr import StandardAttribute

        table = StandardAttribute.__table__
        kinds = [_TYPES[thing.kind]]
        if thing.kind == "port" and thing.values["device_owner"].startswith("network:router"):
            kinds.append("router_ports")
        number = 0
        with api.CONTEXT_WRITER.using(self._context):
            ident = numbers._get_standard_attr_id(self._context, thing.ident, kinds[0])
            held = self._context.session.execute(sa.select(table.c.revision_number).where(table.c.id == ident))
            number = max(held.scalar() or 0, thing.revision or 0)
            self._context.session.execute(sa.update(table).where(table.c.id == ident).values(revision_number=number))
        for kind in kinds:
            numbers.create_initial_revision(self._context, thing.ident, kind, number, may_exist=True)


_TYPES = {
    "network": "networks",
    "subnet": "subnets",
    "port": "ports",
    "router": "routers",
    "floating address": "floatingips",
    "security group": "security_groups",
    "rule": "security_group_rules",
}
"""Our words for Neutron's (``neutron.common.ovn.constants.TYPE_…``)."""


def _plugin(configs: Iterable[str]) -> Any:
    """Neutron's core plugin, which tells nobody of what it does, and touches nothing but its database."""
    from neutron import manager
    from neutron.api import extensions
    from neutron.common import config
    from neutron.db.securitygroups_db import SecurityGroupDbMixin
    from neutron_lib.api import attributes
    from neutron_lib.plugins import directory

    config.register_common_config_options()
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as quiet:
        quiet.write(_QUIET)
        quiet.flush()
        config.init([f"--config-file={name}" for name in (*configs, quiet.name)])
    # A project's default group is made when somebody first needs one, and by then together with what OVN has of it.
    SecurityGroupDbMixin._ensure_default_security_group = lambda *_, **__: None
    manager.init()
    extensions.PluginAwareExtensionManager.get_instance().extend_resources("2.0", attributes.RESOURCES)
    return directory.get_plugin()


_QUIET = """[DEFAULT]
transport_url = fake://
service_plugins =
notify_nova_on_port_status_changes = false
notify_nova_on_port_data_changes = false
[ml2]
mechanism_drivers =
[oslo_messaging_notifications]
driver = noop
transport_url = fake://
"""
"""Leaves OVN's driver, services and notifications out."""


def _network(text: str) -> Any:
    import netaddr

    return netaddr.IPNetwork(text)


def _address(text: str) -> Any:
    import netaddr

    return netaddr.IPAddress(text)


def main(northbound: str, sync_config: str, *configs: str) -> None:
    """Read, write, and leave word of it."""
    told = configparser.RawConfigParser()
    told.read_string(Path(sync_config).read_text())
    store = Store(told["database"]["connection"])
    found = read(northbound, store.ranges())
    writer = Writer(configs)
    writer.write(found)
    report = {
        "at": time.time(),
        "rebuilt": dict(writer.rebuilt),
        "lost": [asdict(loss) for loss in writer.losses],
    }
    note = ", ".join(f"{many} {kind}" for kind, many in writer.rebuilt.items())
    entry = Entry(time.time(), "", "policy", "rebuilt", "rebuilt", who="", source="rebuild", note=note)
    store.decide("rebuilt", report, entry)
    print(json.dumps(report["rebuilt"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
