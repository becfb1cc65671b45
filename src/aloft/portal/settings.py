"""The portal's settings, a TOML file that the node writes."""

import json
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from aloft.base.errors import InvalidInput


class Notifying(BaseModel):
    """Where the notifications of a region are.

    Attributes:
        vhost: the broker's virtual host.
        port: the broker's, on 127.0.0.1.
        password: file with the password there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    vhost: str
    port: int
    password: Path


Vhosts = dict[str, dict[str, Notifying]]
"""Where notifications are: ``{customer: {region: …}}``."""

_VHOSTS: TypeAdapter[Vhosts] = TypeAdapter(Vhosts)


class Settings(BaseModel):
    """What the portal has to know.

    Attributes:
        socket: unix socket that it serves on; the edge stands in front of it. Its group is that of its folder.
        domain: DNS domain below which every name lies.
        edge_port: TCP port of the edge.
        internal_url: the edge's listener without TLS, through which every API is reached.
        pages: the built pages; a link that is set anew when others are installed.
        state: folder of the sessions.
        broker_user: of RabbitMQ.
        vhosts_file: JSON, where each region's notifications are; written anew whenever regions come and go.
        idle_seconds: a session ends when nobody has used it for this long.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    socket: Path = Path("/run/aloft/portal/portal.sock")
    domain: str = "aloft.internal"
    edge_port: int = 443
    internal_url: str = "http://127.0.0.1:7081"
    pages: Path = Path("/opt/aloft/portal/current")
    state: Path = Path("/var/lib/aloft/portal")
    broker_user: str = "portal"
    vhosts_file: Path = Path("/run/aloft/portal/vhosts.json")
    idle_seconds: float = Field(4 * 3600.0, gt=0)

    def origin(self, host: str) -> str:
        """The origin (RFC 6454) of the pages that are served under a name."""
        return f"https://{host}" if self.edge_port == 443 else f"https://{host}:{self.edge_port}"

    def vhosts(self, customer: str) -> dict[str, Notifying]:
        """Where the notifications of a customer's regions are, as the node last told; none when it has not told yet."""
        try:
            return _VHOSTS.validate_python(json.loads(self.vhosts_file.read_text())).get(customer, {})
        except (OSError, ValueError):
            return {}


def load(path: Path) -> Settings:
    """Read the settings.

    Raises:
        InvalidInput: the file cannot be read, or a value is wrong or unknown.
    """
    try:
        return Settings.model_validate(tomllib.loads(path.read_text()))
    except OSError as error:
        raise InvalidInput(f"The portal's settings {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise InvalidInput(f"The portal's settings {path} are wrong: {error}.", "Start the node again.") from error
