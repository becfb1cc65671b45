"""Which lists a proof compares: what the APIs of a restored controller say, with the rows that were backed up."""

from aloft.controller.check import Listing

_ALIVE = "SELECT {column} FROM {table} WHERE deleted = 0"

LISTS: tuple[Listing, ...] = (
    Listing("identity", "/v3/users", "users", {"keystone": "SELECT id FROM `user`"}),
    Listing("identity", "/v3/projects", "projects", {"keystone": "SELECT id FROM project WHERE is_domain = 0"}),
    Listing("identity", "/v3/roles", "roles", {"keystone": "SELECT id FROM role WHERE domain_id = '<<null>>'"}),
    Listing(
        "compute",
        "/v2.1/servers?all_tenants=1",
        "servers",
        {schema: _ALIVE.format(column="uuid", table="instances") for schema in ("nova", "nova_cell0")},
        paged=True,
    ),
    Listing(
        "compute",
        "/v2.1/flavors?is_public=None",
        "flavors",
        {"nova_api": "SELECT flavorid FROM flavors"},
        paged=True,
    ),
    Listing("network", "/v2.0/networks", "networks", {"neutron": "SELECT id FROM networks"}),
    Listing("network", "/v2.0/ports", "ports", {"neutron": "SELECT id FROM ports"}),
    Listing("network", "/v2.0/subnets", "subnets", {"neutron": "SELECT id FROM subnets"}),
    Listing("network", "/v2.0/routers", "routers", {"neutron": "SELECT id FROM routers"}),
    Listing(
        "image",
        "/v2/images?visibility=all",
        "images",
        {"glance": _ALIVE.format(column="id", table="images")},
        paged=True,
    ),
    Listing(
        "volume",
        "/v3/volumes?all_tenants=1",
        "volumes",
        {"cinder": _ALIVE.format(column="id", table="volumes")},
        paged=True,
    ),
    Listing(
        "placement",
        "/resource_providers",
        "resource_providers",
        {"placement": "SELECT uuid FROM resource_providers"},
        id="uuid",
    ),
)
