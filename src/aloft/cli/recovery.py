"""Following the restoration of all customers: the edge changes its authority under way, each ends by itself."""

import os
import sys
import time
from collections.abc import Mapping

from aloft.base.errors import TemporaryError
from aloft.base.paths import Paths
from aloft.cli.client import PlaneClient, find
from aloft.cli.output import Json, OperationFailed, elapsed, table

ENDED = ("succeeded", "failed", "cancelled")
LOOK_SECONDS = 1.0
PATIENCE_SECONDS = 60.0
"""How long the plane may be out of reach while its edge takes over another authority."""


def await_survey(client: PlaneClient, operation: Json) -> Json:
    """The operation that looks into the repository, once it has ended.

    Raises:
        OperationFailed: it failed.
    """
    ended = _await(client, f"/v1/operations/{operation['id']}")
    if not well(ended):
        error = ended["error"] or {}
        raise OperationFailed(error.get("message", "It failed."), error.get("remedy", ""))
    return ended


def trust_again() -> None:
    """Have this machine trust the edge's present authority, as `aloft up` did with the former one."""
    from aloft.install import trust

    paths = Paths.from_environment()
    if os.geteuid() == 0 and trust.TRUSTED.exists() and trust.authority(paths).exists():
        trust.trust(paths, paths.log / "install.log")


def await_all(restores: Mapping[str, str]) -> dict[str, Json]:
    """The operations of all customers once they have ended; each is told of as it ends."""
    client = PlaneClient(find())
    ended: dict[str, Json] = {}
    while len(ended) < len(restores):
        for customer, identity in restores.items():
            if customer in ended:
                continue
            told = client.call("GET", f"/v1/operations/{identity}")
            if told["state"] in ENDED:
                ended[customer] = told
                spent = elapsed(told["created"], told["ended"])
                sys.stderr.write(f"{len(ended)}/{len(restores)} {customer}: {told['state']} ({spent})\n")
        if len(ended) < len(restores):
            time.sleep(LOOK_SECONDS)
    return ended


def well(operation: Json) -> bool:
    """Whether an operation succeeded."""
    return bool(operation["state"] == "succeeded")


def show(told: Json) -> None:
    """Print what became of each customer."""
    rows = [
        (name, one["state"], (one["result"] or {}).get("made", "") if well(one) else (one["error"] or {})["message"])
        for name, one in told["restores"].items()
    ]
    rows += [(name, "here", "It was not touched.") for name in told["here"]]
    rows += [(name, "missing", "No backup of it lies there.") for name in told["missing"]]
    table(("Customer", "State", "As of, or why not"), rows)


def _await(client: PlaneClient, path: str) -> Json:
    """Ask until the operation has ended, with a new connection where the old one's trust ended."""
    silent_since: float | None = None
    while True:
        try:
            told: Json = client.call("GET", path)
        except TemporaryError:
            silent_since = silent_since or time.monotonic()
            if time.monotonic() - silent_since > PATIENCE_SECONDS:
                raise
            client = PlaneClient(find())
        else:
            silent_since = None
            if told["state"] in ENDED:
                return told
        time.sleep(LOOK_SECONDS)
