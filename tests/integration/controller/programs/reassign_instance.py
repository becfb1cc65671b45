"""Gives an instance to another project as sync does, in empty databases of Nova's; prints what came of it as JSON.

Run by a release's Python with the path of a database file to make.
"""

import json
import sys
from types import SimpleNamespace

from nova import context, objects
from nova_databases import make_databases

from aloft.inside.sync.instances import Instances

UUID = "11111111-1111-1111-1111-111111111111"
VOLUME = "22222222-2222-2222-2222-222222222222"


def make(admin: context.RequestContext) -> None:
    """Make an adopted instance with a volume."""
    flavor = objects.Flavor(
        admin, name="f", flavorid="f", vcpus=1, memory_mb=64, root_gb=1, ephemeral_gb=0, swap=0, rxtx_factor=1.0,
        vcpu_weight=0, disabled=False, is_public=True, extra_specs={}, projects=[],
    )  # fmt: skip
    flavor.create()
    marks = {"system_metadata": {"aloft:adopted": "yes"}, "metadata": {"aloft:delete_disks": "yes"}}
    instance = objects.Instance(
        admin, uuid=UUID, project_id="discovered", user_id="u", display_name="web", host="h1", flavor=flavor,
        vm_state="active", **marks,
    )  # fmt: skip
    instance.create()
    objects.InstanceMapping(
        admin, instance_uuid=UUID, project_id="discovered", user_id="u", queued_for_delete=False
    ).create()
    objects.RequestSpec(
        admin, instance_uuid=UUID, project_id="discovered", user_id="u", flavor=flavor, num_instances=1,
        image=None, numa_topology=None, pci_requests=None, retry=None, limits=None, instance_group=None,
        ignore_hosts=None, force_hosts=None, force_nodes=None, availability_zone=None, scheduler_hints={},
        security_groups=objects.SecurityGroupList(objects=[]),
    ).create()  # fmt: skip
    objects.BlockDeviceMapping(
        admin, instance_uuid=UUID, volume_id=VOLUME, source_type="volume", destination_type="volume",
        delete_on_termination=True,
    ).create()  # fmt: skip


def main(file: str) -> None:
    """Make an instance, and give it away."""
    make_databases(file)
    admin = context.get_admin_context()
    make(admin)
    instances = Instances(SimpleNamespace(user="u"))  # type: ignore[arg-type]  # as much as is needed
    care = instances.care(UUID)
    instances.reassign(UUID, "web")
    kinds = (objects.Instance.get_by_uuid, objects.InstanceMapping.get_by_instance_uuid)
    projects = [get(admin, UUID).project_id for get in (*kinds, objects.RequestSpec.get_by_instance_uuid)]
    told = care and [care.adopted, care.delete_disks, dict(care.volumes)]
    view = instances.views([UUID])[UUID]
    print(json.dumps({"projects": projects, "care": told, "view": [view.project, view.done_at]}))


main(sys.argv[1])
