"""Tests that are begun before the first one of this folder and looked at after the last of all.

restic tries ten times, with longer and longer pauses, before it says what is wrong with a repository. That is most of a
minute in which nothing is done.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

Body = Callable[[Path], Coroutine[Any, Any, None]]
"""What such a test does, in a folder of its own and in a process of its own: others may change what is global."""

BODY = "body"


def early(body: Body) -> Callable[..., None]:
    """The test that does what ``body`` does, and fails as that fails."""

    def test(begun: "Mapping[str, Future[None]]") -> None:
        begun[body.__name__].result()

    setattr(test, BODY, body)
    test.__doc__ = body.__doc__
    return test


def run(body: Body, folder: Path) -> None:
    """Do it."""
    asyncio.run(body(folder))
