"""Where control groups go, and what is written to them."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aloft.base.errors import InvalidInput
from aloft.supervise import cgroup
from aloft.supervise.cgroup import (
    Cgroups,
    Placement,
    Surroundings,
    find_mount,
    leaf_name,
    merge,
    own_group,
    place,
    settings,
)
from aloft.supervise.spec import Limits, ProcessSpec

ALL = frozenset({"cpu", "memory", "pids", "io"})
BARE = Surroundings(Path("/sys/fs/cgroup"), "/", writable=True, controllers=ALL)
UNIT = replace(BARE, own="/system.slice/aloft.service", systemd=True, delegated=True)
SPEC = ProcessSpec(name="slots/3/nova-api", log=Path("/x.log"), command=("/bin/true",), cgroup="slots/3")


def test_without_systemd_groups_lie_below_the_root():
    assert place(BARE, "aloft") == Placement(Path("/sys/fs/cgroup/aloft"), None, "", ())


def test_under_systemd_they_lie_below_our_own_unit_and_we_step_aside():
    placement = place(UNIT, "aloft")
    assert placement.base == Path("/sys/fs/cgroup/system.slice/aloft.service/aloft")
    assert placement.supervisor == Path("/sys/fs/cgroup/system.slice/aloft.service/supervisor")
    assert not placement.missing


def test_what_systemd_did_not_delegate_is_left_alone():
    placement = place(replace(UNIT, delegated=False), "aloft")
    assert placement.base is None
    assert "Delegate=yes" in placement.reason


def test_a_hierarchy_without_controllers_groups_but_does_not_limit():
    placement = place(replace(BARE, controllers=frozenset({"hugetlb"})), "aloft")
    assert placement.base == Path("/sys/fs/cgroup/aloft")
    enforced = Cgroups(placement).limits_enforced
    assert not enforced
    assert enforced.missing == ("cpu", "memory", "pids")
    assert "memory" in enforced.reason


@pytest.mark.parametrize(
    ("around", "why"), [(Surroundings(None), "not mounted"), (replace(BARE, writable=False), "written")]
)
def test_where_there_can_be_no_groups_the_reason_is_told(around: Surroundings, why: str):
    placement = place(around, "aloft")
    assert placement.base is None
    assert why in placement.reason
    assert not Cgroups(placement).limits_enforced


def test_the_mount_and_the_own_group_are_found():
    mounts = "cgroup /sys/fs/cgroup/memory cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
    assert find_mount(mounts) == Path("/sys/fs/cgroup/unified")
    assert find_mount("proc /proc proc rw 0 0\n") is None
    assert own_group("8:memory:/a\n0::/system.slice/x.service\n") == "/system.slice/x.service"
    assert own_group("8:memory:/a\n") == "/"


def test_limits_become_what_the_kernel_reads():
    assert settings(Limits(memory_mib=512, cpu_cores=1.5, processes=100)) == {
        "memory": {"memory.max": "536870912"},
        "cpu": {"cpu.max": "150000 100000"},
        "pids": {"pids.max": "100"},
    }
    assert settings(Limits()) == {
        "memory": {"memory.max": "max"},
        "cpu": {"cpu.max": "max 100000"},
        "pids": {"pids.max": "max"},
    }


def test_limits_of_one_group_are_merged():
    assert merge([Limits(), Limits(memory_mib=5), Limits(cpu_cores=1.0)]) == Limits(memory_mib=5, cpu_cores=1.0)
    with pytest.raises(InvalidInput, match="memory_mib"):
        merge([Limits(memory_mib=5), Limits(memory_mib=6)])


names = st.from_regex(r"[a-z0-9_]{1,4}(/[a-z0-9_]{1,4}){0,3}", fullmatch=True)


@given(st.lists(st.tuples(names, names), min_size=2, max_size=20, unique_by=lambda pair: pair[0]))
def test_no_two_processes_share_a_leaf_and_no_leaf_is_a_group(pairs: list[tuple[str, str]]):
    specs = [replace(SPEC, name=f"a/{name}", cgroup=group) for name, group in pairs]
    leaves = [leaf_name(spec) for spec in specs]
    assert len(set(leaves)) == len(leaves)
    assert not set(leaves) & {spec.cgroup for spec in specs}


def test_a_zygotes_child_always_has_a_leaf_and_others_only_on_request():
    assert leaf_name(SPEC) == "slots/3/:slots:3:nova-api"
    assert leaf_name(replace(SPEC, cgroup="")) is None
    assert leaf_name(replace(SPEC, cgroup="", command=(), zygote="/z", entry="a:b")) == "loose/:slots:3:nova-api"


def test_limits_are_written_where_controllers_are_handed_on(tmp_path: Path):
    base = tmp_path / "unit/aloft"
    for folder in (base.parent, base, base / "slots", base / "slots/3"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cgroup.subtree_control").write_text("")
        for file in ("memory.max", "cpu.max", "pids.max"):
            (folder / file).write_text("max")
    groups = Cgroups(Placement(base, missing=("pids",)))
    leaf = groups.prepare(SPEC, Limits(memory_mib=1, processes=9))
    assert leaf == base / "slots/3/:slots:3:nova-api"
    assert (base / "slots/3/memory.max").read_text() == "1048576"
    assert (base / "slots/3/pids.max").read_text() == "max"
    for folder in (base.parent, base, base / "slots"):
        assert (folder / "cgroup.subtree_control").read_text() == "+cpu +memory"
    assert (base / "slots/3/cgroup.subtree_control").read_text() == ""
    assert (tmp_path / "cgroup.subtree_control").exists() is False


def test_limits_that_cannot_be_set_are_told(tmp_path: Path):
    (tmp_path / "aloft").mkdir()
    groups = Cgroups(Placement(tmp_path / "aloft", missing=()))
    groups.prepare(SPEC, Limits(memory_mib=1))
    assert not groups.limits_enforced
    assert "slots/3" in groups.limits_enforced.reason


def test_empty_leaves_are_removed_up_to_the_base(tmp_path: Path):
    groups = Cgroups(Placement(tmp_path / "aloft"))
    groups.prepare_base()
    leaf = groups.prepare(SPEC, Limits())
    assert leaf
    groups.discard(leaf)
    assert list((tmp_path / "aloft").iterdir()) == []


def test_members_of_what_is_not_there_are_none(tmp_path: Path):
    assert cgroup.members(tmp_path / "nothing") == []
    cgroup.kill(tmp_path / "nothing")
