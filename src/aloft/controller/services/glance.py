"""Glance: the metadata of images. Their data lies in the image libraries on the customer's hosts."""

from aloft.controller.context import Context
from aloft.controller.declare import Endpoint, Files, Process, Service, answers
from aloft.controller.ini import render
from aloft.controller.services import shared


def _files(context: Context) -> Files:
    etc = context.environment / "etc/glance"
    return {
        "glance/glance-api.conf": render(
            {
                "DEFAULT": {
                    **shared.logging(),
                    "enabled_backends": "web:http",
                    "enabled_import_methods": "[]",
                    "worker_self_reference_url": context.internal("image"),
                    "node_staging_uri": f"file://{context.slot.state / 'glance/staging'}",
                    "log_file": None,
                },
                "glance_store": {"default_backend": "web"},
                "os_glance_staging_store": {"filesystem_store_datadir": str(context.slot.state / "glance/staging")},
                "os_glance_tasks_store": {"filesystem_store_datadir": str(context.slot.state / "glance/tasks")},
                "database": shared.database(context, "glance", "glance"),
                "keystone_authtoken": shared.authtoken(context, "glance"),
                "paste_deploy": {"flavor": "keystone", "config_file": str(etc / "glance-api-paste.ini")},
                "oslo_messaging_notifications": shared.notifications(context, "glance"),
                "oslo_messaging_rabbit": shared.messaging(),
                "oslo_concurrency": shared.concurrency(context),
            }
        )
    }


SERVICE = Service(
    name="glance",
    project="glance",
    schemas=("glance",),
    migrate=(
        ("glance-manage", "--config-file", "{conf}/glance/glance-api.conf", "db_sync"),
        ("python", "-m", "aloft.inside.fill", "glance", "{conf}/glance/glance-api.conf"),
    ),
    status=("glance-status", "--config-file", "{conf}/glance/glance-api.conf", "upgrade", "check"),
    broker=True,
    roles=("admin", "service"),
    endpoints=(
        Endpoint(
            label="image",
            process="glance",
            type="image",
            description="OpenStack Image",
            check="/v2/images",
        ),
    ),
    processes=(
        Process(
            name="glance",
            entry="aloft.inside.glance:api",
            arguments=lambda context: {"socket": str(context.slot.socket("glance"))},
            env=lambda context: {"OS_GLANCE_CONFIG_DIR": str(context.conf / "glance")},
            after=("memcached",),
            ready=answers("glance"),
            listens=("glance",),
        ),
    ),
    files=_files,
)
