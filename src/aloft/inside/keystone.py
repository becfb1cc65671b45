"""Keystone in a forked child: the API, and the seed that a controller declares.

The *seed* is a JSON document: what must exist in Keystone for a customer's controllers to work. It is brought about
through Keystone's own providers, so no API has to be up and no bootstrap command to be started::

    {"admin": {"username": str, "password": str, "project": str},
     "service_project": str,
     "services": [{"name": str, "type": str, "description": str}],
     "endpoints": [{"service_type": str, "region": str, "interface": str, "url": str}],
     "users": [{"name": str, "password": str, "roles": [str, ...]}],
     "regions": [str, ...]}
"""

import contextlib
import hashlib
import json
import sys
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aloft.inside.wsgi import make_server, serve

Seed = dict[str, Any]


def api(socket: str, seed: str, seeded: str, threads: str = "4") -> None:
    """Serve Keystone on the unix socket ``socket``, after the seed file ``seed`` has been brought about.

    ``seeded`` names the file that remembers which seed was applied last, so that a restart costs nothing. Config is
    found by ``OS_KEYSTONE_CONFIG_FILES``.
    """
    from keystone.server import wsgi

    sys.argv = ["keystone"]
    application = wsgi.initialize_public_application()
    _apply(Path(seed), Path(seeded))
    _load_policies()
    serve(make_server(application, socket, int(threads)))


def _load_policies() -> None:
    """Know all rules before the first request: of several at once, some would be judged by those half there."""
    from keystone.common.rbac_enforcer.enforcer import RBACEnforcer

    RBACEnforcer.suppress_deprecation_warnings = True
    RBACEnforcer()._enforcer.load_rules()


def apply_seed(seed: str, seeded: str) -> None:
    """Bring a changed seed about beside a running API (another region, another service)."""
    from keystone.server.flask import core

    sys.argv = ["keystone"]
    core.initialize_application(name="public", config_files=core._get_config_files())
    _apply(Path(seed), Path(seeded))


def _apply(seed: Path, seeded: Path) -> None:
    text = seed.read_bytes()
    mark = hashlib.sha256(text).hexdigest()
    if seeded.exists() and seeded.read_text() == mark:
        return
    _bring_about(json.loads(text))
    seeded.write_text(mark)


def _bring_about(seed: Seed) -> None:
    first = _bootstrapper()
    first.admin_username = seed["admin"]["username"]
    first.admin_password = seed["admin"]["password"]
    first.admin_role_name = "admin"
    first.project_name = seed["admin"]["project"]
    first.bootstrap()
    _users(seed, first.default_domain_id)
    _catalog(seed)


def _bootstrapper() -> Any:  # keystone.cmd.bootstrap.Bootstrapper
    """Keystone's own bootstrapper, which would load the backends that this process has loaded (and locked) already."""
    from keystone.cmd import bootstrap

    backends = bootstrap.backends
    bootstrap.backends = SimpleNamespace(load_backends=dict)
    try:
        return bootstrap.Bootstrapper()
    finally:
        bootstrap.backends = backends


def _users(seed: Seed, domain: str) -> None:
    """Make the services' users.

    Their passwords are 256 random bits, which no attacker can guess from a hash of any cost, so they are stored with
    bcrypt's lowest cost: every service logs in at each start, and a high cost would only slow that down.
    """
    import keystone.conf
    from keystone import exception
    from keystone.common import provider_api

    provide = provider_api.ProviderAPIs
    project = _named(
        lambda name: provide.resource_api.get_project_by_name(name, domain),
        lambda name: provide.resource_api.create_project(
            (ident := uuid.uuid4().hex),
            {"id": ident, "name": name, "domain_id": domain, "enabled": True, "description": "Services of Aloft"},
        ),
        seed["service_project"],
        exception.ProjectNotFound,
    )
    roles = {role["name"]: role["id"] for role in provide.role_api.list_roles()}
    keystone.conf.CONF.set_override("password_hash_rounds", 4, "identity")
    for user in seed["users"]:
        try:
            known = provide.identity_api.get_user_by_name(user["name"], domain)
            provide.identity_api.update_user(known["id"], {"password": user["password"]})
        except exception.UserNotFound:
            known = provide.identity_api.create_user(
                {"name": user["name"], "password": user["password"], "domain_id": domain, "enabled": True}
            )
        for role in user["roles"]:
            with contextlib.suppress(exception.Conflict):
                provide.assignment_api.add_role_to_user_and_project(known["id"], project["id"], roles[role])
    keystone.conf.CONF.clear_override("password_hash_rounds", "identity")


def _named(get: Any, create: Any, name: str, missing: type[Exception]) -> Any:
    try:
        return get(name)
    except missing:
        return create(name)


def _catalog(seed: Seed) -> None:
    from keystone import exception
    from keystone.common import provider_api

    catalog = provider_api.ProviderAPIs.catalog_api
    for region in seed["regions"]:
        with contextlib.suppress(exception.Conflict):
            catalog.create_region({"id": region})
    services = {service["type"]: service["id"] for service in catalog.list_services()}
    for service in seed["services"]:
        if service["type"] not in services:
            ident = uuid.uuid4().hex
            catalog.create_service(ident, {"id": ident, "enabled": True, **service})
            services[service["type"]] = ident
    wanted = {(services[e["service_type"]], e["region"], e["interface"]): e["url"] for e in seed["endpoints"]}
    for endpoint in catalog.list_endpoints():
        url = wanted.pop((endpoint["service_id"], endpoint["region_id"], endpoint["interface"]), None)
        if url is None:
            catalog.delete_endpoint(endpoint["id"])
        elif url != endpoint["url"]:
            catalog.update_endpoint(endpoint["id"], {**endpoint, "url": url})
    for (service_id, region, interface), url in wanted.items():
        ident = uuid.uuid4().hex
        reference = {"service_id": service_id, "region_id": region, "interface": interface, "url": url}
        catalog.create_endpoint(ident, {"id": ident, "enabled": True, **reference})
