"""The network node: a gateway chassis of OVN, with bridges to physical networks."""

from aloft.ground.roles import requirements, switch
from aloft.ground.roles.model import Bridge, Context, Role

NAME = "network"
REQUIREMENTS = (requirements.root, requirements.distribution, requirements.tap)
"""What a host must have before anything is installed on it."""


def role(context: Context) -> Role:
    """The role on this host."""
    physical = context.settings.network.physical_networks
    mappings = ",".join(f"{name}:{network.bridge}" for name, network in sorted(physical.items()))
    return Role(
        name=NAME,
        requirements=REQUIREMENTS,
        packages=switch.PACKAGES,
        units=switch.units(),
        folders=switch.folders(context),
        made=switch.made(context),
        processes=switch.processes(context),
        external_ids={
            **switch.external_ids(context),
            "ovn-cms-options": "enable-chassis-as-gw",
            **({"ovn-bridge-mappings": mappings} if mappings else {}),
        },
        bridges=(
            *switch.bridges(context),
            *(
                Bridge(
                    network.bridge,
                    context.facts.datapath,
                    address=network.address or "",
                    interface=network.interface or "",
                )
                for _, network in sorted(physical.items())
            ),
        ),
        farewells=switch.farewells(context, *(network.bridge for network in physical.values())),
    )
