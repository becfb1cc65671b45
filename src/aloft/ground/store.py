"""What the agent keeps on disk: who it is, what it was last told to be, and what it has become."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from aloft.base import files
from aloft.base.errors import PermanentError
from aloft.ground.layout import Layout
from aloft.ground.roles.model import Farewell
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

    def applied(self) -> dict[str, list[Farewell]]:
        """The roles that were brought about, with what is to be run when one is taken away."""
        try:
            text = (self.layout.state / "applied.json").read_text()
        except FileNotFoundError:
            return {}
        return {name: [_farewell(either) for either in farewells] for name, farewells in json.loads(text).items()}

    def keep_applied(self, roles: Mapping[str, Sequence[Farewell]]) -> None:
        """Remember the roles that were brought about, with their farewells."""
        record = {name: [item.either for item in farewells] for name, farewells in sorted(roles.items())}
        files.write(self.layout.state / "applied.json", json.dumps(record))


def _farewell(either: list[list[str]]) -> Farewell:
    return Farewell(tuple(tuple(command) for command in either))
