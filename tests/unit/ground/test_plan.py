"""What is to be done next, and how a role is doing: pure decisions."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aloft.ground import plan
from aloft.ground.plan import BridgeState, Observed, SwitchState
from aloft.ground.roles import ALL, network
from aloft.ground.roles.model import Bridge, Role
from aloft.supervise.spec import ProcessSpec, ProcessStatus

from .conftest import make_context


def everything(role, *, systemd):
    return Observed(
        installed=frozenset(role.packages),
        units=frozenset(unit.name for unit in role.units if unit.running) if systemd else frozenset(),
        folders=frozenset(folder.path for folder in role.folders),
        files=frozenset(file.path for file in role.files),
        made=frozenset(made.path for made in role.made),
        devices=frozenset(device.path for device in role.devices),
    )


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("systemd", [True, False])
def test_nothing_is_left_when_everything_is_there(name, systemd):
    role = ALL[name](make_context(systemd=systemd))
    assert plan.prepare(role, everything(role, systemd=systemd), systemd=systemd) == []


@pytest.mark.parametrize("name", ALL)
def test_packages_come_before_folders_and_those_before_files(name):
    role = ALL[name](make_context())
    kinds = [type(step) for step in plan.prepare(role, Observed(), systemd=False)]
    order = [plan.Install, plan.Provide, plan.Write, plan.Run]
    assert kinds == sorted(kinds, key=order.index)
    assert kinds[0] is plan.Install


def test_units_are_started_and_stopped():
    role = network.role(make_context(systemd=True))
    seen = everything(role, systemd=True)
    wrong = Observed(seen.installed, frozenset({"ovn-controller.service"}), seen.folders, seen.files, seen.made)
    commands = [step.command for step in plan.prepare(role, wrong, systemd=True)]
    assert commands == [
        ("systemctl", "enable", "--now", "openvswitch-switch.service"),
        ("systemctl", "disable", "--now", "ovn-controller.service"),
    ]


def realise(role):
    """The switch as it is once a role's steps were taken."""
    return SwitchState(
        external_ids=role.external_ids,
        bridges={
            bridge.name: BridgeState(
                bridge.datapath,
                bridge.secure,
                frozenset({bridge.interface} - {""}),
                frozenset({bridge.address} - {""}),
                up=bool(bridge.address),
            )
            for bridge in role.bridges
        },
    )


bridges = st.builds(
    Bridge,
    name=st.sampled_from(["br-int", "br-ex", "br-vlan"]),
    datapath=st.sampled_from(["system", "netdev"]),
    secure=st.booleans(),
    address=st.sampled_from(["", "172.24.4.1/24"]),
    interface=st.sampled_from(["", "eth1"]),
)
roles = st.builds(
    Role,
    name=st.just("network"),
    external_ids=st.dictionaries(st.sampled_from(sorted(plan.OWNED_IDS)), st.text("abc:,.1", min_size=1)),
    bridges=st.lists(bridges, unique_by=lambda bridge: bridge.name).map(tuple),
)


@given(roles)
def test_wiring_ends(role):
    layout = make_context().layout
    assert plan.wire(role, realise(role), layout) == []
    assert plan.unwire([role], realise(role), layout) == []


@given(roles, roles)
def test_wiring_touches_only_what_differs(role, other):
    steps = plan.wire(role, realise(other), make_context().layout)
    text = " ".join(" ".join(step.command) for step in steps)
    for key, value in role.external_ids.items():
        assert (f"external_ids:{key}=" in text) == (other.external_ids.get(key) != value)


def test_settings_that_nobody_wants_are_taken_away_but_only_the_agents_own():
    layout = make_context().layout
    seen = SwitchState({"ovn-cms-options": "enable-chassis-as-gw", "ovn-remote": "x", "somebody": "else's"})
    steps = plan.unwire([Role("hypervisor", external_ids={"ovn-remote": "x"})], seen, layout)
    assert [step.command[-1] for step in steps] == ["ovn-cms-options"]
    assert [step.command[-2:] for step in plan.unwire([], seen, layout)] == [("ovn-cms-options", "ovn-remote")]


def test_the_agent_removes_the_bridges_that_it_made_and_changes_no_others():
    layout = make_context().layout
    bridges = {"br-old": BridgeState("netdev", made=True), "br-ex": BridgeState("system")}
    seen = SwitchState(bridges={**bridges, "br-int": BridgeState("system")})
    role = Role("network", bridges=(Bridge("br-int", "netdev"), Bridge("br-ex", "netdev"), Bridge("br-new", "netdev")))
    assert [step.command[-1] for step in plan.unwire([role], seen, layout)] == ["br-old"]
    (lack,) = plan.strange(role, seen)
    assert "br-ex was there before" in lack.reason
    assert "--bridge" in lack.remedy
    assert plan.strange(role, SwitchState(bridges={"br-ex": BridgeState("netdev")})) == []
    (made,) = [step.command for step in plan.wire(role, seen, layout) if "br-new" in step.command]
    assert made[-1] == "external_ids:aloft=made"
    assert "--may-exist" not in made


SPEC = ProcessSpec(name="agent/nova-compute", log=Path("/var/log/nova-compute.log"))


@pytest.mark.parametrize(
    ("process", "role"),
    [
        ("ready", "ok"), ("starting", "converging"), ("waiting", "converging"),
        ("backoff", "degraded"), ("crash-loop", "degraded"), ("unready", "degraded"),
    ],
)  # fmt: skip
def test_a_role_is_as_well_as_its_processes(process, role):
    told = plan.judge(Role("r", processes=(SPEC,)), {SPEC.name: ProcessStatus(SPEC.name, process, reason="why")}, [])
    assert told.state == role
    assert told.state != "degraded" or ("why" in told.reason and "nova-compute.log" in told.remedy)


NOVA = """\
2026-11-22 20:04:23.066 CRITICAL nova [req-1] Unhandled error: nova.exception.InvalidConfiguration: My hypervisor ...
2026-11-22 20:04:23.066 1098 ERROR nova Traceback (most recent call last):
2026-11-22 20:04:23.066 1098 ERROR nova                 ^^^^^^^^^
2026-11-22 20:04:23.066 1098 ERROR nova nova.exception.InvalidConfiguration: My hypervisor has existing instances
2026-11-22 20:04:23.066 1098 ERROR nova 
""".splitlines()  # noqa: W291 - as nova writes it


def test_a_failing_process_is_heard():
    assert plan.last_words(NOVA).endswith("My hypervisor has existing instances")
    assert plan.last_words(["all is well", ""]) == ""
    status = {SPEC.name: ProcessStatus(SPEC.name, "crash-loop", reason="ended with exit code 1")}
    told = plan.judge(Role("r", processes=(SPEC,)), status, [], {SPEC.name: "the reason"})
    assert told.reason.endswith("the reason")


def test_a_role_with_work_left_says_which():
    told = plan.judge(Role("r"), {}, [plan.Run((), "Waiting for Open vSwitch")])
    assert (told.state, told.step, told.done) == ("converging", "Waiting for Open vSwitch", 0.0)


names = st.sets(st.from_regex(r"[a-z]{1,8}\.demo", fullmatch=True), max_size=5)
lines = st.lists(st.sampled_from(["127.0.0.1 localhost", "# a remark", "", "192.0.2.1 here there # why"]), max_size=5)


@given(lines, names, names)
def test_the_hosts_file_is_merged_once(others, first, second):
    text = "".join(f"{line}\n" for line in others)
    once = plan.merged_hosts(plan.merged_hosts(text, first), second)
    assert plan.merged_hosts(once, second) == once
    assert plan.own_names(once) == second
    assert plan.merged_hosts(once, []) == text


def test_names_that_others_mapped_are_left_alone():
    text = "127.0.0.1 identity.demo\n"
    assert plan.merged_hosts(text, ["identity.demo"]) == text
