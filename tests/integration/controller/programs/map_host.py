"""Records a hypervisor as a host does by way of the conductor, in empty databases; prints what came of it as JSON.

Run by a release's Python with the path of a database file to make.
"""

import json
import sys
import uuid

import oslo_messaging
from nova import context, objects
from nova.conf import CONF
from nova_databases import make_databases

from aloft.inside.conductor import Conductor

HOST = "h1"


def prepare(file: str) -> context.RequestContext:
    """Make the databases, with the region's cell."""
    make_databases(file)
    oslo_messaging.TransportURL.parse(
        CONF, "none:///"
    )  # makes the bus's options known, which cells' addresses refer to
    admin = context.get_admin_context()
    for ident, name in ((objects.CellMapping.CELL0_UUID, "cell0"), (str(uuid.uuid4()), "region")):
        objects.CellMapping(
            admin, uuid=ident, name=name, transport_url="none:///", database_connection=f"sqlite:///{file}"
        ).create()
    return admin


def hypervisor(name: str) -> objects.ComputeNode:
    """One as nova-compute finds it, without a context, as it comes over the bus."""
    return objects.ComputeNode(
        host=HOST, hypervisor_hostname=name, uuid=str(uuid.uuid4()), vcpus=1, memory_mb=1, local_gb=1, vcpus_used=0,
        memory_mb_used=0, local_gb_used=0, hypervisor_type="QEMU", hypervisor_version=1, cpu_info="{}", mapped=0,
    )  # fmt: skip


def cell(admin: context.RequestContext) -> str | None:
    """Name of the cell that the host is mapped to; ``None`` when it is mapped to none."""
    found = [one for one in objects.HostMappingList.get_all(admin) if one.host == HOST]
    return found[0].cell_mapping.name if found else None


def main(file: str) -> None:
    """Record a hypervisor, and say where its host is mapped to, before and after."""
    admin = prepare(file)
    conductor = Conductor.__new__(Conductor)  # no bus: what it calls others by is not needed
    before = cell(admin)
    one = hypervisor("h1.example")
    one._context = admin
    conductor.object_action(admin, one, "create", (), {})
    after, unmapped = cell(admin), len(objects.ComputeNodeList.get_all_by_not_mapped(admin, 1))
    two = hypervisor("h1-again.example")
    two._context = admin
    conductor.object_action(admin, two, "create", (), {})
    print(json.dumps({"before": before, "after": after, "unmapped": unmapped, "again": cell(admin)}))


main(sys.argv[1])
