"""What is done about a host's inventory."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from aloft.sync.evidence import ACCEPTED
from aloft.sync.facts import facts
from aloft.sync.inventory import NOVA_NAMESPACE, Address, Delta, Disk, Domain, Inventory, Network, Nic, Pool
from aloft.sync.plan import Scene, plan
from aloft.sync.policy import Exclusion, Policy, Rule, Settings
from aloft.sync.records import Known, View

HOST = "h1"
NOW = 1_000_000.0


def uuid(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012d}"


def domain(number: int = 1, **about: Any) -> Domain:
    told: dict[str, Any] = {
        "uuid": uuid(number),
        "name": f"vm{number}",
        "state": "running",
        "vcpus": 2,
        "memory_kib": 2048 * 1024,
        "disks": (Disk("vda", "virtio", source="file", path=f"/images/vm{number}.qcow2", pool="default"),),
    }
    return Domain(**{**told, **about})


def known(seen: Domain, **about: Any) -> Known:
    told: dict[str, Any] = {
        "uuid": seen.uuid,
        "host": HOST,
        "standing": "adopted",
        "project": "p1",
        "base": facts(seen, HOST, Inventory(NOW)),
    }
    return Known(**{**told, **about})


def view(seen: Domain, **about: Any) -> View:
    shown = facts(seen, HOST, Inventory(NOW))
    told: dict[str, Any] = {
        **{name: shown[name] for name in ("name", "description", "state", "vcpus", "memory_mib")},
        "uuid": seen.uuid,
        "host": HOST,
        "project": "p1",
    }
    return View(**{**told, **about})


def scene(
    domains: Iterable[Domain] = (),
    remembered: Iterable[Known] = (),
    views: Iterable[View] = (),
    policy: Policy | None = None,
    failed: dict[str, str] | None = None,
    **about: Any,
) -> Scene:
    return Scene(
        **{
            "host": HOST,
            "inventory": Inventory(NOW, domains=tuple(domains), failed=failed or {}),
            "known": {one.uuid: one for one in remembered},
            "views": {one.uuid: one for one in views},
            "policy": policy or Policy(),
            "now": NOW,
            **about,
        }
    )


def test_a_domain_that_nobody_knows_becomes_an_instance() -> None:
    made = plan(scene([domain()]))
    (action,) = made.actions
    assert (action.kind, action.uuid) == ("adopt", uuid(1))
    assert action.known is not None
    assert action.known.project == "discovered"
    assert action.facts["memory_mib"] == 2048


def test_a_domain_waits_until_nova_knows_its_host() -> None:
    made = plan(scene([domain()], ready=False))
    assert not made.actions
    assert uuid(1) in made.waiting
    assert made.due is not None


def test_what_differs_in_nothing_gives_nothing_to_do() -> None:
    seen = [domain(number) for number in range(50)]
    made = plan(scene(seen, map(known, seen), map(view, seen)))
    assert made.actions == ()
    assert made.due is None


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ({"state": "shutoff"}, "state", "stopped"),
        ({"state": "paused"}, "state", "paused"),
        ({"state": "shutoff", "managed_save": True}, "state", "suspended"),
        ({"state": "crashed"}, "state", "crashed"),
        ({"title": "new"}, "name", "new"),
        ({"description": "text"}, "description", "text"),
        ({"vcpus": 4}, "vcpus", 4),
        ({"next_vcpus": 8}, "vcpus", 8),
        ({"memory_kib": 1024 * 1024, "next_memory_kib": 2048 * 1024}, "memory_mib", 1024),
    ],
)
def test_what_changes_on_the_host_changes_in_openstack(change: dict[str, object], field: str, value: object) -> None:
    before = domain()
    after = replace(before, **change)  # type: ignore[arg-type]
    (action,) = plan(scene([after], [known(before)], [view(before)])).actions
    assert action.kind == "update"
    assert action.fields == (field,)
    assert action.facts[field] == value
    assert [(entry.field, entry.after) for entry in action.entries] == [(field, value)]


def test_a_nic_that_is_plugged_in_elsewhere_changes_ports() -> None:
    before = domain(nics=(Nic("52:54:00:00:00:01", source="bridge", name="br0", bridge="br0"),))
    after = replace(before, nics=(Nic("52:54:00:00:00:01", source="bridge", name="br1", bridge="br1", vlans=(7,)),))
    (action,) = plan(scene([after], [known(before)], [view(before)])).actions
    assert action.fields == ("nics",)
    assert action.facts["nics"][0]["place"] == "bridge/br1/7"


def test_a_nic_whose_network_libvirt_knows_no_more_stays_where_it_was() -> None:
    nic = Nic("52:54:00:00:00:01", source="network", name="lab")
    inventory = Inventory(NOW, networks=(Network("u1", "lab", mode="nat", bridge="virbr1"),))
    before = facts(domain(nics=(nic,)), HOST, inventory)
    assert before["nics"][0]["place"] == "host/h1/lab"
    assert facts(domain(nics=(nic,)), HOST, Inventory(NOW), before)["nics"] == before["nics"]


def test_a_machine_that_is_off_or_silent_has_not_lost_its_addresses() -> None:
    card = Nic("52:54:00:00:00:01", source="bridge", name="br0", bridge="br0")
    known_as = replace(card, addresses=(Address("192.0.2.7", 24, "agent"),))
    before = domain(nics=(known_as,))
    for state, fields in (("shutoff", ("state",)), ("running", None)):
        made = plan(scene([domain(nics=(card,), state=state)], [known(before)], [view(before)]))
        assert [action.fields for action in made.actions] == ([fields] if fields else [])
        assert not [entry for action in made.actions for entry in action.entries if entry.field == "nics"]
    other = replace(known_as, addresses=(Address("192.0.2.8", 24, "agent"),))
    (changed,) = plan(scene([domain(nics=(other,))], [known(before)], [view(before)])).actions
    assert changed.facts["nics"][0]["addresses"] == [["192.0.2.8", 24]]
    moved = replace(card, name="br1", bridge="br1")
    (elsewhere,) = plan(scene([domain(nics=(moved,))], [known(before)], [view(before)])).actions
    assert elsewhere.facts["nics"][0]["addresses"] == [], "in another network it has others"


def test_a_rule_by_pool_fits_disks_anywhere_in_its_folder() -> None:
    disk = Disk("vda", "virtio", source="file", path="/slow/teams/vm1.qcow2")
    inventory = Inventory(NOW, domains=(domain(disks=(disk,)),), pools=(Pool("p", "slow", "dir", path="/slow"),))
    (action,) = plan(scene(policy=Policy((Rule("team", pool="slow"),)), inventory=inventory)).actions
    assert action.known is not None
    assert action.known.project == "team"


def test_a_nic_that_nova_plugged_in_names_its_port_and_no_place() -> None:
    ports = f'<i xmlns="{NOVA_NAMESPACE}"><ports><port uuid="6207bcb1-e041-46f5-9356-3d2abaebc32c"/></ports></i>'
    nic = Nic("fa:16:3e:00:00:01", "tap6207bcb1-e0", source="ethernet")
    told = facts(domain(nics=(nic,), metadata={NOVA_NAMESPACE: ports}), "h1", Inventory(0.0))["nics"][0]
    assert (told["interface_id"], told["place"]) == ("6207bcb1-e041-46f5-9356-3d2abaebc32c", "")
    switched = replace(nic, source="ovs", name="br-int", bridge="br-int", interface_id="p1")
    told = facts(domain(nics=(switched,)), "h1", Inventory(0.0))["nics"][0]
    assert (told["interface_id"], told["place"]) == ("p1", "")


def test_what_openstack_did_itself_is_only_remembered_as_its_own() -> None:
    before, after = domain(), domain(state="shutoff")
    (action,) = plan(scene([after], [known(before)], [view(after)])).actions
    assert action.kind == "note"
    assert [entry.source for entry in action.entries] == ["openstack"]


def test_a_record_that_says_otherwise_than_the_host_is_corrected() -> None:
    seen = domain()
    (action,) = plan(scene([seen], [known(seen)], [view(seen, state="stopped")])).actions
    assert action.fields == ("state",)
    assert action.facts["state"] == "active"


def test_an_instance_that_openstack_works_on_is_left_alone() -> None:
    before, after = domain(), domain(state="shutoff")
    made = plan(scene([after], [known(before)], [view(before, busy=True)]))
    assert not made.actions
    assert made.waiting


def test_what_openstack_has_already_is_recognised_and_not_made_again() -> None:
    seen = domain(metadata={NOVA_NAMESPACE: "<instance/>"}, name="instance-00000001")
    (action,) = plan(scene([seen], [], [view(seen, name="web")])).actions
    assert action.kind == "note"
    assert action.known is not None
    assert action.known.origin == "made here"
    again = plan(scene([seen], [action.known], [view(seen, name="web")]))
    assert again.actions == ()


def test_a_lost_record_is_made_again_for_its_owner() -> None:
    seen = domain()
    (action,) = plan(scene([seen], [known(seen, project="p7")], [])).actions
    assert action.kind == "adopt"
    assert action.known is not None
    assert action.known.project == "p7"


def test_a_machine_made_by_nova_whose_record_is_lost_names_its_owner_itself() -> None:
    owner = '<n:owner><n:user uuid="u9">u</n:user><n:project uuid="p9">x</n:project></n:owner>'
    text = f'<n:instance xmlns:n="{NOVA_NAMESPACE}"><n:name>web</n:name>{owner}</n:instance>'
    seen = domain(metadata={NOVA_NAMESPACE: text}, name="instance-00000001")
    (action,) = plan(scene([seen])).actions
    assert action.known is not None
    assert (action.known.project, action.known.origin) == ("p9", "made here")
    assert action.facts["name"] == "web"


def test_what_was_deleted_in_openstack_is_not_adopted_behind_its_back() -> None:
    seen = domain()
    (action,) = plan(scene([seen], [known(seen)], [view(seen, deleted=True)])).actions
    assert action.known is not None
    assert action.known.standing == "deleted"
    assert plan(scene([seen], [action.known], [view(seen, deleted=True)])).actions == ()


@pytest.mark.parametrize("standing", ["unmanaged", "deleted"])
def test_what_was_left_out_by_hand_stays_out(standing: str) -> None:
    seen = domain()
    assert plan(scene([seen], [known(seen, standing=standing)], [])).actions == ()


def test_the_first_rule_that_fits_decides() -> None:
    rules = (Rule("a", name="db*"), Rule("b", host="h1", pool="def*"), Rule("c"))
    made = plan(scene([domain(1), domain(2, name="db1")], policy=Policy(rules)))
    assert [action.known.project for action in made.actions if action.known] == ["b", "a"]


def test_an_exclusion_takes_an_instance_out_and_lets_it_run() -> None:
    seen = domain()
    policy = Policy(exclusions=(Exclusion("pool", "default"),))
    (action,) = plan(scene([seen], [known(seen)], [view(seen)], policy)).actions
    assert action.kind == "remove"
    assert action.known is not None
    assert action.known.standing == "excluded"
    assert plan(scene([seen], [action.known], [], policy)).actions == ()
    (back,) = plan(scene([seen], [action.known], [])).actions
    assert back.kind == "adopt"
    assert back.known is not None
    assert back.known.project == "p1"


def test_a_machine_that_has_moved_belongs_to_its_new_host() -> None:
    seen = domain()
    moved = known(seen, host="h0", base={**known(seen).base, "host": "h0"})
    (action,) = plan(scene([seen], [moved], [view(seen, host="h0")])).actions
    assert action.fields == ("host",)
    assert action.facts["host"] == HOST


def test_while_it_is_moved_the_host_where_it_runs_is_right() -> None:
    here, there = domain(state="paused"), domain()
    moved = known(there, host="h0", base={**known(there).base, "host": "h0"})
    made = plan(scene([here], [moved], [view(there, host="h0")], elsewhere={here.uuid: ("h0", there)}))
    assert made.actions == ()


def delta(seen: Domain, at: float) -> dict[str, Delta]:
    return {seen.uuid: Delta(1, at, "domains", seen.uuid, seen.to_json(), cause="define/updated", who="root")}


def test_a_rename_in_openstack_asks_the_host_once() -> None:
    seen = domain()
    (action,) = plan(scene([seen], [known(seen)], [view(seen, name="web")])).actions
    assert (action.kind, action.asks) == ("note", ("name",))
    assert action.known is not None
    again = plan(scene([seen], [action.known], [view(seen, name="web")]))
    assert again.actions == ()
    (later,) = plan(scene([seen], [action.known], [view(seen, name="web")], now=NOW + 3600)).actions
    assert later.asks == ("name",)
    followed = replace(seen, title="web")
    (done,) = plan(scene([followed], [action.known], [view(seen, name="web")])).actions
    assert done.kind == "note"
    assert done.known is not None
    assert done.known.asked == {}


@pytest.mark.parametrize("host_later", [True, False])
def test_of_two_changes_the_later_one_holds_and_both_are_told(host_later: bool) -> None:
    before = domain()
    after = replace(before, title="theirs")
    made = plan(
        scene(
            [after],
            [known(before)],
            [view(before, name="ours", updated_at=NOW - 10)],
            told=delta(after, NOW - 5 if host_later else NOW - 20),
        )
    )
    (action,) = made.actions
    assert (action.kind, action.asks) == (("update", ()) if host_later else ("note", ("name",)))
    assert {(entry.after, entry.lost) for entry in action.entries} == {("theirs", not host_later), ("ours", host_later)}


def test_two_changes_at_once_are_settled_field_by_field() -> None:
    """OpenStack changed the name, the host the description: neither change touches the other's field."""
    before = domain()
    after = replace(before, description="theirs")
    (action,) = plan(
        scene([after], [known(before)], [view(before, name="ours", updated_at=NOW - 10)], told=delta(after, NOW - 5))
    ).actions
    assert (action.fields, action.asks) == (("description",), ("name",))
    assert {(entry.field, entry.after, entry.lost) for entry in action.entries} == {
        ("name", "ours", False),
        ("description", "theirs", False),
    }


def test_the_trail_says_who_as_far_as_that_is_known() -> None:
    before = domain()
    after = replace(before, title="theirs", state="shutoff")
    (action,) = plan(
        scene(
            [after],
            [known(before)],
            [view(before, name="ours", state="stopped", updated_at=NOW - 10)],
            told={before.uuid: replace(delta(after, NOW - 5)[before.uuid], who="")},
            actors={before.uuid: "ada"},
        )
    ).actions
    assert {(entry.field, entry.after, entry.who) for entry in action.entries} == {
        ("state", "stopped", "ada"),
        ("name", "ours", "ada"),
        ("name", "theirs", f"somebody on {HOST}"),
    }


class TestWhatIsGone:
    def test_it_goes_after_a_time_of_grace_and_not_before(self) -> None:
        seen, others = domain(), [domain(number) for number in range(2, 9)]
        remembered = [known(seen), *map(known, others)]
        views = [view(seen), *map(view, others)]
        made = plan(scene(others, remembered, views))
        (action,) = made.actions
        assert action.known is not None
        assert (action.kind, action.known.standing) == ("update", "stale")
        assert made.due == NOW + Settings().grace_seconds
        stale = [action.known, *remembered[1:]]
        assert plan(scene(others, stale, views, now=NOW + 1)).actions == ()
        (gone,) = plan(scene(others, stale, views, now=NOW + Settings().grace_seconds)).actions
        assert (gone.kind, gone.known) == ("remove", None)

    def test_back_within_the_time_of_grace_it_is_the_same_instance(self) -> None:
        seen = domain()
        stale = known(seen, standing="stale", stale_since=NOW - 5)
        (action,) = plan(scene([seen], [stale], [view(seen)])).actions
        assert action.kind == "update"
        assert action.known is not None
        assert (action.known.standing, action.known.stale_since) == ("adopted", None)

    def test_a_scan_that_failed_says_nothing(self) -> None:
        seen = domain()
        made = plan(scene([], [known(seen)], [view(seen)], failed={"domains": "libvirt does not answer"}))
        assert made.actions == ()

    def test_too_many_at_once_are_held_until_somebody_accepts_it(self) -> None:
        seen = [domain(number) for number in range(10)]
        held = plan(scene(seen[:3], map(known, seen), map(view, seen))).actions
        assert {action.known.standing for action in held if action.known} == {"held"}
        later = [action.known for action in held if action.known] + [known(one) for one in seen[:3]]
        assert plan(scene(seen[:3], later, map(view, seen), now=NOW + 10**6)).actions == ()
        accepted = [replace(one, reason=ACCEPTED) for one in later if one.standing == "held"]
        gone = plan(scene(seen[:3], [*accepted, *map(known, seen[:3])], map(view, seen))).actions
        assert {action.kind for action in gone} == {"remove"}

    @pytest.mark.parametrize("there", [range(4), [*range(4), *range(20, 24)]], ids=["nothing new", "others are new"])
    def test_what_is_held_stays_held_when_it_is_a_smaller_share(self, there: Iterable[int]) -> None:
        """Six of ten were gone at once; with what was defined since they are no more than half of the host's."""
        present = [domain(number) for number in there]
        held = {uuid(number): known(domain(number), standing="held", stale_since=NOW) for number in range(4, 10)}
        remembered = {one.uuid: known(one) for one in present} | held
        views = [view(domain(number)) for number in range(30)]
        made = plan(scene(present, remembered.values(), views, now=NOW + 10**6))
        assert (made.actions, made.due) == ((), None)

    def test_what_is_held_stays_held_when_others_of_its_group_are_back(self) -> None:
        seen = [domain(number) for number in range(10)]
        held = [known(one, standing="held", stale_since=NOW) for one in seen[4:]]
        present = seen[:9]
        made = plan(scene(present, [*map(known, seen[:4]), *held], map(view, seen), now=NOW + 10**6))
        assert {action.uuid for action in made.actions} == {one.uuid for one in seen[4:9]}
        assert {action.known.standing for action in made.actions if action.known} == {"adopted"}

    def test_of_a_group_that_is_held_only_those_that_are_accepted_go(self) -> None:
        """The last ones of a group are fewer than what is believed without asking; they wait all the same."""
        seen = [domain(number) for number in range(4)]
        held = [known(one, standing="held", stale_since=NOW) for one in seen]
        for left in range(len(held), 0, -1):
            accepted = replace(held[left - 1], reason=ACCEPTED)
            rest = held[: left - 1]
            made = plan(scene([], [*rest, accepted], map(view, seen), now=NOW + 10**6))
            assert [(action.kind, action.uuid) for action in made.actions] == [("remove", accepted.uuid)]

    def test_what_openstack_shelved_is_forgotten_and_left_as_it_is(self) -> None:
        seen = domain()
        shelved = view(seen, state="shelved_offloaded", host="")
        assert plan(scene([], [known(seen)], [replace(shelved, busy=True)])).actions == ()
        (action,) = plan(scene([], [known(seen)], [shelved], actors={seen.uuid: "ada"})).actions
        assert (action.kind, action.known, action.fields) == ("note", None, ())
        assert [(entry.who, entry.note) for entry in action.entries] == [("ada", "OpenStack shelved it")]

    def test_what_openstack_moves_away_itself_is_not_missed(self) -> None:
        seen = domain()
        made = plan(scene([], [known(seen)], [view(seen, host="h2")]))
        assert made.actions == ()


def test_what_openstack_has_just_done_is_not_undone_because_the_host_has_not_told_of_it_yet() -> None:
    seen = domain()
    for about in ({"state": "stopped"}, {"vcpus": 4, "memory_mib": 4096}):
        fresh = plan(scene([seen], [known(seen)], [view(seen, **about, done_at=NOW - 1)]))
        assert not fresh.actions
        assert seen.uuid in fresh.waiting
        (later,) = plan(scene([seen], [known(seen)], [view(seen, **about, done_at=NOW - 60)])).actions
        assert set(later.fields) == set(about)


def test_what_the_host_itself_changed_is_followed_at_once_whatever_openstack_has_just_done() -> None:
    seen = domain()
    (action,) = plan(scene([replace(seen, state="shutoff")], [known(seen)], [view(seen, done_at=NOW - 1)])).actions
    assert action.fields == ("state",)


def test_an_instance_that_openstack_has_just_defined_anew_is_not_missed() -> None:
    seen = domain()
    assert not plan(scene([], [known(seen)], [view(seen, done_at=NOW - 1)])).actions
    (action,) = plan(scene([], [known(seen)], [view(seen, done_at=NOW - 60)])).actions
    assert action.known is not None
    assert action.known.standing == "stale"
