"""Cinder: API and scheduler in one process. Volume services run on hosts with the role ``block-storage``."""

from aloft.controller.context import Context
from aloft.controller.declare import Endpoint, Files, Process, Service, answers
from aloft.controller.ini import render
from aloft.controller.services import shared


def _files(context: Context) -> Files:
    return {
        "cinder/cinder.conf": render(
            {
                "DEFAULT": {
                    **shared.logging(),
                    **shared.rpc_pool(),
                    "transport_url": context.transport_url("cinder"),
                    "host": "controller",
                    "my_ip": "127.0.0.1",
                    "auth_strategy": "keystone",
                    "state_path": str(context.slot.state / "cinder"),
                    "api_paste_config": str(context.environment / "etc/cinder/api-paste.ini"),
                    "resource_query_filters_file": str(context.environment / "etc/cinder/resource_filters.json"),
                    "glance_api_servers": context.internal("image"),
                    "service_down_time": 60,
                    "scheduler_driver_init_wait_time": 1,  # do not wait a minute for volume services at each start
                },
                "database": shared.database(context, "cinder", "cinder"),
                "keystone_authtoken": shared.authtoken(context, "cinder"),
                "service_user": shared.service_user(context, "cinder"),
                "nova": {**shared.login(context, "cinder"), "interface": "internal"},
                "oslo_messaging_notifications": shared.notifications(context, "cinder"),
                "oslo_messaging_rabbit": shared.messaging(),
                "oslo_concurrency": shared.concurrency(context),
                "coordination": {"backend_url": f"file://{context.slot.state / 'cinder/coordination'}"},
            }
        )
    }


SERVICE = Service(
    name="cinder",
    project="cinder",
    schemas=("cinder",),
    migrate=(("cinder-manage", "--config-file", "{conf}/cinder/cinder.conf", "db", "sync"),),
    online=(("cinder-manage", "--config-file", "{conf}/cinder/cinder.conf", "db", "online_data_migrations"),),
    status=("cinder-status", "--config-file", "{conf}/cinder/cinder.conf", "upgrade", "check"),
    broker=True,
    roles=("admin", "service"),
    optional=True,
    endpoints=(
        Endpoint(
            label="volume",
            process="cinder-api",
            type="block-storage",
            path="/v3",
            description="OpenStack Block Storage",
            check="/v3/volumes",
        ),
    ),
    processes=(
        Process(
            name="cinder-api",
            entry="aloft.inside.cinder:controller",
            arguments=lambda context: {
                "socket": str(context.slot.socket("cinder-api")),
                "config": str(context.conf / "cinder/cinder.conf"),
            },
            after=("memcached",),
            ready=answers("cinder-api"),
            listens=("cinder-api",),
        ),
    ),
    files=_files,
)
