"""Where the provider's edge may be: the places that a host knows, the one that answered last first.

A provider that lost a datacenter goes on in another one, under the same names. Where these lead there, hosts find it by
looking them up again; besides, the plane tells hosts the places that they may try when the edge does not answer.
"""

import socket
from collections.abc import Container, Iterable
from typing import NamedTuple

from aloft.base.errors import TemporaryError


class Place(NamedTuple):
    """An address or name, and a TCP port."""

    host: str
    port: int


class Edges:
    """The places of the edge.

    Args:
        enrolled: where the host was enrolled.
    """

    def __init__(self, enrolled: Place) -> None:
        self._enrolled = enrolled
        self._told: tuple[Place, ...] = ()
        self._answered: Place | None = None

    def tell(self, places: Iterable[Place]) -> None:
        """Know these places, the likeliest first; where the host was enrolled is known besides."""
        self._told = tuple(places)

    def places(self) -> list[Place]:
        """All places, in the order in which to try them."""
        known = dict.fromkeys((*self._told, self._enrolled))
        return sorted(known, key=lambda place: place != self._answered)

    def answered(self, place: Place) -> bool:
        """The plane answered there; tells whether it did so elsewhere before."""
        before, self._answered = self._answered, place
        return before not in (None, place)

    def numeric(self, hidden: Container[str]) -> Place:
        """The first place whose name resolves, with its address as a number.

        Args:
            hidden: names that cannot tell, since this host leads them elsewhere itself.

        Raises:
            TemporaryError: there is none.
        """
        fault = "none is known"
        for place in self.places():
            if place.host in hidden:
                continue
            try:
                found = socket.getaddrinfo(place.host, None, type=socket.SOCK_STREAM)
            except OSError as error:
                fault = f"{place.host}: {error.strerror}"
                continue
            return Place(str(found[0][4][0]), place.port)
        raise TemporaryError(
            f"The name of the provider's edge does not resolve ({fault}).",
            "Check the host's DNS settings, or enter the name in /etc/hosts.",
        )
