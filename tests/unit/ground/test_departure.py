"""How roles leave a host, and what keeps them."""

import json

import pytest

from aloft.base.errors import TemporaryError
from aloft.base.paths import Paths
from aloft.ground import converge, departure, machine, moves
from aloft.ground.converge import Convergence
from aloft.ground.departure import Departure
from aloft.ground.edges import Edges, Place
from aloft.ground.layout import Layout
from aloft.ground.plan import BridgeState, Observed, SwitchState
from aloft.ground.retries import Retries
from aloft.ground.roles.model import Farewell, Role, Trace, Unit
from aloft.ground.settings import Desired
from aloft.ground.store import Identity, Store
from aloft.ground.succession import Succession
from aloft.ground.transfer import Change

from .conftest import FACTS, STATE

IDENTITY = Identity(
    host="host-1", customer="demo", region="demo-1", agent_url="https://agent.demo-1:8443", edge_host="127.0.0.1"
)
FAREWELL = Farewell((("/usr/bin/env", "chassis-del"),))


async def reach(): ...


class Processes:
    """A supervisor whose processes end at once."""

    def __init__(self):
        self.wanted = {}

    async def apply(self, group, specs):
        self.wanted = {spec.name: spec for spec in specs}

    async def settle(self): ...

    def specs(self):
        return self.wanted

    def status(self):
        return []

    def pids(self, name):
        return 0, None

    def subscribe(self, listener):
        return lambda: None


class Machine:
    """What the agent sees of the machine and does to it."""

    def __init__(self, monkeypatch, layout):
        self.ran = []
        self.broken = ()
        self.switch = SwitchState(bridges={})
        monkeypatch.setattr(machine, "observe", lambda role, systemd: self._everything(role))
        monkeypatch.setattr(machine, "switch_state", lambda layout: self.switch)
        monkeypatch.setattr(machine, "attempt", lambda commands: self._run(commands[0]))
        monkeypatch.setattr(machine, "carry_out", lambda step: self._run(step.command))
        monkeypatch.setattr(machine, "running_instances", lambda: 0)
        monkeypatch.setattr(moves, "_run", lambda words: self._run(words) or "")
        monkeypatch.setattr(converge.host_facts, "gather", lambda layout: FACTS)

    def _everything(self, role):
        return Observed(
            frozenset(role.packages),
            folders=frozenset(one.path for one in role.folders),
            files=frozenset(one.path for one in role.files),
        )

    def _run(self, command):
        self.ran.append(command)
        if command[-1] in self.broken or command[0] in self.broken:
            raise TemporaryError(f"{command[0]} does not want to.")


@pytest.fixture
def layout(tmp_path):
    made = Layout.of(Paths(tmp_path))
    for folder in (made.config, made.run, tmp_path / "etc", made.switch_database.parent):
        folder.mkdir(parents=True, exist_ok=True)
    made.switch_database.touch()
    (tmp_path / "etc/hosts").write_text("127.0.0.1 localhost\n# Aloft agent: begin\n127.0.0.1 x\n# Aloft agent: end\n")
    (made.config / "link.cfg").touch()
    return made


@pytest.fixture
def seen(monkeypatch, layout):
    return Machine(monkeypatch, layout)


@pytest.fixture
def host(layout, seen):
    return Convergence(layout, IDENTITY, Edges(Place("127.0.0.1", 443)), Processes(), Succession(layout), reach)


def wants(*roles, generation=4):
    return Desired.model_validate({**STATE, "roles": roles, "generation": generation})


def applied(layout, **roles):
    Store(layout).keep_applied(roles)


async def test_a_role_is_told_until_what_it_left_is_gone(host, layout, seen):
    applied(layout, network=Trace((FAREWELL,), wired=True))
    seen.switch = SwitchState(
        {"ovn-remote": "x", "system-id": "y", "mine": "z"},
        {"br-int": BridgeState("system"), "br-ex": BridgeState("system", made=True), "br-own": BridgeState("system")},
    )
    seen.broken = ("chassis-del",)
    told = await host.round(wants())
    assert told.generation == 4
    assert told.states["network"].state == "converging"
    assert "does not want to" in told.states["network"].reason
    assert Store(layout).applied().keys() == {"network"}

    seen.broken = ()
    told = await host.round(wants(generation=5))
    assert told.states == {}
    assert Store(layout).applied() == {}
    removed = [command[-1] for command in seen.ran if "del-br" in command]
    assert removed == ["br-ex", "br-int"], "and not the one that was there before"
    (ids,) = [command for command in seen.ran if "Open_vSwitch" in command]
    assert ids[-1] == "ovn-remote"


async def test_a_host_without_roles_keeps_neither_link_nor_logins(host, layout, seen):
    applied(layout, network=Trace((FAREWELL,)))
    state = {**STATE, "roles": []}
    Store(layout).keep_desired(state)
    told = await host.round(Desired.model_validate(state))
    assert told.states == {}
    assert host._supervisor.wanted == {}
    assert not (layout.config / "link.cfg").exists()
    assert (layout.paths.root / "etc/hosts").read_text() == "127.0.0.1 localhost\n"
    assert "secret" not in (layout.state / "desired.json").read_text()
    assert Store(layout).desired().generation == 3


async def test_a_card_that_cannot_be_given_back_keeps_its_role(host, layout, seen):
    applied(layout, network=Trace((FAREWELL,), wired=True))
    change = Change("eth2", "br-ex", "system", mac="52:54:00:00:00:01")
    (layout.state / "network-cards.json").write_text(json.dumps({"cards": {"eth2": change.stored()}}))

    async def unreachable():
        raise TemporaryError("nobody answers")

    host._moves._reach = unreachable
    told = await host.round(wants())
    assert told.states["network"].step == "Giving network cards back"
    assert seen.ran == []
    seen.switch = None
    told = await host.round(wants())
    assert told.states["network"].step == "Putting the host's network back"
    assert {"agent/ovsdb-server", "agent/ovs-vswitchd"} <= host._supervisor.wanted.keys()


async def test_an_edge_that_is_not_known_keeps_the_roles_of_a_host(layout, seen):
    edges = Edges(Place("edge.invalid", 443))

    def none(hidden):
        raise TemporaryError("The name does not resolve.")

    edges.numeric = none
    applied(layout, network=Trace((FAREWELL,), wired=True))
    told = await Convergence(layout, IDENTITY, edges, Processes(), Succession(layout), reach).round(wants())
    assert told.states["network"].reason == "The name does not resolve."


async def test_the_edges_last_number_is_known_after_a_restart_without_names(layout, seen):
    edges = Edges(Place("edge.example", 443))
    edges.numeric = lambda hidden: Place("192.0.2.1", 8443)
    await Convergence(layout, IDENTITY, edges, Processes(), Succession(layout), reach).round(Desired(generation=0))

    def none(hidden):
        raise TemporaryError("The name does not resolve.")

    edges.numeric = none
    seen.switch = SwitchState(bridges={})
    later = Convergence(layout, IDENTITY, edges, Processes(), Succession(layout), reach)
    told = await later.round(wants("network"))
    assert told.states["network"].reason == ""
    assert "agent/ovs-vswitchd" in later._supervisor.wanted
    (carried,) = [file for file in later._link(*linked(wants("network"))).files if file.path.name == "link.cfg"]
    assert "192.0.2.1:8443" in carried.content


def linked(desired):
    return desired.settings, {}, FACTS


async def test_a_link_that_cannot_be_prepared_keeps_the_roles_of_a_host(host, layout, seen, monkeypatch):
    applied(layout, network=Trace((FAREWELL,), wired=True))

    def broken(step):
        raise TemporaryError("The disk is full.")

    monkeypatch.setattr(machine, "observe", lambda role, systemd: Observed())
    monkeypatch.setattr(machine, "carry_out", broken)
    told = await host.round(wants())
    assert told.states["network"].reason == "The disk is full."


@pytest.mark.parametrize(
    ("running", "said"),
    [(None, "libvirt does not answer"), (2, "2 virtual machines run"), (0, "")],
)
async def test_a_hypervisor_whose_machines_run_or_may_run_stays(host, layout, seen, monkeypatch, running, said):
    monkeypatch.setattr(machine, "running_instances", lambda: running)
    applied(layout, hypervisor=Trace((FAREWELL,), wired=True))
    seen.switch = SwitchState(bridges={"br-int": BridgeState("system", True, made=True)})
    told = (await host.round(wants())).states.get("hypervisor")
    assert ("agent/neutron-ovn-metadata-agent" in host._supervisor.wanted) == bool(said)
    assert "agent/nova-compute" not in host._supervisor.wanted, "its login went with the role"
    assert (FAREWELL.either[0] in seen.ran) != bool(said)
    if said:
        assert told.state == "failed"
        assert said in told.reason
        assert told.remedy
    else:
        assert told is None


@pytest.mark.parametrize(
    ("words", "runs"),
    [
        ((b"/usr/bin/qemu-system-x86_64", b"-name", b"guest=a,debug-threads=on", b"-S"), True),
        ((b"/usr/bin/qemu-system-x86_64", b"-S", b"-no-user-config", b"-machine", b"none"), False),
        ((b"qemu-img", b"convert", b"-name"), False),
        ((b"",), False),
    ],
)
def test_a_machine_is_told_by_its_emulator(words, runs):
    assert machine.is_emulator(b"\0".join(words)) is runs


def test_what_no_program_of_the_machine_did_needs_not_be_taken_back():
    machine.attempt([("/nowhere/ovn-sbctl", "chassis-del")])
    machine.attempt([("/usr/bin/false",), ("/usr/bin/true",)])
    with pytest.raises(TemporaryError, match="false failed"):
        machine.attempt([("/usr/bin/false",)])


async def test_units_run_again_as_they_did_before(layout, monkeypatch):
    ran = []
    monkeypatch.setattr(machine, "attempt", lambda commands: ran.append(commands[0][1:]))
    leaver = Departure(layout, Store(layout), Retries(), Processes())
    both = (Unit("libvirtd.service"), Unit("ovn-controller.service", running=False), Unit("openvswitch.service"))
    hypervisor, network = Role("hypervisor", units=both), Role("network", units=both[2:])
    leaver.note_units(hypervisor, frozenset({"ovn-controller.service"}))
    leaver.note_units(hypervisor, frozenset({"libvirtd.service"}))
    leaver.note({"hypervisor": hypervisor, "network": network})
    leaving, staying = {"hypervisor": hypervisor.trace}, {"network": network.trace}
    assert await leaver.carry_out(leaving, staying, systemd=True, keep_units=True) == {}
    assert ran == []
    await leaver.carry_out(leaving, staying, systemd=True, keep_units=False)
    assert ran == [("disable", "--now", "libvirtd.service"), ("enable", "--now", "ovn-controller.service")]
    leaver.forget(leaving)
    assert Store(layout).found_units() == {"openvswitch.service": False}


async def test_secrets_go_first_and_what_another_role_has_too_stays(context, layout, monkeypatch):
    ran = []
    monkeypatch.setattr(machine, "attempt", lambda commands: ran.append(commands[0]))
    leaver = Departure(layout, Store(layout), Retries(), Processes())
    hypervisor = converge.ALL["hypervisor"](context)
    network = converge.ALL["network"](context)
    await leaver.carry_out(
        {"hypervisor": hypervisor.trace}, {"network": network.trace}, systemd=False, keep_units=False
    )
    assert [command[0] for command in ran] == ["/usr/bin/rm"] * 3
    assert {command[-1].rpartition("/")[2] for command in ran} == {
        "nova.conf",
        "neutron-metadata.conf",
        "libvirtd.conf",
    }
    ran.clear()
    await leaver.carry_out({"hypervisor": hypervisor.trace}, {}, systemd=False, keep_units=False)
    assert ran[0][0] == "/usr/bin/rm"
    assert ran[-1][-2:] == ("chassis-del", "host-1")


def test_why_a_role_stays_has_a_remedy():
    assert departure.kept(0) is None
    assert all(why and why.remedy for why in (departure.kept(None), departure.kept(1)))


async def test_a_bridge_that_two_roles_have_is_made_once(host, layout, seen, monkeypatch):
    made = set()

    def switch(layout):
        return SwitchState(bridges={name: BridgeState("system", True, up=True, made=True) for name in made})

    def carry_out(step):
        if "add-br" in step.command:
            name = step.command[step.command.index("add-br") + 1]
            assert name not in made
            made.add(name)

    monkeypatch.setattr(machine, "switch_state", switch)
    monkeypatch.setattr(machine, "carry_out", carry_out)
    told = await host.round(wants("hypervisor", "network"))
    assert made == {"br-int", "br-ex"}
    assert {state.reason for state in told.states.values()} == {""}
