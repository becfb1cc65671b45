"""Sync: what hosts tell about themselves becomes OpenStack's records.

It lives in Nova's process (see :mod:`aloft.inside.nova`) and has a user, a schema and a config file of its own. Hosts
reach it by the name ``sync``, which wants their certificate; administrators, with a token, by ``sync-api``.
"""

from aloft.controller.context import Context
from aloft.controller.declare import Endpoint, Files, Service
from aloft.controller.ini import render
from aloft.controller.services import shared

CONFIG = "sync/sync.conf"


def _files(context: Context) -> Files:
    return {
        CONFIG: render(
            {
                "database": shared.database(context, "sync", "sync"),
                "image_database": shared.database(context, "glance", "glance"),
                "keystone": shared.client(context, "sync"),
            }
        )
    }


SERVICE = Service(
    name="sync",
    within="nova",
    schemas=("sync",),
    migrate=(("python", "-m", "aloft.inside.sync.schema", f"{{conf}}/{CONFIG}"),),
    roles=("admin", "service"),
    endpoints=(Endpoint(label="sync", process="sync"), Endpoint(label="sync-api", process="sync")),
    files=_files,
)
