"""What becomes of networks whose places on hosts are gone."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aloft.sync.inventory import Bridge, Inventory, Network
from aloft.sync.networks import AGAIN_SECONDS, gone_since, offerable, plan_networks
from aloft.sync.policy import Settings

SETTINGS = Settings(grace_seconds=600.0)
LAB = Network("u1", "lab", mode="nat", bridge="virbr1")
PLACE = "host/h1/lab"


def seen(*networks: Network, bridges: tuple[Bridge, ...] = (), **about: Any) -> Inventory:
    return Inventory(1.0, networks=networks, bridges=bridges, **about)


def known(**hosts: float | None) -> dict[str, Any]:
    return {"host": "h1", "hosts": hosts}


def planned(inventory: Inventory, remembered: dict[str, Any], now: float, refused: float | None = None) -> Any:
    last = {} if refused is None else {PLACE: refused}
    return plan_networks("h1", inventory, remembered, SETTINGS, now, last)


def test_a_place_is_remembered_once_and_then_there_is_nothing_to_do() -> None:
    ((action,), due) = planned(seen(LAB), {PLACE: {"host": "h1"}}, 5.0)
    assert (action.kind, action.base["hosts"], due) == ("note", {"h1": None}, None)
    assert planned(seen(LAB), {PLACE: action.base}, 6.0) == ([], None)


def test_gone_it_is_marked_and_after_the_time_of_grace_removed() -> None:
    ((action,), due) = planned(seen(), {PLACE: known(h1=None)}, 5.0)
    assert (action.kind, gone_since(action.base), due) == ("miss", 5.0, 605.0)
    assert planned(seen(), {PLACE: action.base}, 604.0) == ([], 605.0)
    ((last,), _) = planned(seen(), {PLACE: action.base}, 605.0)
    assert last.kind == "remove"


def test_back_in_time_it_is_as_if_it_had_never_gone() -> None:
    ((action,), due) = planned(seen(LAB), {PLACE: {**known(h1=5.0), "kept": "it is in use"}}, 300.0)
    assert (action.kind, action.base, due) == ("return", {"host": "h1", "hosts": {"h1": None}}, None)


def test_what_was_refused_is_tried_again_later() -> None:
    kept = {PLACE: {**known(h1=5.0), "kept": "it is in use"}}
    assert planned(seen(), kept, 1010.0, refused=1000.0) == ([], 1000.0 + AGAIN_SECONDS)
    ((action,), _) = planned(seen(), kept, 1000.0 + AGAIN_SECONDS, refused=1000.0)
    assert action.kind == "remove"


def test_what_cannot_be_looked_at_says_nothing() -> None:
    for part in ("networks", "bridges"):
        assert planned(seen(failed={part: "libvirt does not answer"}), {PLACE: known(h1=5.0)}, 9000.0) == ([], None)


def test_what_no_host_told_as_its_own_and_what_another_host_has_is_not_gone() -> None:
    assert planned(seen(), {"bridge/eth0/0": {"host": "h1"}, PLACE: known(h2=5.0)}, 9000.0) == ([], None)
    ((action,), _) = planned(seen(), {"bridge/br0/7": known(h1=None, h2=None)}, 5.0)
    assert (action.kind, gone_since(action.base)) == ("note", None)
    assert planned(seen(), {"bridge/br0/7": action.base}, 9000.0) == ([], None)


def test_a_bridge_carries_all_its_tags() -> None:
    bridge = Bridge("br0", "linux")
    assert planned(seen(bridges=(bridge,)), {"bridge/br0/7": known(h1=None)}, 5.0) == ([], None)


def test_more_gone_at_once_than_is_believed_is_marked_and_stays() -> None:
    four = {f"host/h1/n{number}": known(h1=None) for number in range(4)}
    left = Network("u3", "n3", mode="nat")
    actions, due = planned(seen(left), four, 5.0)
    assert ([action.kind for action in actions], due) == (["miss"] * 3, None)
    held = four | {action.place: action.base for action in actions}
    assert planned(seen(left), held, 9000.0) == ([], None)
    more = {f"host/h1/m{number}": known(h1=None) for number in range(4)}
    others = [Network(f"u{place}", place.rpartition("/")[2], mode="nat") for place in more]
    assert planned(seen(left, *others), held | more, 9000.0) == ([], None), "with others they are no less doubtful"


def test_what_is_missed_with_too_many_others_before_it_goes_stays() -> None:
    three = {f"host/h1/n{number}": known(h1=5.0 if number == 0 else None) for number in range(3)}
    actions, due = planned(seen(), three, 600.0)
    assert {action.place: (action.kind, action.base["held"]) for action in actions} == {
        "host/h1/n0": ("note", True), "host/h1/n1": ("miss", True), "host/h1/n2": ("miss", True),
    }  # fmt: skip
    assert due is None


@given(st.lists(st.booleans(), max_size=12), st.floats(1, 1000))
def test_nothing_is_removed_that_was_there_within_the_time_of_grace(looks: list[bool], pause: float) -> None:
    base: dict[str, Any] = {"host": "h1"}
    now, last = 0.0, None
    for there in looks:
        now += pause
        last = now if there else last
        actions, _ = planned(seen(LAB) if there else seen(), {PLACE: base}, now)
        for action in actions:
            assert action.kind != "remove" or (last is not None and now - last >= SETTINGS.grace_seconds)
            base = dict(action.base)


def test_what_leads_somewhere_on_a_host_is_offered_once() -> None:
    trunk = Network("u2", "trunk", mode="bridge", bridge="br-lan", portgroups={"dmz": (7,), "all": (1, 2)})
    bridges = (
        Bridge("br-int", "ovs", ("br-int",)),
        Bridge("br0", "ovs", ("br0", "eth1.5")),
        Bridge("br-lan", "linux"),
        Bridge("virbr1", "linux"),
        Bridge("eth1.5", "vlan", parent="eth1", tag=5),
        Bridge("eth1.6", "vlan", parent="eth1", tag=6),
    )
    places = offerable(seen(LAB, trunk, Network("u3", "cards", mode="hostdev"), bridges=bridges), "h1")
    assert places == {PLACE, "bridge/br-lan/0", "bridge/br-lan/7", "bridge/br0/0", "bridge/eth1.6/0"}
