"""Placement. It lives in Nova's process, which is nearly all that calls it (see :mod:`aloft.inside.nova`)."""

from aloft.controller.context import Context
from aloft.controller.declare import Endpoint, Files, Service
from aloft.controller.ini import render
from aloft.controller.services import shared


def _files(context: Context) -> Files:
    return {
        "placement/placement.conf": render(
            {
                "DEFAULT": {**shared.logging()},
                "placement_database": shared.database(context, "placement", "placement"),
                "api": {"auth_strategy": "keystone"},
                "keystone_authtoken": shared.authtoken(context, "placement"),
            }
        )
    }


SERVICE = Service(
    name="placement",
    within="nova",
    schemas=("placement",),
    migrate=(
        ("placement-manage", "--config-dir", "{conf}/placement", "db", "sync"),
        ("python", "-m", "aloft.inside.fill", "placement", "{conf}/placement/placement.conf"),
    ),
    online=(("placement-manage", "--config-dir", "{conf}/placement", "db", "online_data_migrations"),),
    status=("placement-status", "--config-dir", "{conf}/placement", "upgrade", "check"),
    roles=("admin", "service"),
    endpoints=(
        Endpoint(
            label="placement",
            process="placement",
            type="placement",
            description="OpenStack Placement",
            check="/resource_providers",
        ),
    ),
    files=_files,
)
