"""Begins early what takes long, and looks at it late."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from .early import BODY, run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have tests that were begun early come last."""
    items.sort(key=lambda item: hasattr(getattr(item, "function", None), BODY))


@pytest.fixture(scope="session", autouse=True)
def begun(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, "Future[None]"]]:
    """What is done early, by its name; what fails in it is its error."""
    found = (getattr(getattr(item, "function", None), BODY, None) for item in request.session.items)
    bodies = [body for body in found if body is not None]
    with ProcessPoolExecutor(max(1, len(bodies)), mp_context=get_context("fork")) as pool:
        yield {each.__name__: pool.submit(run, each, tmp_path_factory.mktemp("early")) for each in bodies}
