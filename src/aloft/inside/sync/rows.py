"""Rows of Nova's databases as Nova's objects write them, for many instances at once.

An object writes the rows of one instance in a dozen statements and reads them back, which is most of what adopting one
takes. What an object makes of a value (a flavor, what the scheduler knows) is still asked of the object, once for all
instances that share it.
"""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nova import objects
from nova.db.api import models as api_models
from nova.db.main import models
from sqlalchemy import insert

from aloft.inside.sync.origins import Values

NOBODY = "00000000-0000-0000-0000-000000000000"
"""An instance that there is not."""


def write_instances(connection: Any, instances: Sequence[Values]) -> None:
    """Write instances with everything that goes with one, but for its disks.

    Args:
        connection: to the cell's database, in a transaction.
        instances: columns of each; besides ``flavor`` (Nova's), ``metadata`` and ``system_metadata``.
    """
    kept = _kept(instances)
    _write(connection, models.Instance, [_columns(models.Instance, one) for one in instances])
    _write(connection, models.InstanceIdMapping, [{"uuid": one["uuid"]} for one in instances])
    _write(connection, models.InstanceExtra, kept)
    empty = [{"instance_uuid": one["uuid"], "network_info": "[]"} for one in instances]
    _write(connection, models.InstanceInfoCache, empty)
    for name, model in (("metadata", models.InstanceMetadata), ("system_metadata", models.InstanceSystemMetadata)):
        pairs = [
            {"instance_uuid": one["uuid"], "key": key, "value": value}
            for one in instances
            for key, value in one[name].items()
        ]
        _write(connection, model, pairs)


def write_disks(connection: Any, disks: Mapping[str, Iterable[Values]]) -> None:
    """Write instances' block device mappings.

    Args:
        connection: to the cell's database, in a transaction.
        disks: columns of each disk, by the instance's UUID.
    """
    fixed = {"destination_type": "local", "guest_format": None, "no_device": False}
    several = {"image_id": None, "volume_size": None}
    rows = [
        {**several, **fixed, **disk, "instance_uuid": ident, "uuid": str(uuid.uuid4())}
        for ident, each in disks.items()
        for disk in each
    ]
    _write(connection, models.BlockDeviceMapping, rows)


def write_mappings(connection: Any, mappings: Sequence[Values]) -> None:
    """Write where the API finds instances; the connection is to the API's database, in a transaction."""
    _write(connection, api_models.InstanceMapping, mappings)


def write_specifications(connection: Any, specifications: Sequence[Values]) -> None:
    """Write what the scheduler knows of instances; the connection is to the API's database, in a transaction."""
    _write(connection, api_models.RequestSpec, specifications)


def specification(context: Any, flavor: Any, project: str, user: str, zone: str, hints: Mapping[str, Any]) -> str:
    """What the scheduler knows of an instance that is :data:`NOBODY`, as Nova keeps it."""
    spec = objects.RequestSpec.from_components(
        context,
        NOBODY,
        {},
        flavor,
        None,
        objects.InstancePCIRequests(instance_uuid=NOBODY, requests=[]),
        {"scheduler_hints": dict(hints)},
        None,
        zone,
        security_groups=objects.SecurityGroupList(),
        project_id=project,
        user_id=user,
    )
    return str(spec._get_update_primitives()["spec"])


def _kept(instances: Sequence[Values]) -> list[dict[str, Any]]:
    """What Nova keeps of instances as JSON."""
    flavors: dict[int, str] = {}
    for one in instances:
        flavor = one["flavor"]
        if flavor.id not in flavors:
            kept = {"cur": flavor.obj_to_primitive(), "old": None, "new": None}
            kept["cur"]["nova_object.data"]["description"] = None  # Nova keeps it with the flavor alone
            flavors[flavor.id] = json.dumps(kept)
    pairs = json.dumps(objects.KeyPairList(objects=[]).obj_to_primitive())
    return [
        {
            "instance_uuid": one["uuid"],
            "flavor": flavors[one["flavor"].id],
            "keypairs": pairs,
            "pci_requests": objects.InstancePCIRequests(instance_uuid=one["uuid"], requests=[]).to_json(),
        }
        for one in instances
    ]


def _columns(model: Any, values: Values) -> dict[str, Any]:
    """Those of the values that have a column; rows that are written together all name the same."""
    return {column.name: values[column.name] for column in model.__table__.columns if column.name in values}


def _write(connection: Any, model: Any, rows: Sequence[Values]) -> None:
    if rows:
        connection.execute(insert(model.__table__), [dict(row) for row in rows])
