"""What each zygote imports before it is frozen: everything that its children would import later.

The factories are imported, never the ``*.wsgi.api`` modules (they build their application at import) and never
``cinder.cmd.*`` (it patches the interpreter). Nothing here opens a database or a message bus.
"""

import importlib
import importlib.abc
import os
import pkgutil
import sys
from collections.abc import Iterable

from aloft.inside.libraries import LIBRARIES

THREADS_NOT_EVENTLET = {
    "OS_NOVA_DISABLE_EVENTLET_PATCHING": "1",
    "OS_CINDER_DISABLE_EVENTLET_PATCHING": "1",
    "ASGI_WORKERS": "1",  # neutron asks how many API workers share one hash ring
}

STORES = ("cinder", "filesystem", "http", "rbd", "s3", "swift", "vmware_datastore")
"""The drivers of images' stores that every release has."""


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


class _NoEventlet(importlib.abc.MetaPathFinder):
    """Keeps libraries that look for eventlet, only to be compatible with it, from loading it.

    Services run in native threads. Nova refuses to start so once eventlet has been imported; other projects import it
    themselves, still.
    """

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        """Find nothing, and let nobody else find eventlet."""
        if fullname.partition(".")[0] == "eventlet":
            raise ModuleNotFoundError("services run in native threads", name=fullname)


def common() -> None:
    """Preload what several projects use, and nothing that registers a project's options."""
    os.environ.update(THREADS_NOT_EVENTLET)
    no_eventlet = _NoEventlet()
    sys.meta_path.insert(0, no_eventlet)
    backend = importlib.import_module("oslo_service.backend")
    backend.init_backend(backend.BackendType.THREADING)  # the first to ask decides for the whole process
    _import(LIBRARIES)
    sys.meta_path.remove(no_eventlet)
    _warm_up()


def _warm_up() -> None:
    """Do once what each child would do for itself: OpenSSL's tables and MariaDB's dialect are made at first use."""
    ssl = importlib.import_module("ssl")
    ssl.create_default_context()
    sqlalchemy = importlib.import_module("sqlalchemy")
    engine = sqlalchemy.create_engine("mysql+pymysql://nobody@nowhere/nothing")
    table = sqlalchemy.Table("t", sqlalchemy.MetaData(), sqlalchemy.Column("id", sqlalchemy.Integer, primary_key=True))
    for statement in (table.select(), table.insert(), table.update().where(table.c.id == 1), table.delete()):
        statement.compile(engine)
    engine.dispose()


def keystone() -> None:
    """Preload Keystone."""
    _import(
        (
            "keystone.server.flask.core",
            "keystone.server.flask.application",
            "keystone.server.backends",
            "keystone.server.wsgi",
            "keystone.cmd.bootstrap",
            "aloft.inside.keystone",
        )
    )
    _import_packages(
        (
            "keystone.application_credential",
            "keystone.assignment",
            "keystone.auth",
            "keystone.catalog",
            "keystone.common.policies",
            "keystone.credential",
            "keystone.endpoint_policy",
            "keystone.federation.backends",
            "keystone.identity",
            "keystone.limit",
            "keystone.oauth1.backends",
            "keystone.policy",
            "keystone.receipt",
            "keystone.resource",
            "keystone.revoke",
            "keystone.token",
            "keystone.trust",
        )
    )
    _configure_mappers()


def nova() -> None:
    """Preload Nova and Placement."""
    os.environ.update(THREADS_NOT_EVENTLET)
    importlib.import_module("nova.monkey_patch").patch(backend="threading")
    # The spacing of a periodic task is read when its class is made, so here, before any customer's config is read.
    # It catches only those hosts that the conductor did not map in the moment in which they came.
    importlib.import_module("nova.conf").CONF.set_default("discover_hosts_in_cells_interval", 60, "scheduler")
    _import(
        (
            "nova.api.openstack.wsgi_app",
            "nova.api.openstack.compute.routes",
            "nova.api.metadata.handler",
            "nova.api.auth",
            "nova.api.compute_req_id",
            "nova.api.openstack.requestlog",
            "nova.api.openstack.urlmap",
            "nova.servicegroup.drivers.db",
            "nova.conductor.manager",
            "nova.scheduler.manager",
            "nova.scheduler.rpcapi",
            "nova.db.main.api",
            "nova.db.api.api",
            "nova.network.neutron",
            "nova.volume.cinder",
            "nova.image.glance",
            "aloft.inside.conductor",
            "aloft.inside.console",
            "aloft.inside.nova",
            "aloft.inside.sync.service",
            "keystonemiddleware.auth_token",
            "placement.wsgi",
            "placement.deploy",
        )
    )
    _import_packages(("placement.handlers", "placement.policies", "placement.objects", "placement.schemas"))
    _import_packages(("nova.policies", "nova.scheduler.filters", "nova.scheduler.weights"))
    importlib.import_module("nova.objects").register_all()
    _configure_mappers()


def neutron() -> None:
    """Preload Neutron with ML2/OVN."""
    os.environ.update(THREADS_NOT_EVENTLET)
    _import(
        (
            "neutron.auth",
            "neutron.server",
            "neutron.server.api",
            "neutron.service",
            "neutron.api.wsgi",
            "neutron.api.v2.router",
            "neutron.db.models_v2",
            "neutron.notifiers.nova",
            "neutron.plugins.ml2.plugin",
            "neutron.plugins.ml2.drivers.type_flat",
            "neutron.plugins.ml2.drivers.type_geneve",
            "neutron.plugins.ml2.drivers.type_local",
            "neutron.plugins.ml2.drivers.type_vlan",
            "neutron.plugins.ml2.drivers.type_vxlan",
            "neutron.plugins.ml2.drivers.ovn.mech_driver.mech_driver",
            "neutron.services.ovn_l3.plugin",
            "neutron.db.migration.models.head",
            "ovs.db.idl",
            "aloft.inside.found_ports",
            "aloft.inside.known_ports",
            "aloft.inside.neutron",
        )
    )
    _import_packages(
        (
            "neutron.conf.policies",
            "neutron.extensions",
            "neutron.ipam.drivers",
            "neutron.objects",
            "neutron.pecan_wsgi",
            "neutron.plugins.ml2.drivers.ovn",
            "neutron.plugins.ml2.extensions",
            "neutron.services.auto_allocate",
            "neutron.services.flavors",
            "neutron.services.l3_router",
            "neutron.services.logapi",
            "neutron.services.ovn_l3",
            # not neutron.services.portforwarding: what it needs depends on the config that is read when it is imported
            "neutron.services.qos",
            "neutron.services.revisions",
            "neutron.services.tag",
            "neutron.services.timestamp",
            "neutron.services.trunk",
            "neutron_lib.api.definitions",
        )
    )
    _configure_mappers()


def glance() -> None:
    """Preload Glance."""
    _import(
        (
            "glance.common.wsgi_app",
            "glance.api.v2.router",
            "glance.db.sqlalchemy.api",
            "aloft.inside.glance",
        )
    )
    _import_packages(("glance.policies", "glance.api.middleware", "glance.api.v2"))
    # Glance loads all stores at its start to learn their options. Modules below them may want those options already.
    _import(f"glance_store._drivers.{store}" for store in STORES)
    _configure_mappers()


def cinder() -> None:
    """Preload Cinder."""
    os.environ.update(THREADS_NOT_EVENTLET)
    importlib.import_module("cinder.objects").register_all()
    _import(
        (
            "cinder.wsgi.wsgi",
            "cinder.api.v3.router",
            "cinder.scheduler.manager",
            "cinder.scheduler.filter_scheduler",
            "cinder.db.api",
            "tooz.drivers.file",
            "voluptuous",
            "aloft.inside.cinder",
        )
    )
    _import_packages(
        (
            "cinder.policies",
            "cinder.api.contrib",
            "cinder.api.middleware",
            "cinder.scheduler.filters",
            "cinder.scheduler.weights",
        )
    )
    _configure_mappers()


def _configure_mappers() -> None:
    from sqlalchemy.orm import configure_mappers

    configure_mappers()
