"""Ports of which OVN says what is on record already, which Neutron takes no notice of.

When Neutron connects to OVN it hears of every port that there is, and does for each what is done when one comes up or
goes down: some ten statements, one port after the other. With a thousand ports that keeps the process busy for most of
a minute after its start, while its first requests wait. What has the right status on record needs none of it, unless
it is an instance's, and so recent that the former process may have ended before it had told Nova.
"""

import datetime
from typing import Any

from neutron.common.ovn import utils
from neutron.db.models_v2 import Port
from neutron_lib import constants
from neutron_lib.context import get_admin_context
from neutron_lib.db import api as db_api
from neutron_lib.db.standard_attr import StandardAttribute
from oslo_utils import timeutils
from sqlalchemy import select

RECENT = datetime.timedelta(minutes=2)
"""Instances' ports that changed so lately are gone through again: Nova is told seconds after the record is written."""


def leave_alone(event: Any) -> None:
    """Have Neutron's class of events that tell of a port that came take no notice of those that are known."""
    usual = event.run

    def run(self: Any, what: str, row: Any, old: Any) -> None:
        up = utils.is_lsp_up(row) and utils.is_lsp_enabled(row)
        if row.type == "external" or not known(row.name, up):  # external ones: their gateways are seen to as well
            usual(self, what, row, old)

    event.run = run


def known(port: str, up: bool) -> bool:
    """Whether this status of a port is on record, and nobody waits to be told of it.

    Args:
        port: its identifier.
        up: whether OVN says that it is up.
    """
    query = select(Port.status, Port.device_owner, StandardAttribute.updated_at).join(
        StandardAttribute, Port.standard_attr_id == StandardAttribute.id
    )
    with db_api.CONTEXT_READER.using(get_admin_context()) as session:
        found = session.execute(query.where(Port.id == port)).first()
    if found is None:
        return False
    status, owner, changed = found
    if status != (constants.PORT_STATUS_ACTIVE if up else constants.PORT_STATUS_DOWN):
        return False
    return not owner.startswith(constants.DEVICE_OWNER_COMPUTE_PREFIX) or changed < timeutils.utcnow() - RECENT
