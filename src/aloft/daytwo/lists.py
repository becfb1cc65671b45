"""What day two asks of rows: those that the APIs' lists are compared with, and those that tell of unfinished work."""

from aloft.controller.check import Listing

_ALL = "SELECT id FROM {table}"
_ALIVE = "SELECT {column} FROM {table} WHERE deleted = 0"


def _alive(service: str, path: str, key: str, schemas: tuple[str, ...], column: str = "id", table: str = "") -> Listing:
    """What is listed in pages and, once deleted, stays in its table (which is called like the list, else ``table``)."""
    query = _ALIVE.format(column=column, table=table or key)
    return Listing(service, path, key, dict.fromkeys(schemas, query), paged=True)


LISTS: tuple[Listing, ...] = (
    Listing("identity", "/v3/users", "users", {"keystone": "SELECT id FROM `user`"}),
    Listing("identity", "/v3/projects", "projects", {"keystone": "SELECT id FROM project WHERE is_domain = 0"}),
    Listing("identity", "/v3/roles", "roles", {"keystone": "SELECT id FROM role WHERE domain_id = '<<null>>'"}),
    _alive("compute", "/v2.1/servers?all_tenants=1", "servers", ("nova", "nova_cell0"), "uuid", "instances"),
    Listing(
        "compute", "/v2.1/flavors?is_public=None", "flavors", {"nova_api": "SELECT flavorid FROM flavors"}, paged=True
    ),
    *(
        Listing("network", f"/v2.0/{key}", key, {"neutron": _ALL.format(table=key)})
        for key in ("networks", "ports", "subnets", "routers")
    ),
    _alive("image", "/v2/images?visibility=all", "images", ("glance",)),
    _alive("volume", "/v3/volumes?all_tenants=1", "volumes", ("cinder",)),
    Listing(
        "placement",
        "/resource_providers",
        "resource_providers",
        {"placement": "SELECT uuid FROM resource_providers"},
        id="uuid",
    ),
)

UNFINISHED: dict[str, str] = {
    "nova": "SELECT CONCAT('instance ', uuid, ': ', task_state) FROM instances"
    " WHERE deleted = 0 AND task_state IS NOT NULL AND vm_state <> 'error'",
    "cinder": "SELECT CONCAT('volume ', id, ': ', status) FROM volumes WHERE deleted = 0 AND status IN ('creating',"
    " 'attaching', 'detaching', 'deleting', 'extending', 'retyping', 'uploading', 'downloading', 'backing-up',"
    " 'restoring-backup', 'managing', 'maintenance')",
    "glance": "SELECT CONCAT('image ', id, ': ', status) FROM images WHERE deleted = 0 AND status IN ('saving',"
    " 'importing', 'uploading')",
}
"""For each schema a query of what is being done by a service that would have to do it to its end."""
