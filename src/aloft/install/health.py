"""Asks the node how it and its parts are."""

import time
from dataclasses import dataclass
from typing import Any

import httpx

from aloft.base.errors import TemporaryError
from aloft.base.paths import Paths

NODE_SECONDS = 300.0
"""The first start migrates nothing, but sets up MariaDB and RabbitMQ and imports all of OpenStack once."""


@dataclass(frozen=True)
class Part:
    """A part of the node and its state; ``ready`` is good."""

    name: str
    state: str
    reason: str = ""


class NodeDown(TemporaryError):
    """The node does not answer on its socket."""


def ask(paths: Paths, path: str, timeout: float = 10.0) -> Any:
    """The node's answer to a GET on its local API, as parsed JSON.

    Raises:
        NodeDown: nobody listens, or what listens does not answer properly.
    """
    socket = paths.node_socket
    remedy = f"Run `aloft up`; if that does not help, look into {paths.log / 'node.log'}."
    try:
        with httpx.Client(
            transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://node", timeout=timeout
        ) as node:
            reply = node.get(path)
    except httpx.HTTPError as error:
        raise NodeDown(f"The node does not answer on {socket}: {error}.", remedy) from error
    if reply.status_code != 200:
        raise NodeDown(f"The node answers with HTTP {reply.status_code}: {reply.text[:300]}", remedy)
    return reply.json()


def processes(paths: Paths) -> list[Part]:
    """Every process that the node looks after."""
    return [Part(told["name"], told["state"], told.get("reason", "")) for told in ask(paths, "/v1/processes")]


def components(paths: Paths) -> list[Part]:
    """The node's own parts: what all customers share, and the zygotes."""
    told = ask(paths, "/v1/health")["components"]
    return [Part(part["name"], part["state"], part.get("reason", "")) for part in told]


def unwell(parts: list[Part]) -> list[Part]:
    """The parts that are not ready."""
    return [part for part in parts if part.state != "ready"]


def await_node(paths: Paths, timeout: float = NODE_SECONDS) -> str:
    """Wait until the node answers and everything that it runs is ready.

    Raises:
        TemporaryError: it was not after ``timeout`` seconds; the error names what is in the way.
    """
    end = time.monotonic() + timeout
    while True:
        try:
            parts = components(paths)
            lacking = unwell(parts)
            if parts and not lacking:
                return f"{len(parts)} parts"
            trouble = (
                "; ".join(f"{part.name} is {part.state} ({part.reason})" for part in lacking[:5]) or "it is starting"
            )
        except NodeDown as error:
            trouble = error.message
        if time.monotonic() > end:
            raise TemporaryError(
                f"The node was not ready within {timeout:.0f} s: {trouble}.", f"Look into the logs in {paths.log}."
            )
        time.sleep(0.2)
