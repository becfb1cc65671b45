"""What the agent keeps on disk: who it is, what it was last told to be, and what it has become."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from aloft.base import files
from aloft.base.errors import PermanentError
from aloft.ground.edges import Place
from aloft.ground.layout import Layout
from aloft.ground.roles.model import Farewell, Trace
from aloft.ground.settings import Desired


class Identity(BaseModel):
    """Who this host is, as of its enrolment.

    Args:
        host: its name in the region.
        customer: the customer.
        region: the region.
        agent_url: the region's agent API.
        edge_host: the address or name of the edge, until the plane's settings say another.
    """

    model_config = ConfigDict(frozen=True)

    host: str
    customer: str
    region: str
    agent_url: str
    edge_host: str

    @property
    def agent_name(self) -> str:
        """The agent API's name."""
        return urlsplit(self.agent_url).hostname or ""

    @property
    def edge_port(self) -> int:
        """The agent API's port."""
        return urlsplit(self.agent_url).port or 443


class Store:
    """The agent's folder.

    Args:
        layout: where it lies.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def identity(self) -> Identity:
        """Who this host is.

        Raises:
            PermanentError: it has not been enrolled, or the record is broken.
        """
        path = self.layout.state / "host.json"
        try:
            return Identity.model_validate_json(path.read_text())
        except FileNotFoundError as error:
            raise PermanentError(
                "This host is not enrolled.", "Enrol it: python -m aloft.ground enrol --url … --token …"
            ) from error
        except ValidationError as error:
            raise PermanentError(f"{path} is broken.", "Enrol the host again.") from error

    def keep_identity(self, identity: Identity) -> None:
        """Remember who this host is."""
        files.write(self.layout.state / "host.json", identity.model_dump_json(indent=2))

    def desired(self) -> Desired | None:
        """What the plane wanted last, so that the host comes up while the plane is out of reach."""
        try:
            return Desired.model_validate_json((self.layout.state / "desired.json").read_text())
        except (FileNotFoundError, ValidationError):
            return None

    def keep_desired(self, answer: Mapping[str, Any]) -> None:
        """Remember what the plane wants, as it came."""
        files.write(self.layout.state / "desired.json", json.dumps(answer))

    def forget_settings(self) -> None:
        """Keep no login any longer than a role needs it; the plane tells all of it again."""
        told = self.desired()
        if told is not None and told.settings is not None:
            self.keep_desired(told.model_copy(update={"settings": None}).model_dump())

    def edge(self) -> Place | None:
        """Where the edge was when its name last resolved, as a number; ``None`` when it never did."""
        told = self._read("edge.json")
        return Place(told["host"], told["port"]) if told else None

    def keep_edge(self, place: Place) -> None:
        """Remember where the edge is, so that the host comes up while no name resolves."""
        if place != self.edge():
            self._write("edge.json", place._asdict())

    def applied(self) -> dict[str, Trace]:
        """The roles that were begun, with what each leaves on the host."""
        return {name: _trace(told) for name, told in self._read("applied.json").items()}

    def keep_applied(self, roles: Mapping[str, Trace]) -> None:
        """Remember the roles that were begun, with what each leaves on the host."""
        self._write("applied.json", {name: asdict(trace) for name, trace in sorted(roles.items())})

    def found_units(self) -> dict[str, bool]:
        """The systemd units that roles deal with, and whether each ran before the first of them was begun."""
        return self._read("found-units.json")

    def keep_found_units(self, units: Mapping[str, bool]) -> None:
        """Remember whether systemd units ran before the agent dealt with them."""
        self._write("found-units.json", dict(sorted(units.items())))

    def _read(self, name: str) -> dict[str, Any]:
        try:
            told: dict[str, Any] = json.loads((self.layout.state / name).read_text())
        except FileNotFoundError:
            return {}
        return told

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        files.write(self.layout.state / name, json.dumps(content))


def _trace(told: Mapping[str, Any]) -> Trace:
    farewells = [Farewell(tuple(tuple(command) for command in item["either"])) for item in told["farewells"]]
    return Trace(tuple(farewells), tuple(told["units"]), told["wired"])
