"""What day two asks of rows: those that the APIs' lists are compared with, and those that tell of unfinished work."""

from aloft.controller.check import Listing

_ALL = "SELECT id FROM {table}"
_ALIVE = "SELECT {column} FROM {table} WHERE deleted = 0"


def _alive(service: str, path: str, key: str, schema: str) -> Listing:
    """What is listed in pages and, once deleted, stays in its table, which is called like the list."""
    return Listing(service, path, key, {schema: _ALIVE.format(column="id", table=key)}, paged=True)


LISTS: tuple[Listing, ...] = (
    Listing("identity", "/v3/users", "users", {"keystone": "SELECT id FROM `user`"}),
    Listing("identity", "/v3/projects", "projects", {"keystone": "SELECT id FROM project WHERE is_domain = 0"}),
    Listing("identity", "/v3/roles", "roles", {"keystone": "SELECT id FROM role WHERE domain_id = '<<null>>'"}),
    Listing(
        "compute",
        "/v2.1/servers?all_tenants=1",
        "servers",
        {
            **dict.fromkeys(("nova", "nova_cell0"), _ALIVE.format(column="uuid", table="instances")),
            "nova_api": "SELECT instance_uuid FROM build_requests",  # listed, though no cell has them yet
        },
        paged=True,
    ),
    Listing(
        "compute", "/v2.1/flavors?is_public=None", "flavors", {"nova_api": "SELECT flavorid FROM flavors"}, paged=True
    ),
    *(
        Listing("network", f"/v2.0/{key}", key, {"neutron": _ALL.format(table=key)})
        for key in ("networks", "ports", "subnets", "routers")
    ),
    _alive("image", "/v2/images?visibility=all", "images", "glance"),
    _alive("volume", "/v3/volumes?all_tenants=1", "volumes", "cinder"),
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
    # what waits for a place longer than this was left behind by a scheduler that ended
    "nova_api": "SELECT CONCAT('instance ', instance_uuid, ': waits for a place') FROM build_requests"
    " WHERE created_at > UTC_TIMESTAMP() - INTERVAL 1 HOUR",
    "cinder": "SELECT CONCAT('volume ', id, ': ', status) FROM volumes WHERE deleted = 0 AND status IN ('creating',"
    " 'attaching', 'detaching', 'deleting', 'extending', 'retyping', 'uploading', 'downloading', 'backing-up',"
    " 'restoring-backup', 'managing', 'maintenance')",
    "glance": "SELECT CONCAT('image ', id, ': ', status) FROM images WHERE deleted = 0 AND status IN ('saving',"
    " 'importing', 'uploading')",
}
"""For each schema a query of what is being done by a service that would have to do it to its end."""
