"""What is checked of specifications, and what comes before what."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aloft.base.errors import InvalidInput
from aloft.supervise.order import by_name, check, layers
from aloft.supervise.spec import Limits, Probe, ProcessSpec

SPEC = ProcessSpec(name="shared/mariadb", log=Path("/var/log/x.log"), command=("/bin/true",))


def daemon(name: str, *after: str) -> ProcessSpec:
    return replace(SPEC, name=name, after=after)


def test_each_layer_needs_only_those_before():
    specs = by_name([daemon("c", "b", "a"), daemon("b", "a"), daemon("a"), daemon("d", "elsewhere")])
    assert layers(specs) == [["a", "d"], ["b"], ["c"]]


def test_a_circle_is_named():
    with pytest.raises(InvalidInput, match=r"circle: a → b → a|circle: b → a → b"):
        layers(by_name([daemon("a", "b"), daemon("b", "a")]))


@given(st.dictionaries(st.integers(0, 30), st.sets(st.integers(0, 30)), max_size=30))
def test_any_graph_without_circles_is_ordered_completely(graph: dict[int, set[int]]):
    specs = by_name(
        [daemon(str(node), *(str(other) for other in after if other < node)) for node, after in graph.items()]
    )
    found = layers(specs)
    rank = {name: number for number, layer in enumerate(found) for name in layer}
    assert rank.keys() == specs.keys()
    for spec in specs.values():
        assert all(rank[other] < rank[spec.name] for other in spec.after if other in rank)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../x"},
        {"name": "a//b"},
        {"name": "a:b"},
        {"name": ""},
        {"cgroup": "slots/.."},
        {"cgroup": "/slots"},
        {"command": ()},
        {"command": ("true",)},
        {"zygote": "/run/z.sock"},
        {"entry": "a:b"},
        {"command": (), "zygote": "/run/z.sock"},
        {"ready": Probe("command")},
    ],
)
def test_contradictions_are_refused(change: dict[str, object]):
    with pytest.raises(InvalidInput):
        check(replace(SPEC, **change))


@pytest.mark.parametrize("name", ["slots/3/nova-api", "zygotes/2026.2-nova", "edge"])
def test_ordinary_names_are_accepted(name: str):
    check(replace(SPEC, name=name, cgroup="slots/3"))


def test_two_processes_of_one_name_are_refused():
    with pytest.raises(InvalidInput, match="Two processes"):
        by_name([SPEC, SPEC])


def test_the_fingerprint_tells_what_runs_and_nothing_else():
    same = {
        "after": ("x",),
        "ready": Probe("unix", "/x"),
        "start_timeout": 1.0,
        "stop_timeout": 1.0,
        "stop_signal": 2,
        "keep_on_shutdown": True,
        "limits": Limits(memory_mib=1),
    }
    assert replace(SPEC, **same).fingerprint() == SPEC.fingerprint()
    other = {
        "command": ("/bin/false",),
        "env": {"A": "b"},
        "user": 1,
        "group": 1,
        "groups": (1,),
        "cwd": Path("/tmp"),
        "log": Path("/var/log/y.log"),
        "umask": 0o077,
        "cgroup": "slots/3",
        "clear": (Path("/tmp/x"),),
        "oom_score_adj": 1,
        "arguments": {"a": "b"},
        "entry": "a:b",
        "zygote": "/x",
        "name": "shared/other",
    }
    prints = [replace(SPEC, **{key: value}).fingerprint() for key, value in other.items()]
    assert len({SPEC.fingerprint(), *prints}) == len(other) + 1


def test_the_fingerprint_does_not_depend_on_the_order_of_variables():
    one, two = replace(SPEC, env={"A": "1", "B": "2"}), replace(SPEC, env={"B": "2", "A": "1"})
    assert one.fingerprint() == two.fingerprint()
