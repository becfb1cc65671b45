"""Placement."""

from aloft.controller.context import Context
from aloft.controller.declare import Endpoint, Files, Process, Service, answers
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
    project="placement",
    schemas=("placement",),
    migrate=(
        ("placement-manage", "--config-dir", "{conf}/placement", "db", "sync"),
        ("python", "-m", "aloft.inside.fill", "placement", "{conf}/placement/placement.conf"),
    ),
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
    processes=(
        Process(
            name="placement",
            entry="aloft.inside.placement:api",
            arguments=lambda context: {"socket": str(context.slot.socket("placement"))},
            env=lambda context: {"OS_PLACEMENT_CONFIG_DIR": str(context.conf / "placement")},
            after=("memcached",),
            ready=answers("placement"),
            listens=("placement",),
        ),
    ),
    files=_files,
)
