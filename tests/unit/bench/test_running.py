"""When a benchmark refuses to start, and what it never deletes."""

import os
from pathlib import Path

import pytest

from aloft.base.errors import Conflict, InvalidInput
from aloft.base.paths import Paths
from aloft.bench import BENCHES
from aloft.bench.runner import measure
from aloft.bench.running import OURS, Running
from aloft.node.settings import NodeSettings


def silent(_: str) -> None:
    """Take what is told."""


def test_an_unknown_benchmark_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=", ".join(BENCHES)):
        measure("speed", None, Paths(tmp_path), silent)


def test_nothing_is_measured_where_aloft_is_not_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(Conflict, match="aloft up"):
        measure("create", None, Paths(tmp_path), silent)


def test_who_is_not_root_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(InvalidInput, match="root"):
        measure("create", None, Paths(tmp_path), silent)


@pytest.mark.parametrize("name", ["demo", "bench", "bench-create", "bench-create-1x", "bench-acme-1"])
async def test_a_customer_that_no_benchmark_made_is_never_deleted(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="not made by a benchmark"):
        await Running(Paths(tmp_path), NodeSettings(), silent).delete(name)


@pytest.mark.parametrize("bench", BENCHES)
def test_what_a_benchmark_makes_can_be_swept(bench: str) -> None:
    assert OURS.fullmatch(f"bench-{bench}-12")
