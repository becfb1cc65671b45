"""The network node: a gateway chassis of OVN, with bridges to physical networks."""

from aloft.ground.roles import requirements, switch
from aloft.ground.roles.model import Context, Role

NAME = "network"
REQUIREMENTS = (requirements.root, requirements.distribution, requirements.tap)
"""What a host must have before anything is installed on it."""


def role(context: Context) -> Role:
    """The role on this host."""
    return Role(
        name=NAME,
        requirements=(*REQUIREMENTS, switch.overlay(context)),
        packages=switch.PACKAGES,
        units=switch.units(),
        folders=switch.folders(context),
        made=switch.made(context),
        processes=switch.processes(context),
        external_ids={**switch.external_ids(context), "ovn-cms-options": "enable-chassis-as-gw"},
        bridges=switch.bridges(context),
        farewells=switch.farewells(context),
    )
