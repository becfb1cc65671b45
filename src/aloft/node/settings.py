"""The node's settings, a TOML file that ``aloft up`` writes: ``/etc/aloft/node.toml``."""

import re
import socket
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from aloft.base.errors import InvalidInput
from aloft.base.places import place
from aloft.controller.release import releases


class PhysicalNetwork(BaseModel):
    """How a physical network is carried on the hosts: the bridge, and an address of its own for the host, if any."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bridge: str
    address: str | None = None


def _is_place(text: str) -> str:
    try:
        place(text, 443)
    except InvalidInput as error:
        raise ValueError(str(error)) from error
    return text


def machine_name() -> str:
    """What this machine is called, as a DNS label: the first part of its name, in lower case."""
    label = re.sub(r"[^a-z0-9-]", "-", socket.gethostname().partition(".")[0].lower())[:32].strip("-")
    return label or "node"


class NodeSettings(BaseModel):
    """What a node has to know.

    Attributes:
        name: what other nodes know it by.
        trunk_port: TCP port at which other nodes reach it, once one was invited.
        domain: DNS domain below which every name lies.
        edge_port: TCP port of the edge.
        other_edges: where hosts look for the provider when this edge does not answer, as in a second datacenter:
            ``ADDRESS``, ``NAME`` or either with ``:PORT``, in the order in which to try them.
        releases: releases whose zygotes run from the start; others start when they are first asked for.
        warm: prepared slots that wait for the next customers, for the first of ``releases``.
        parallel_builds: controllers that are brought up at a time.
        physical_networks: what this machine itself is connected to, as a host of the demo customer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(default_factory=machine_name, pattern=r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$")
    trunk_port: int = Field(7443, ge=1, le=65535)
    domain: str = "aloft.internal"
    edge_port: int = Field(443, ge=1, le=65535)
    other_edges: tuple[Annotated[str, AfterValidator(_is_place)], ...] = ()
    releases: tuple[str, ...] = Field(default_factory=lambda: (releases()[0].name,), min_length=1)
    warm: int = Field(2, ge=0, le=64)
    parallel_builds: int = Field(2, ge=1)
    physical_networks: dict[str, PhysicalNetwork] = {
        "external": PhysicalNetwork(bridge="br-ex", address="172.24.4.1/24")
    }


def load(path: Path) -> NodeSettings:
    """Read the settings; a missing file means the defaults.

    Raises:
        InvalidInput: the file is not TOML, or a value is wrong or unknown.
    """
    try:
        return NodeSettings.model_validate(tomllib.loads(path.read_text()) if path.exists() else {})
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"The settings {path} are not TOML: {error}.", "Correct that line.") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False))
        raise InvalidInput(
            f"The settings {path} are wrong: {wrong}.", "Correct them and start the node again."
        ) from error
