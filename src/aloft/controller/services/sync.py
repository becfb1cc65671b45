"""Sync: what hosts tell about themselves becomes OpenStack's records, in a process of its own beside Nova.

It is forked from Nova's zygote, reads Nova's config (its objects write Nova's records), and has a user, a schema and a
config file of its own for the rest.
"""

import json

from aloft.controller.context import Context
from aloft.controller.declare import Endpoint, Files, Process, Service, accepts
from aloft.controller.services import shared


def _files(context: Context) -> Files:
    return {
        "sync/sync.json": json.dumps(
            {
                "database": context.database_url("sync", "sync"),
                "region": context.spec.region,
                "login": shared.login(context, "sync"),
            },
            indent=1,
        )
    }


SERVICE = Service(
    name="sync",
    project="nova",
    schemas=("sync",),
    migrate=(("python", "-m", "aloft.inside.sync.schema", "{conf}/sync/sync.json"),),
    roles=("admin", "service"),
    endpoints=(Endpoint(label="sync", process="sync"),),
    processes=(
        Process(
            name="sync",
            entry="aloft.inside.sync.service:serve_region",
            arguments=lambda context: {
                "socket": str(context.slot.socket("sync")),
                "config": str(context.conf / "sync/sync.json"),
            },
            env=lambda context: {"OS_NOVA_CONFIG_DIR": str(context.conf / "nova")},
            after=("memcached", "keystone", "placement"),
            ready=accepts("sync"),
        ),
    ),
    files=_files,
)
