"""Keystone: one per customer, in the customer's first region."""

import json

from aloft.controller.context import Context
from aloft.controller.declare import Endpoint, Files, Process, Service, answers
from aloft.controller.ini import render
from aloft.controller.services import shared

TOKEN_SECONDS = 8 * 3600
"""A working day: the portal's sessions end with their tokens."""


def _files(context: Context) -> Files:
    keys = context.slot.state / "keys"
    return {
        "keystone/keystone.conf": render(
            {
                "DEFAULT": {
                    **shared.logging(),
                    "public_endpoint": context.public("identity"),
                    "notification_format": "basic",
                },
                "database": shared.database(context, "keystone", "keystone"),
                "token": {"provider": "fernet", "expiration": TOKEN_SECONDS},
                "fernet_tokens": {"key_repository": str(keys / "fernet")},
                "fernet_receipts": {"key_repository": str(keys / "receipt")},
                "credential": {"key_repository": str(keys / "credential")},
                "cache": {
                    "enabled": True,
                    "backend": "dogpile.cache.pymemcache",
                    "memcache_servers": f"unix:{context.slot.socket('memcached')}",
                },
                "oslo_messaging_notifications": shared.notifications(context, "keystone"),
                "oslo_messaging_rabbit": shared.messaging(),
                "oslo_middleware": {"enable_proxy_headers_parsing": False},
                "auth": {"methods": "external,password,token,oauth1,mapped,application_credential,totp"},
            }
        ),
    }


SERVICE = Service(
    name="keystone",
    project="keystone",
    scope="customer",
    schemas=("keystone",),
    broker=True,
    migrate=(("keystone-manage", "--config-file", "{conf}/keystone/keystone.conf", "db_sync"),),
    status=("keystone-status", "--config-file", "{conf}/keystone/keystone.conf", "upgrade", "check"),
    endpoints=(
        Endpoint(
            label="identity",
            process="keystone",
            type="identity",
            path="/v3",
            description="OpenStack Identity",
            check="/v3/projects",
        ),
    ),
    processes=(
        Process(
            name="keystone",
            entry="aloft.inside.keystone:api",
            arguments=lambda context: {
                "socket": str(context.slot.socket("keystone")),
                "seed": str(context.conf / "keystone/seed.json"),
                "seeded": str(context.conf / "keystone/seeded"),
            },
            env=lambda context: {"OS_KEYSTONE_CONFIG_FILES": str(context.conf / "keystone/keystone.conf")},
            after=("memcached",),
            ready=answers("keystone"),
            listens=("keystone",),
        ),
    ),
    files=_files,
)


def seed(context: Context, services: tuple[Service, ...], regions: tuple["Context", ...]) -> str:
    """What must exist in the customer's Keystone: users and catalog of all the customer's regions.

    Args:
        context: the controller that hosts Keystone.
        services: the services that are on.
        regions: the customer's controllers, this one among them.
    """
    catalog = [(service, endpoint) for service in services for endpoint in service.endpoints if endpoint.type]
    return json.dumps(
        {
            "admin": {"username": "admin", "password": context.secrets.admin, "project": "admin"},
            "service_project": "service",
            "regions": [region.spec.region for region in regions],
            "services": [
                {"name": service.name, "type": endpoint.type, "description": endpoint.description}
                for service, endpoint in catalog
            ],
            "users": [
                {
                    "name": service.name,
                    "password": context.secrets.keystone[service.name],
                    "roles": list(service.roles),
                }
                for service in services
                if service.roles
            ],
            "endpoints": [
                {
                    "service_type": endpoint.type,
                    "region": region.spec.region,
                    "interface": interface,
                    "url": url(endpoint.label, endpoint.path),
                }
                for region in regions
                for _, endpoint in catalog
                for interface, url in (("public", region.public), ("internal", region.internal))
            ],
        }
    )
