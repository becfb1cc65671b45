"""Random changes from both sides, interleaved: in the end both are equal, and nothing that somebody wrote is lost."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aloft.bench.sync_libvirt import RealDomains
from aloft.bench.sync_model import Host, Model


@given(seed=st.integers(0, 2**32), steps=st.integers(1, 250))
@settings(max_examples=60, deadline=None)
def test_both_sides_are_equal_in_the_end(seed: int, steps: int) -> None:
    model = Model(random.Random(seed))  # noqa: S311  # nothing secret
    for _ in range(steps):
        model.step()
    model.settle()
    assert model.diverged() == []
    assert model.lost() == []


def test_a_difference_is_found() -> None:
    model = Model(random.Random(1))  # noqa: S311  # nothing secret
    model.define()
    assert model.diverged()
    model.settle()
    assert not model.diverged()


@pytest.mark.parametrize("seed", range(4))
def test_both_sides_are_equal_after_random_operations_on_libvirt(seed: int, tmp_path: Path) -> None:
    hosts = {name: Host(RealDomains(tmp_path / f"{name}.xml")) for name in ("h1", "h2")}
    model = Model(random.Random(seed), hosts)  # noqa: S311  # nothing secret
    for _ in range(150):
        model.step()
    model.settle()
    assert model.trail
    assert model.diverged() == []
    assert model.lost() == []
