"""Ordinary use of a controller's APIs: what a dashboard and a few users ask for, with some writing in between."""

import functools
import itertools
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from aloft.bench.caller import Caller

LISTS = (
    ("identity", "/v3/projects"),
    ("identity", "/v3/users"),
    ("identity", "/v3/services"),
    ("compute", "/v2.1/servers/detail"),
    ("compute", "/v2.1/flavors/detail"),
    ("compute", "/v2.1/os-services"),
    ("compute", "/v2.1/limits"),
    ("network", "/v2.0/networks"),
    ("network", "/v2.0/ports"),
    ("network", "/v2.0/security-groups"),
    ("image", "/v2/images"),
    ("volume", "/v3/volumes/detail"),
    ("placement", "/resource_providers"),
)


def mixed(caller: Caller, calls: int) -> None:
    """Make so many calls, one after another.

    Raises:
        TemporaryError: one is not answered as it should be.
    """
    for step in itertools.islice(_steps(caller), calls):
        step()


def _steps(caller: Caller) -> Iterator[Callable[[], Any]]:
    """Calls without end, in rounds; each is made when it is called."""
    while True:
        yield caller.authenticate
        for label, path in LISTS:
            yield functools.partial(caller.get, label, path)
        yield from _come_and_go(caller, "network", "/v2.0/networks", {"network": {"name": _name()}}, "network")
        yield from _come_and_go(caller, "image", "/v2/images", {"name": _name(), "visibility": "private"}, "")
        flavor = {"flavor": {"name": _name(), "ram": 64, "vcpus": 1, "disk": 0}}
        yield from _come_and_go(caller, "compute", "/v2.1/flavors", flavor, "flavor", (200, 202))


def _come_and_go(
    caller: Caller, label: str, path: str, body: dict[str, Any], kind: str, answers: tuple[int, int] = (201, 204)
) -> Iterator[Callable[[], Any]]:
    """Make a thing, and delete it."""
    made: dict[str, Any] = {}

    def make() -> None:
        told = caller.expect(answers[0], "POST", label, path, body)
        made.update(told[kind] if kind else told)

    yield make
    yield lambda: caller.expect(answers[1], "DELETE", label, f"{path}/{made['id']}")


def _name() -> str:
    return f"bench-{uuid.uuid4().hex[:8]}"
