"""The roles that a host can have."""

from collections.abc import Callable, Mapping

from aloft.ground.roles import hypervisor, image_library, network
from aloft.ground.roles.model import Context, Role

ALL: Mapping[str, Callable[[Context], Role]] = {
    hypervisor.NAME: hypervisor.role,
    network.NAME: network.role,
    image_library.NAME: image_library.role,
}
