"""Follows a volume that comes and goes on a host, in an empty database of Nova's; prints what came of it as JSON.

Run by a release's Python with the path of a database file to make. Cinder and Nova's API are a table here.
"""

import json
import sys
from typing import Any

from nova import config, context, objects
from nova.conf import CONF
from nova.db.main import api as database
from nova.db.main import models

from aloft.base.errors import NotFound
from aloft.inside.sync.instances import Instances, Written
from aloft.sync.keys import ADOPTED, YES

VM = "6f1f1d7e-0000-4000-8000-000000000001"
VOLUME = "0b1e2d3c-1111-4222-8333-123456789abc"
ATTACHMENT = "a7c1e0de-1111-4222-8333-123456789abc"
DISK = {
    "target": "vda", "bus": "virtio", "device": "disk", "source": "file", "path": "/images/web", "serial": "", "gib": 1,
    "boot_order": 1, "elsewhere": False,
}  # fmt: skip
FAR = DISK | {"target": "vdc", "path": "/dev/vg/far", "source": "block", "gib": 500, "elsewhere": True}
DATA = DISK | {"target": "vdb", "source": "block", "path": "/dev/sdb", "serial": VOLUME, "boot_order": None}


class Cloud:
    """Has one volume."""

    def __init__(self) -> None:
        self.status = "available"
        self.detached: list[str] = []

    user = "u"

    def offers(self, service: str) -> bool:
        return service == "block-storage"

    def call(self, service: str, method: str, path: str, body: Any = None, headers: Any = None) -> Any:
        if service == "compute" and method == "DELETE":
            self.detached.append(path)
            return None
        if path == f"/volumes/{VOLUME}":
            return {"volume": {"id": VOLUME, "status": self.status, "attachments": []}}
        if path == "/attachments":
            return {"attachment": {"id": ATTACHMENT}}
        if path == f"/attachments/{ATTACHMENT}":
            return {"attachment": {"id": ATTACHMENT, "connection_info": None}}
        if path == f"/attachments/{ATTACHMENT}/action":
            self.status = "in-use"
            return None
        raise NotFound(path)


def facts(*disks: dict[str, Any]) -> dict[str, Any]:
    """Of a virtual machine with these disks."""
    machine = {"arch": "x86_64", "type": "q35", "firmware": "bios", "secure_boot": False}
    return {"disks": list(disks), "nics": [], "snapshots": [], "machine": machine}


def mappings() -> list[list[Any]]:
    """What Nova has on record of the instance's disks."""
    listed = objects.BlockDeviceMappingList.get_by_instance_uuid(context.get_admin_context(), VM)
    return sorted([one.device_name, one.destination_type, one.volume_id, one.boot_index] for one in listed)


def told(written: Written) -> list[list[str]]:
    """What was done about volumes."""
    return [[action.kind, action.volume] for action in written.volumes]


def main(file: str) -> None:
    """Follow it."""
    config.parse_args(["nova-api"], default_config_files=[])
    CONF.set_override("connection", f"sqlite:///{file}", "database")
    database.configure(CONF)
    objects.register_all()
    models.BASE.metadata.create_all(database.get_engine())
    asking = context.get_admin_context()
    flavor = objects.Flavor(asking, id=1, flavorid="f", name="f", vcpus=1, memory_mb=64, root_gb=1, ephemeral_gb=0)
    instance = objects.Instance(
        asking, uuid=VM, project_id="p", user_id="u", host="h1", system_metadata={ADOPTED: YES}, flavor=flavor
    )
    instance.create()
    cloud = Cloud()
    instances = Instances(cloud)  # type: ignore[arg-type]  # as much of it as is needed
    came = instances.update(VM, facts(DISK, DATA), {"disks"}, None, "p", [DISK])
    there = mappings()
    again = instances.update(VM, facts(DISK, DATA), {"disks"}, None, "p", [DISK])
    same = mappings() == there
    went = instances.update(VM, facts(DISK, FAR), {"disks"}, None, "p", [DISK, DATA])
    print(
        json.dumps(
            {
                "came": told(came), "there": there, "again": told(again), "same": same, "went": told(went),
                "left": mappings(), "detached": cloud.detached, "space": [came.space, went.space],
            }
        )
    )  # fmt: skip


main(sys.argv[1])
