"""The plane's settings: a TOML file, each value of which an environment variable ``ALOFT_PLANE_<NAME>`` overrides."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import URL

from aloft.base.errors import InvalidInput

PREFIX = "ALOFT_PLANE_"


class Settings(BaseModel):
    """What the plane has to know.

    Attributes:
        socket: unix socket that the API is served on; the edge stands in front of it.
        socket_mode: its file mode; its group is that of its folder.
        domain: DNS domain below which every name lies.
        edge_port: TCP port of the edge.
        other_edges: where hosts look for the provider besides, ``ADDRESS``, ``NAME`` or either with ``:PORT``.
        edge_ca: certificate authority of the edge (PEM), handed to hosts that enrol.
        internal_url: the edge's listener without TLS, through which Keystone is asked about tokens.
        packages: folder of the archives that hosts install from.
        node_socket: the node's local API.
        database_socket: MariaDB's unix socket.
        database_user: user of the plane's own schema.
        database_password_file: file whose first line is its password; ``None`` when the socket itself tells who we are.
        database_name: the schema.
        key_file: key that hosts' logins are encrypted with at rest; made when it is not there.
        resync_seconds: how often everything is looked at again without being asked to.
        stall_seconds: how long an operation may stand still before it is given up.
        missing_seconds: how long a host may be silent before it counts as missing.
        event_days: how long events are kept.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    socket: Path = Path("/run/aloft/plane/plane.sock")
    socket_mode: int = 0o660
    domain: str = "aloft.internal"
    edge_port: int = 443
    other_edges: tuple[str, ...] = ()
    edge_ca: Path = Path("/etc/aloft/ca.pem")
    internal_url: str = "http://127.0.0.1:7081"
    packages: Path = Path("/var/lib/aloft/plane/packages")
    node_socket: Path = Path("/run/aloft/node.sock")
    database_socket: Path = Path("/run/aloft/mariadb/mysqld.sock")
    database_user: str = "aloft"
    database_password_file: Path | None = None
    database_name: str = "aloft"
    key_file: Path = Path("/var/lib/aloft/plane/records.key")
    resync_seconds: float = 10.0
    stall_seconds: float = 600.0
    missing_seconds: float = 60.0
    event_days: int = 30

    def database_url(self) -> URL:
        """SQLAlchemy's URL of the plane's schema, with the password read from its file.

        Raises:
            InvalidInput: the password file cannot be read.
        """
        password = None
        if self.database_password_file is not None:
            try:
                password = self.database_password_file.read_text().partition("\n")[0]
            except OSError as error:
                raise InvalidInput(
                    f"The database password cannot be read from {self.database_password_file}: {error.strerror}.",
                    "Check the setting database_password_file and who may read that file.",
                ) from error
        return URL.create(
            "mysql+pymysql",
            username=self.database_user,
            password=password,
            database=self.database_name,
            query={"unix_socket": str(self.database_socket), "charset": "utf8mb4"},
        )

    def plane_url(self) -> str:
        """Where the plane's API is reached through the edge."""
        return self._url(f"plane.{self.domain}")

    def agent_url(self, customer: str, region: str) -> str:
        """Where a region's hosts reach the agent API through the edge."""
        return self._url(f"agent.{region}.{customer}.{self.domain}")

    def _url(self, name: str) -> str:
        return f"https://{name}" if self.edge_port == 443 else f"https://{name}:{self.edge_port}"


def load(path: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from ``path`` (optional) and the environment.

    Raises:
        InvalidInput: the file cannot be read, or a value is wrong or unknown.
    """
    values: dict[str, object] = {}
    if path is not None:
        try:
            values = tomllib.loads(path.read_text())
        except OSError as error:
            raise InvalidInput(f"The settings {path} cannot be read: {error.strerror}.") from error
        except tomllib.TOMLDecodeError as error:
            raise InvalidInput(f"The settings {path} are not TOML: {error}.", "Correct that line.") from error
    for name in Settings.model_fields:
        if PREFIX + name.upper() in environment:
            values[name] = environment[PREFIX + name.upper()]
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False))
        raise InvalidInput(
            f"The plane's settings are wrong: {wrong}.", "Correct them and start the plane again."
        ) from error
