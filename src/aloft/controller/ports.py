"""What building a controller needs of the node, as narrow interfaces, each of which the node implements once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from aloft.supervise.spec import ProcessSpec

Hold = Literal["", "outside", "all"]
"""Which requests that change something wait at the edge: none, those from outside, or services' own too."""


class Database(Protocol):
    """MariaDB as its administrator."""

    async def schemas(self) -> frozenset[str]: ...  # noqa: D102
    async def create_schemas(self, names: Iterable[str]) -> None: ...  # noqa: D102
    async def drop_schemas(self, names: Iterable[str]) -> None: ...  # noqa: D102
    async def load_many(self, dumps: Mapping[str, Path]) -> None: ...  # noqa: D102
    async def dump_schema(self, schema: str, target: Path) -> None: ...  # noqa: D102
    async def ensure_users(  # noqa: D102
        self, users: Mapping[str, tuple[str, frozenset[str]]], connections: int = ...
    ) -> None: ...
    async def drop_users(self, names: Iterable[str]) -> None: ...  # noqa: D102
    async def execute(  # noqa: D102
        self, schema: str | None, statements: Sequence[str]
    ) -> tuple[tuple[Any, ...], ...]: ...


class Broker(Protocol):
    """RabbitMQ as its administrator."""

    async def ensure_vhost(self, name: str) -> None: ...  # noqa: D102
    async def ensure_user(self, name: str, password: str, vhost: str) -> None: ...  # noqa: D102
    async def keep_user(self, name: str, password: str, vhost: str) -> None: ...  # noqa: D102
    async def delete_vhost(self, name: str) -> None: ...  # noqa: D102
    async def delete_user(self, name: str) -> None: ...  # noqa: D102


@dataclass(frozen=True)
class Name:
    """A name that the edge shall serve for a controller.

    Args:
        name: DNS name.
        slot: the slot that answers.
        service: the endpoint's label: ``compute``, ``ovn``, ``amqp`` …
        socket: the unix socket behind it; empty for what the edge knows itself (``amqp``, ``db``, ``agent``).
    """

    name: str
    slot: int
    service: str
    socket: str = ""


@dataclass(frozen=True)
class Names:
    """All names of one controller, and the authority whose client certificates (not revoked ones) open its links.

    ``hold`` says which requests to them that change something wait for now.
    """

    customer: str
    region: str
    slot: int
    names: tuple[Name, ...]
    authority: Path
    image_library: str = field(default="")
    revoked: frozenset[str] = frozenset()
    hold: Hold = ""

    @property
    def key(self) -> str:
        """``customer/region``."""
        return f"{self.customer}/{self.region}"


class Supervisor(Protocol):
    """The node's process tree."""

    async def apply(self, group: str, specs: Iterable[ProcessSpec]) -> None: ...  # noqa: D102
    async def remove(self, group: str, within: float | None = None) -> None: ...  # noqa: D102
    async def wait_ready(self, names: Iterable[str], timeout: float) -> None: ...  # noqa: ASYNC109, D102
