"""Tells Neutron of ports as OVN does when it is connected to; prints of which it takes notice, as JSON.

Run by a release's Python with the path of a database file to make.
"""

import datetime
import json
import sys
from types import SimpleNamespace

import neutron.db.migration.models.head  # noqa: F401  # all models
from neutron.db import models_v2
from neutron.plugins.ml2.drivers.ovn.mech_driver.ovsdb.ovsdb_monitor import LogicalSwitchPortCreateEvent
from neutron_lib.context import get_admin_context
from neutron_lib.db import api, model_base
from neutron_lib.db.standard_attr import StandardAttribute
from oslo_config import cfg
from oslo_db import options
from oslo_utils import timeutils
from sqlalchemy import update

from aloft.inside import known_ports

LONG_AGO = datetime.timedelta(hours=1)
PORTS = {
    "up": "ACTIVE",
    "down": "DOWN",
    "just-up": "ACTIVE",
    "came-up": "DOWN",
    "went-down": "ACTIVE",
    "external": "ACTIVE",
    "metadata": "DOWN",
}
UP = {"up", "just-up", "came-up", "external", "no-port"}


def main(file: str) -> None:
    """Tell of them."""
    options.set_defaults(cfg.CONF, connection=f"sqlite:///{file}")
    cfg.CONF([])
    context = get_admin_context()
    with api.CONTEXT_WRITER.using(context) as session:
        model_base.BASEV2.metadata.create_all(session.connection())
        session.add(models_v2.Network(id="n", name="n", admin_state_up=True, status="ACTIVE"))
        for number, (name, status) in enumerate(PORTS.items()):
            session.add(
                models_v2.Port(
                    id=name,
                    network_id="n",
                    mac_address=f"52:54:00:00:00:{number:02x}",
                    admin_state_up=True,
                    status=status,
                    device_id="d",
                    device_owner="network:distributed" if name == "metadata" else "compute:nova",
                )
            )
        session.flush()
        session.execute(update(StandardAttribute).values(updated_at=timeutils.utcnow() - LONG_AGO))
        for name in ("just-up", "metadata"):
            recent = StandardAttribute.id == session.get(models_v2.Port, name).standard_attr_id
            session.execute(update(StandardAttribute).where(recent).values(updated_at=timeutils.utcnow()))
    told: dict[str, list[str]] = {"up": [], "down": []}
    known_ports.leave_alone(LogicalSwitchPortCreateEvent)
    driver = SimpleNamespace(set_port_status_up=told["up"].append, set_port_status_down=told["down"].append)
    event = LogicalSwitchPortCreateEvent(driver)
    for name in (*PORTS, "no-port"):
        row = SimpleNamespace(name=name, up=[name in UP], enabled=[True], type="external" if name == "external" else "")
        event.run("create", row, None)
    print(json.dumps(told))


main(sys.argv[1])
