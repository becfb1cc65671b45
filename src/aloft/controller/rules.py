"""What a customer's administrator decides about all regions at once, and a node brings about without a restart."""

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, Field

from aloft.controller.network import Model

NEAR = ("127.0.0.0/8", "::1/128")
"""Never shut out: the node itself, which is also the host of the demo customer."""


def _network(text: str) -> str:
    return str(ipaddress.ip_network(text))


Network = Annotated[str, AfterValidator(_network)]
"""A source network in CIDR form, or one address; bits behind the prefix have to be zero."""

Networks = Annotated[tuple[Network, ...], Field(max_length=100)]


class AccessRules(Model):
    """From where a customer's names may be used; nothing named is everywhere.

    Args:
        portal: the portal.
        api: OpenStack's APIs and consoles. Hosts use those too, so whoever may be a host may use them.
        links: what only hosts open: broker, databases, agent API.
    """

    portal: Networks = ()
    api: Networks = ()
    links: Networks = ()

    def for_portal(self) -> tuple[str, ...]:
        """The networks that may open the portal; none for all."""
        return (*self.portal, *NEAR) if self.portal else ()

    def for_api(self) -> tuple[str, ...]:
        """The networks that may call APIs; none for all."""
        return (*self.api, *self.links, *NEAR) if self.api else ()

    def for_links(self) -> tuple[str, ...]:
        """The networks that hosts may come from; none for all."""
        return (*self.links, *NEAR) if self.links else ()


class CustomerRules(Model):
    """What the node has to know of a customer besides its controllers.

    Args:
        access: from where its names may be used.
        log_days: nothing older is kept in its logs; 0 keeps what the size of logs allows.
    """

    access: AccessRules = AccessRules()
    log_days: Annotated[int, Field(ge=0, le=3650)] = 0


def lets_in(networks: tuple[str, ...], address: str) -> bool:
    """Whether an address lies in one of these networks; all do when there is none."""
    there = ipaddress.ip_address(address)
    return not networks or any(there in ipaddress.ip_network(one) for one in networks)
