"""A customer's site: hosts as separate machines, with a network of their own between them."""

from pathlib import Path
from typing import Any

from aloft.bench.far import FarHost, make_switch, remove_switch

from ..running import PATHS, Region, eventually, told


class Site:
    """The site's network, and the hosts in it.

    Args:
        folder: for the hosts' files.
        region: whose site it is.
    """

    def __init__(self, folder: Path, region: Region) -> None:
        self.region = region
        self.hosts: dict[str, FarHost] = {}
        self._folder = folder
        make_switch()

    def host(self, number: int) -> FarHost:
        """A bare machine in the site."""
        made = FarHost(self._folder, number, PATHS)
        self.hosts[made.name] = made
        return made

    def token(self, *roles: str, uses: int = 1) -> Any:
        """A fresh host token; ``line`` is what to paste."""
        where = ("--customer", self.region.customer, "--region", self.region.name)
        return told("host", "token", *where, "--roles", ",".join(roles), "--uses", str(uses))

    def attach(self, number: int, *roles: str) -> FarHost:
        """A machine that has become a host, and is well in its roles."""
        host = self.host(number)
        host.paste(self.token(*roles)["line"])
        self.wait(host, "ok")
        return host

    def show(self, host: FarHost) -> Any:
        """What the plane says of a host."""
        return told("host", "show", self.region.customer, self.region.name, host.name)

    def wait(self, host: FarHost, state: str, seconds: float = 180.0) -> Any:
        """Wait until a host is in a state."""

        def look() -> Any:
            shown = self.show(host)
            assert shown["state"] == state, shown
            return shown

        return eventually(look, seconds, f"{host.name} is {state}")

    def close(self) -> None:
        """Switch everything off."""
        for host in self.hosts.values():
            host.close()
        remove_switch()
