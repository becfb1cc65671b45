"""What each zygote imports before it is frozen: everything that its children would import later.

The factories are imported, never the ``*.wsgi.api`` modules (they build their application at import) and never
``cinder.cmd.*`` (it patches the interpreter). Nothing here opens a database or a message bus.
"""

import importlib
import os
import pkgutil
from collections.abc import Iterable

THREADS_NOT_EVENTLET = {
    "OS_NOVA_DISABLE_EVENTLET_PATCHING": "1",
    "OS_CINDER_DISABLE_EVENTLET_PATCHING": "1",
    "ASGI_WORKERS": "1",  # neutron asks how many API workers share one hash ring
}


def _import(names: Iterable[str]) -> None:
    for name in names:
        importlib.import_module(name)


def _import_packages(names: Iterable[str]) -> None:
    """Import every module below the packages ``names`` (API extensions and the like, which load lazily by name).

    A module whose own optional library is not part of the release (LDAP's, for one) is left out: nothing can use it.
    """
    for name in names:
        package = importlib.import_module(name)
        for module in pkgutil.iter_modules(package.__path__, f"{name}."):
            if module.name.endswith(".tests"):
                continue
            try:
                importlib.import_module(module.name)
            except ModuleNotFoundError as missing:
                if (missing.name or "").split(".", 1)[0] == name.split(".", 1)[0]:
                    raise
                continue
            if module.ispkg:
                _import_packages((module.name,))


def _libraries() -> None:
    """Import what every OpenStack service meets at its first request or first database connection."""
    os.environ.update(THREADS_NOT_EVENTLET)
    backend = importlib.import_module("oslo_service.backend")
    backend.init_backend(backend.BackendType.THREADING)  # the first to ask decides for the whole process
    _import(
        (
            "cheroot.wsgi",
            "aloft.inside.announce",
            "aloft.inside.wsgi",
            "pymysql",
            "pymysql.cursors",
            "sqlalchemy.dialects.mysql.pymysql",
            "oslo_db.sqlalchemy.enginefacade",
            "oslo_db.sqlalchemy.exc_filters",
            "oslo_log.formatters",
            "oslo_policy.policy",
            "oslo_reports.guru_meditation_report",
            "dogpile.cache.backends.memcached",
            "oslo_cache.core",
            "oslo_cache._opts",
            "pymemcache.client.hash",
            "keystoneauth1.identity",
            "keystoneauth1.loading._plugins.identity.generic",
            "keystonemiddleware.auth_token",
            "keystoneclient",
            "encodings.idna",
            "stringprep",
            "paste.deploy.loadwsgi",
            "paste.urlmap",
            "webob.dec",
        )
    )


def _messaging() -> None:
    _import(
        (
            "oslo_messaging",
            "oslo_messaging._drivers.impl_rabbit",
            "oslo_messaging.rpc",
            "kombu.transport.pyamqp",
            "amqp",
            "oslo_service.service",
        )
    )


def keystone() -> None:
    """Preload Keystone."""
    _libraries()
    _import(
        (
            "keystone.server.flask.core",
            "keystone.server.flask.application",
            "keystone.server.backends",
            "keystone.cmd.bootstrap",
            "aloft.inside.keystone",
        )
    )
    _import_packages(
        (
            "keystone.assignment",
            "keystone.auth",
            "keystone.catalog",
            "keystone.common.policies",
            "keystone.credential",
            "keystone.identity.backends",
            "keystone.policy",
            "keystone.resource",
            "keystone.revoke",
            "keystone.token",
        )
    )
    _configure_mappers()


def placement() -> None:
    """Preload Placement."""
    _libraries()
    _import(("placement.wsgi", "placement.deploy", "aloft.inside.placement"))
    _import_packages(("placement.handlers", "placement.policies", "placement.objects", "placement.schemas"))
    _configure_mappers()


def nova() -> None:
    """Preload Nova: API, metadata, conductor, scheduler and console proxy share one parent."""
    os.environ.update(THREADS_NOT_EVENTLET)
    importlib.import_module("nova.monkey_patch").patch(backend="threading")  # before anything that knows eventlet
    _libraries()
    _messaging()
    # The spacing of a periodic task is read when its class is made, so here, before any customer's config is read.
    importlib.import_module("nova.conf").CONF.set_default("discover_hosts_in_cells_interval", 15, "scheduler")
    _import(
        (
            "nova.api.openstack.wsgi_app",
            "nova.api.openstack.compute.routes",
            "nova.api.metadata.handler",
            "nova.conductor.manager",
            "nova.scheduler.manager",
            "nova.scheduler.rpcapi",
            "nova.console.websocketproxy",
            "nova.console.securityproxy.rfb",
            "nova.cmd.baseproxy",
            "nova.db.main.api",
            "nova.db.api.api",
            "nova.network.neutron",
            "nova.volume.cinder",
            "nova.image.glance",
            "aloft.inside.nova",
        )
    )
    _import_packages(("nova.policies", "nova.scheduler.filters", "nova.scheduler.weights"))
    importlib.import_module("nova.objects").register_all()
    _configure_mappers()


def neutron() -> None:
    """Preload Neutron with ML2/OVN."""
    _libraries()
    _messaging()
    _import(
        (
            "neutron.server",
            "neutron.server.api",
            "neutron.service",
            "neutron.api.wsgi",
            "neutron.api.v2.router",
            "neutron.db.models_v2",
            "neutron.plugins.ml2.plugin",
            "neutron.plugins.ml2.drivers.ovn.mech_driver.mech_driver",
            "neutron.services.ovn_l3.plugin",
            "neutron.db.migration.models.head",
            "ovs.db.idl",
            "aloft.inside.neutron",
        )
    )
    _import_packages(
        (
            "neutron.conf.policies",
            "neutron.extensions",
            "neutron.objects",
            "neutron.pecan_wsgi",
            "neutron.plugins.ml2.drivers.ovn",
            "neutron_lib.api.definitions",
        )
    )
    _configure_mappers()


def glance() -> None:
    """Preload Glance."""
    _libraries()
    _import(
        (
            "glance.common.wsgi_app",
            "glance.api.v2.router",
            "glance.api.middleware.context",
            "glance.db.sqlalchemy.api",
            "glance_store._drivers.filesystem",
            "glance_store._drivers.http",
            "aloft.inside.glance",
        )
    )
    _import_packages(("glance.policies", "glance.api.v2"))
    _configure_mappers()


def cinder() -> None:
    """Preload Cinder: API and scheduler."""
    _libraries()
    _messaging()
    importlib.import_module("cinder.objects").register_all()
    _import(
        (
            "cinder.wsgi.wsgi",
            "cinder.api.v3.router",
            "cinder.scheduler.manager",
            "cinder.scheduler.filter_scheduler",
            "cinder.db.api",
            "aloft.inside.cinder",
        )
    )
    _import_packages(("cinder.policies", "cinder.api.contrib", "cinder.scheduler.filters", "cinder.scheduler.weights"))
    _configure_mappers()


def _configure_mappers() -> None:
    from sqlalchemy.orm import configure_mappers

    configure_mappers()
