"""Everything that a service's declaration may ask about the controller it is part of."""

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from aloft.base.paths import Paths
from aloft.controller.spec import ControllerSpec

FIRST_USER = 200_000
"""Numeric OS user of slot 0; slot N has ``FIRST_USER + N``, for its group too."""

INTERNAL_PORT = 7080
"""The edge's loopback port without TLS."""

FACES_PORT = 7081
"""Likewise for the plane and the portal, whom names lead where they lead from outside."""

AMQP_PORT = 7672


@dataclass(frozen=True)
class Secrets:
    """Passwords of one slot, by the name of what they open. Never logged: ``repr`` hides them."""

    database: dict[str, str] = field(repr=False)
    broker: dict[str, str] = field(repr=False)
    keystone: dict[str, str] = field(repr=False)
    admin: str = field(repr=False)
    metadata: str = field(repr=False)

    @classmethod
    def generate(cls, database: set[str], broker: set[str], keystone: set[str]) -> "Secrets":
        """Make secrets of 256 random bits for the given users."""

        def each(names: set[str]) -> dict[str, str]:
            return {name: secrets.token_urlsafe(32) for name in sorted(names)}

        return cls(each(database), each(broker), each(keystone), secrets.token_urlsafe(24), secrets.token_urlsafe(32))


@dataclass(frozen=True)
class Slot:
    """A numbered place for one controller: the names of all that is prepared for it."""

    number: int
    paths: Paths

    @property
    def user(self) -> int:
        """Numeric OS user, and group."""
        return FIRST_USER + self.number

    @property
    def state(self) -> Path:
        """Config, keys, OVN databases."""
        return self.paths.slot_state(self.number)

    @property
    def run(self) -> Path:
        """Unix sockets."""
        return self.paths.slot_run(self.number)

    @property
    def log(self) -> Path:
        """Log files."""
        return self.paths.slot_log(self.number)

    @property
    def vhost(self) -> str:
        """The broker's virtual host."""
        return f"s{self.number}"

    def schema(self, name: str) -> str:
        """A database, such as ``s3_nova_api``."""
        return f"s{self.number}_{name}"

    def database_user(self, service: str) -> str:
        """A database user, such as ``s3_nova``."""
        return f"s{self.number}_{service}"

    def broker_user(self, service: str) -> str:
        """A broker user, such as ``s3-nova``."""
        return f"s{self.number}-{service}"

    def socket(self, name: str) -> Path:
        """A service's unix socket."""
        return self.run / f"{name}.sock"

    def process(self, name: str) -> str:
        """A process's name in the supervisor's tree."""
        return f"slots/{self.number}/{name}"


@dataclass(frozen=True)
class Context:
    """A controller's specification, the slot it lives in, and the slot's secrets.

    ``arriving`` says that its names lead to it for this node's own services only: another node serves it still.
    """

    spec: ControllerSpec
    slot: Slot
    secrets: Secrets
    edge_port: int = 443
    arriving: bool = field(default=False, kw_only=True)

    @property
    def conf(self) -> Path:
        """The folder of the controller's config files."""
        return self.slot.state / "conf"

    @property
    def environment(self) -> Path:
        """The release's virtual environment."""
        return self.slot.paths.environment(self.spec.environment)

    def host(self, label: str) -> str:
        """A name of the controller: ``compute.<region>.<customer>.<domain>``; Keystone's has no region."""
        if label == "identity":
            return f"identity.{self.spec.customer}.{self.spec.domain}"
        return f"{label}.{self.spec.region}.{self.spec.customer}.{self.spec.domain}"

    def public(self, label: str, path: str = "") -> str:
        """The URL that users and hosts see."""
        port = "" if self.edge_port == 443 else f":{self.edge_port}"
        return f"https://{self.host(label)}{port}{path}"

    def internal(self, label: str, path: str = "") -> str:
        """The URL that the node's services use among themselves."""
        return f"http://{self.host(label)}:{INTERNAL_PORT}{path}"

    def database_url(self, service: str, schema: str) -> str:
        """SQLAlchemy URL of one of the service's schemas.

        Without TLS, which a unix socket does not need: PyMySQL would read all the machine's certificates (3 MiB) for
        each connection that it opens.
        """
        user, password = self.slot.database_user(service), self.secrets.database[service]
        socket = self.slot.paths.database_socket
        return (
            f"mysql+pymysql://{user}:{password}@localhost/{self.slot.schema(schema)}"
            f"?unix_socket={socket}&charset=utf8mb4&ssl_disabled=1"
        )

    def transport_url(self, service: str) -> str:
        """oslo.messaging URL of the service's broker user."""
        user, password = self.slot.broker_user(service), self.secrets.broker[service]
        return f"rabbit://{user}:{password}@127.0.0.1:{AMQP_PORT}/{self.slot.vhost}"
