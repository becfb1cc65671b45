"""How a network card goes into a bridge and out of it, on a machine that is made of dictionaries."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aloft.base.errors import PermanentError, TemporaryError
from aloft.base.paths import Paths
from aloft.ground import moves, transfer
from aloft.ground.layout import Layout
from aloft.ground.moves import Moves
from aloft.ground.plan import BridgeState, SwitchState
from aloft.ground.transfer import IP, Carried, Change

CARD, BRIDGE = "eth1", "br-ex"
WISH = "a wish"
VSCTL = ("ovs-vsctl",)


class Machine:
    """Addresses and routes by device, and ports by bridge; understands the commands that are given."""

    def __init__(self):
        self.addresses = {CARD: {"192.0.2.7/24"}}
        self.routes = {CARD: {(4, "default via 192.0.2.1")}}
        self.ports = {}
        self.dead_after = None
        self.leased = False
        self.up = set()
        self.fails = ""

    def seen(self):
        found = [{name: sorted(some) for name, some in kind.items() if some} for kind in (self.addresses, self.routes)]
        return json.dumps([*found, self.ports], default=sorted, sort_keys=True)

    def switch(self):
        bridges = {
            name: BridgeState(
                "netdev",
                ports=frozenset(ports),
                addresses=frozenset(self.addresses.get(name, ())),
                up=name in self.up,
            )
            for name, ports in self.ports.items()
        }
        return SwitchState(bridges=bridges)

    def run(self, words):
        text = " ".join(words)
        if self.fails and self.fails in text:
            raise TemporaryError(f"{text} failed.")
        if self.dead_after is not None:
            self.dead_after -= 1
            if self.dead_after < 0:
                raise KeyboardInterrupt
        if words[0] != IP:
            return self._vsctl([word for word in words if not word.startswith("--")][1:])
        if "-json" in words:
            told = [
                {"local": a.partition("/")[0], "prefixlen": int(a.partition("/")[2]), "family": "inet",
                 "scope": "global", "dynamic": self.leased}
                for a in sorted(self.addresses.get(words[-1], ()))
            ]  # fmt: skip
            return json.dumps([{"address": "52:54:00:00:00:01", "addr_info": told}])
        if words[2:4] == ("route", "show"):
            version = int(words[1][1:])
            return "\n".join(line for v, line in sorted(self.routes.get(words[-1], ())) if v == version)
        device = words[words.index("dev") + 1]
        if words[1] == "address":
            held = self.addresses.setdefault(device, set())
            (held.discard if words[2] == "delete" else held.add)(words[3])
            if words[2] == "delete" and not held:
                self.routes.pop(device, None)
        elif words[1] == "link" and words[-1] == "up":
            self.up.add(device)
        elif "route" in words:
            line = " ".join(words[4 : words.index("dev")])
            self.routes.setdefault(device, set()).add((int(words[1][1:]), line))
        return ""

    def _vsctl(self, words):
        match words:
            case ["add-br", bridge, *_]:
                self.ports.setdefault(bridge, set())
            case ["add-port", bridge, card]:
                self.ports[bridge].add(card)
            case ["del-port", bridge, card]:
                self.ports[bridge].discard(card)
        return ""


@pytest.fixture
def machine(monkeypatch):
    made = Machine()
    made.ports[BRIDGE] = set()
    monkeypatch.setattr(moves, "_run", made.run)
    monkeypatch.setattr(moves, "_exists", lambda card: True)
    return made


@pytest.fixture
def layout(tmp_path):
    made = Layout.of(Paths(tmp_path))
    made.state.mkdir(parents=True)
    return made


class Edge:
    """Answers, or does not."""

    def __init__(self, machine):
        self.machine = machine
        self.works = lambda: True
        self.asked = 0

    async def __call__(self):
        self.asked += 1
        if not self.works():
            raise TemporaryError("nothing answers")


def target():
    return {CARD: Change(CARD, BRIDGE, "netdev")}


def moved(machine):
    return CARD in machine.ports[BRIDGE] and not machine.addresses[CARD]


async def test_a_card_goes_in_with_what_it_carries_once_the_plane_has_answered(machine, layout):
    edge = Edge(machine)
    one = Moves(layout, edge)
    assert await one.bring(target(), machine.switch(), WISH) == {}
    assert moved(machine)
    assert machine.addresses[BRIDGE] == {"192.0.2.7/24"}
    assert machine.routes[BRIDGE] == {(4, "default via 192.0.2.1")}
    asked = edge.asked
    assert await one.bring(target(), machine.switch(), WISH) == {}
    assert edge.asked == asked, "what is there is left alone"
    assert not (layout.state / "network-change.json").exists()


async def test_a_card_that_cuts_the_host_off_is_put_back_told_and_not_tried_again_for_the_same_wish(machine, layout):
    edge, before = Edge(machine), machine.seen()
    edge.works = lambda: not moved(machine)
    one = Moves(layout, edge, confirm_seconds=0.01)
    problem = (await one.bring(target(), machine.switch(), WISH))[BRIDGE]
    assert machine.seen() == before
    assert problem.state == "failed"
    assert "cut the host off" in problem.reason
    assert "put back" in problem.reason
    assert "aloft host retry" in problem.remedy
    edge.works = lambda: True
    assert (await Moves(layout, edge).bring(target(), machine.switch(), WISH))[BRIDGE] == problem
    assert not moved(machine)
    assert await one.bring(target(), machine.switch(), "another wish") == {}
    assert moved(machine)


async def test_nothing_is_begun_while_the_plane_does_not_answer(machine, layout):
    edge, before = Edge(machine), machine.seen()
    edge.works = lambda: False
    problem = (await Moves(layout, edge).bring(target(), machine.switch(), WISH))[BRIDGE]
    assert (problem.state, machine.seen()) == ("converging", before)


async def test_an_address_that_comes_by_dhcp_stays_where_it_is(machine, layout):
    machine.leased = True
    before = machine.seen()
    problem = (await Moves(layout, Edge(machine)).bring(target(), machine.switch(), WISH))[BRIDGE]
    assert (problem.state, machine.seen()) == ("failed", before)
    assert "DHCP" in problem.reason


async def test_a_command_that_fails_leaves_nothing_half_done(machine, layout):
    before = machine.seen()
    machine.fails = "add-port"
    problem = (await Moves(layout, Edge(machine)).bring(target(), machine.switch(), WISH))[BRIDGE]
    assert problem.state == "failed"
    assert machine.seen() == before


@pytest.mark.parametrize("steps", range(12))
async def test_an_agent_that_dies_at_any_moment_is_followed_by_one_that_puts_everything_back(machine, layout, steps):
    machine.dead_after = 4 + steps
    try:
        await Moves(layout, Edge(machine)).bring(target(), machine.switch(), WISH)
        died = False
    except KeyboardInterrupt:
        died = True
    machine.dead_after = None
    journal = (layout.state / "network-change.json").exists()
    assert await Moves(layout, Edge(machine)).recover()
    if died and journal:
        assert machine.addresses[CARD] == {"192.0.2.7/24"}
        assert machine.routes[CARD] == {(4, "default via 192.0.2.1")}
        assert CARD not in machine.ports[BRIDGE]
        problem = (await Moves(layout, Edge(machine)).bring(target(), machine.switch(), WISH))[BRIDGE]
        assert "The agent ended before" in problem.reason


async def test_putting_back_waits_for_open_vswitch(machine, layout):
    edge = Edge(machine)
    edge.works = lambda: not moved(machine)
    machine.fails = "del-port"
    one = Moves(layout, edge, confirm_seconds=0.01)
    await one.bring(target(), machine.switch(), WISH)
    assert machine.addresses[CARD] == {"192.0.2.7/24"}, "addresses come first"
    assert not await one.recover()
    machine.fails = ""
    assert await one.recover()
    assert CARD not in machine.ports[BRIDGE]


async def test_what_the_switch_lost_with_a_restart_comes_back_though_the_plane_is_away(machine, layout):
    edge = Edge(machine)
    one = Moves(layout, edge)
    await one.bring(target(), machine.switch(), WISH)
    machine.addresses[BRIDGE], machine.routes = set(), {}
    edge.works = lambda: False
    assert await one.bring(target(), machine.switch(), WISH) == {}
    assert machine.addresses[BRIDGE] == {"192.0.2.7/24"}
    assert machine.routes[BRIDGE] == {(4, "default via 192.0.2.1")}


async def test_a_card_that_nobody_wants_in_a_bridge_any_more_is_given_back_with_what_it_carried(machine, layout):
    one = Moves(layout, Edge(machine))
    await one.bring(target(), machine.switch(), WISH)
    await one.give_back(target(), WISH)
    assert moved(machine)
    await one.give_back({}, WISH)
    assert machine.addresses == {CARD: {"192.0.2.7/24"}, BRIDGE: set()}
    assert machine.routes[CARD] == {(4, "default via 192.0.2.1")}
    await one.give_back({}, WISH)


async def test_a_card_that_somebody_else_put_into_a_bridge_is_left_there(machine, layout):
    machine.ports[BRIDGE].add("eth9")
    await Moves(layout, Edge(machine)).give_back({}, WISH)
    assert machine.ports[BRIDGE] == {"eth9"}


async def test_a_card_that_is_not_there_is_told(machine, layout):
    machine.fails = "show dev eth1"
    problem = (await Moves(layout, Edge(machine)).bring(target(), machine.switch(), WISH))[BRIDGE]
    assert "no network card eth1" in problem.reason


def test_routes_that_the_kernel_makes_itself_are_not_carried():
    text = (
        "default via 192.0.2.1 proto static metric 100 linkdown\n"
        "192.0.2.0/24 proto kernel scope link src 192.0.2.7\n"
        "198.51.100.0/24 scope link\n"
        "local 192.0.2.7 table local proto kernel scope host src 192.0.2.7\n"
        "default via fe80::1 proto ra metric 1024 expires 1790sec\n"
    )
    assert transfer.routes(text) == ("198.51.100.0/24 scope link", "default via 192.0.2.1 proto static metric 100")


def test_no_device_is_no_card():
    with pytest.raises(PermanentError):
        transfer.device("[]", "", "")


addresses = st.sampled_from(["192.0.2.7/24", "198.51.100.4/32", "2001:db8::7/64"])


@settings(deadline=None)
@given(st.lists(addresses, unique=True), st.integers(0, 20), st.booleans())
def test_however_far_a_change_came_it_is_undone(carried, came, inward):
    machine = Machine()
    machine.addresses, machine.routes, machine.ports = {CARD: set(), BRIDGE: set()}, {}, {BRIDGE: set()}
    change = Change(CARD, BRIDGE, "netdev", inward, "52:54:00:00:00:01", Carried(tuple(carried)))
    machine.addresses[CARD if inward else BRIDGE] = set(carried)
    machine.ports[BRIDGE] = set() if inward else {CARD}
    before = machine.seen()
    for command in transfer.steps(change, VSCTL)[:came]:
        machine.run(command.words)
    for command in transfer.undoing(change, VSCTL):
        machine.run(command.words)
    assert machine.seen() == before


def test_a_change_is_kept_as_it_is():
    change = Change(CARD, BRIDGE, "netdev", False, "52:54:00:00:00:01", Carried(("192.0.2.7/24",), ((4, "default"),)))
    assert Change.restored(json.loads(json.dumps(change.stored()))) == change


OWN = "203.0.113.1/24"


def own_address():
    change = Change("", BRIDGE, "netdev", address=OWN)
    return {change.key: change}


async def test_an_address_of_a_bridges_own_that_cuts_the_host_off_is_taken_back_and_told(machine, layout):
    edge = Edge(machine)
    edge.works = lambda: OWN not in machine.addresses.get(BRIDGE, ())
    one = Moves(layout, edge, confirm_seconds=0.01)
    problem = (await one.bring(own_address(), machine.switch(), WISH))[BRIDGE]
    assert machine.addresses[BRIDGE] == set()
    assert problem.state == "failed"
    assert f"the address {OWN} cut the host off" in problem.reason
    assert OWN in problem.remedy
    asked = edge.asked
    assert await one.bring(own_address(), machine.switch(), WISH) == {BRIDGE: problem}
    assert edge.asked == asked, "it is not tried again for the same wish"


async def test_an_agent_that_dies_after_it_gave_an_address_is_followed_by_one_that_takes_it_back(machine, layout):
    machine.dead_after = 1
    with pytest.raises(KeyboardInterrupt):
        await Moves(layout, Edge(machine)).bring(own_address(), machine.switch(), WISH)
    machine.dead_after = None
    assert machine.addresses[BRIDGE] == {OWN}
    assert await Moves(layout, Edge(machine)).recover()
    assert machine.addresses[BRIDGE] == set()


async def test_an_address_that_was_confirmed_comes_back_while_the_plane_is_away_and_goes_when_nobody_wants_it(
    machine, layout
):
    edge = Edge(machine)
    one = Moves(layout, edge)
    assert await one.bring(own_address(), machine.switch(), WISH) == {}
    machine.addresses[BRIDGE].clear()
    edge.works = lambda: False
    assert await one.bring(own_address(), machine.switch(), WISH) == {}
    assert machine.addresses[BRIDGE] == {OWN}
    edge.works = lambda: True
    await one.give_back(own_address(), WISH)
    assert machine.addresses[BRIDGE] == {OWN}
    await one.give_back({}, WISH)
    assert machine.addresses[BRIDGE] == set()


async def test_an_address_that_a_bridge_had_before_stays_when_nobody_wants_it_any_more(machine, layout):
    machine.addresses[BRIDGE] = {OWN}
    machine.up.add(BRIDGE)
    one = Moves(layout, Edge(machine))
    assert await one.bring(own_address(), machine.switch(), WISH) == {}
    await one.give_back({}, WISH)
    assert machine.addresses[BRIDGE] == {OWN}
