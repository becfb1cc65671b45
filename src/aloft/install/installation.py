"""What a person chose at the first ``up``: kept, so that the next needs no options and does not contradict it."""

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from aloft.base import files
from aloft.base.errors import Conflict, InvalidInput
from aloft.base.paths import Paths

DEFAULT_DOMAIN = "aloft.internal"
DEFAULT_PORT = 443
DEFAULT_ROLES = ("hypervisor", "network", "image-library")
DEMO_CUSTOMER = "demo"
DEMO_REGION = "demo-1"


class Installation(BaseModel):
    """The choices.

    Args:
        release: the OpenStack release of the demo customer, whose environment is made at once.
        domain: DNS domain below which every name lies.
        port: TCP port of the edge.
        roles: what this machine does for the demo customer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    release: str
    domain: str = DEFAULT_DOMAIN
    port: int = DEFAULT_PORT
    roles: tuple[str, ...] = DEFAULT_ROLES

    def url(self, label: str) -> str:
        """An URL of the edge, by the first part of its name."""
        return f"https://{label}.{self.domain}" + ("" if self.port == 443 else f":{self.port}")


class Wishes(BaseModel):
    """What the command line says; ``None`` is what was chosen before, or the default."""

    model_config = ConfigDict(frozen=True)

    release: str | None = None
    domain: str | None = None
    port: int | None = None
    roles: tuple[str, ...] | None = None


def file(paths: Paths) -> Path:
    """Where the choices are kept."""
    return paths.etc / "installation.json"


def load(paths: Paths) -> Installation | None:
    """The choices of an earlier ``up``; ``None`` on a new machine.

    Raises:
        InvalidInput: the file was changed into something that cannot be understood.
    """
    kept = file(paths)
    if not kept.exists():
        return None
    try:
        return Installation.model_validate_json(kept.read_text())
    except ValidationError as error:
        raise InvalidInput(f"{kept} cannot be understood.", "Correct it, or run `aloft destroy`.") from error


def save(paths: Paths, installation: Installation) -> None:
    """Keep the choices."""
    files.folder(paths.etc)
    files.write(file(paths), json.dumps(installation.model_dump(), indent=2) + "\n", mode=0o644)


def decide(known: Installation | None, wishes: Wishes, newest: str) -> Installation:
    """What holds from now on.

    Args:
        known: what was chosen before.
        wishes: what is asked for now.
        newest: the release to take when none is named.

    Raises:
        Conflict: a name or port that certificates, catalogues and hosts were given cannot change any more.
    """
    asked = {name: value for name, value in wishes.model_dump().items() if value is not None}
    if known is None:
        return Installation.model_validate({"release": newest, **asked})
    for name in ("domain", "port"):
        if name in asked and asked[name] != getattr(known, name):
            raise Conflict(
                f"This machine serves the {name} {getattr(known, name)}; customers and hosts were told so.",
                f"Leave out --{name}, or start anew: aloft destroy, then aloft up --{name} {asked[name]}.",
            )
    return known.model_copy(update=asked)
