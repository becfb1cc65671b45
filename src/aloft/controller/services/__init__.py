"""The services that a controller can have. Adding one is adding its declaration here."""

from collections.abc import Mapping

from aloft.controller.declare import Service
from aloft.controller.services import cinder, glance, keystone, neutron, nova, ovn, placement, sync
from aloft.controller.spec import ControllerSpec

ALL: tuple[Service, ...] = (
    ovn.MEMCACHED,
    ovn.OVN,
    keystone.SERVICE,
    placement.SERVICE,
    nova.SERVICE,
    neutron.SERVICE,
    glance.SERVICE,
    cinder.SERVICE,
    sync.SERVICE,
)

PROJECTS: tuple[str, ...] = tuple(service.project for service in ALL if service.project)
"""OpenStack projects that have a zygote in each release."""


def enabled(spec: ControllerSpec) -> tuple[Service, ...]:
    """The services that a controller runs, in the order of their declaration."""

    def runs(service: Service) -> bool:
        if service.scope == "customer" and not spec.identity:
            return False
        return not service.optional or spec.services.get(service.name, service.default)

    return tuple(service for service in ALL if runs(service))


def switches(given: Mapping[str, bool]) -> dict[str, bool]:
    """Whether each service that may be switched is on: as ``given``, else as it is by default."""
    return {service.name: given.get(service.name, service.default) for service in ALL if service.optional}


def optional_names() -> tuple[str, ...]:
    """Names of the services that may be switched on and off."""
    return tuple(service.name for service in ALL if service.optional)
