"""A region's sync and what administrators decide about it; OpenStack is a table here."""

import queue
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import pytest

from aloft.base.errors import Conflict, Forbidden, InvalidInput, NotFound
from aloft.inside.sync.decisions import Decisions
from aloft.inside.sync.region import PROJECTS_SECONDS, PRUNE_SECONDS, Region
from aloft.sync.facts import facts
from aloft.sync.fate import Care
from aloft.sync.inventory import NOVA_NAMESPACE, Bridge, Delta, Disk, Domain, Inventory, Report
from aloft.sync.plan import Scene
from aloft.sync.policy import Exclusion, Policy, Rule, Settings
from aloft.sync.records import Entry, Known, Plan, View

HOST = "h1"
PATIENCE = 10.0
"""Seconds that the worker gets for what it does at once."""


class Store:
    """Keeps the trail, and what was decided."""

    def __init__(self, *known: Known, policy: Policy) -> None:
        self.held = {one.uuid: one for one in known}
        self.told: list[Entry] = []
        self.pruned: list[float] = []
        self._policy = policy

    def policy(self) -> Policy:
        return self._policy

    def known(self) -> dict[str, Known]:
        return dict(self.held)

    def remember(self, changes: Mapping[str, Known | None], entries: Iterable[Entry]) -> None:
        self.told += entries

    def trail(self, limit: int, before: int | None = None, **wanted: Any) -> list[dict[str, Any]]:
        numbered = enumerate(self.told, 1)
        return [{"id": number, "after": one.after} for number, one in numbered if one.object == wanted["object"]]

    def entry(self, number: int) -> dict[str, Any]:
        return asdict(self.told[number - 1])

    def prune(self, before: float) -> None:
        self.pruned.append(before)

    def decide(self, name: str, value: Any, entry: Entry) -> None:
        self.told.append(entry)


class Applier:
    """Has these instances, and notes what is done to them.

    ``named`` are the projects that there are; ``offered`` gets the bridges of hosts whose places are offered.
    """

    def __init__(self, *views: View, **named: str) -> None:
        self.seen = {view.uuid: view for view in views}
        self.named = named
        self.done: list[tuple[str, tuple[str, ...]]] = []
        self.offered: queue.Queue[list[str]] = queue.Queue()
        self.failed: dict[str, str] = {}
        self.networks: dict[str, str] = {}
        self.ordered: list[tuple[str, str]] = []
        self.images: dict[str, str] = {}
        self.retried = 0
        self.allocations = SimpleNamespace(retry=self._retry, reasons=dict)
        self.instances = SimpleNamespace(
            views=self._views,
            place=lambda host: object(),
            aggregates=lambda host: (),
            care=lambda uuid: Care(adopted=True),
            order=lambda uuid, action: self.ordered.append((uuid, action)),
        )

    def _views(self, uuids: Iterable[str]) -> dict[str, View]:
        return {uuid: self.seen[uuid] for uuid in uuids if uuid in self.seen}

    def _retry(self) -> None:
        self.retried += 1

    def library_failures(self, host: str) -> dict[str, str]:
        return self.images

    def apply(self, scene: Scene, made: Plan, place: Any, note: Any) -> None:
        self.done += [(action.uuid, action.fields) for action in made.actions]
        note({action.uuid: action.known for action in made.actions})

    def projects(self, wanted: Iterable[str]) -> dict[str, str]:
        return {name: self.named[name] for name in wanted if name in self.named}

    def offer(self, inventory: Inventory, host: str, now: float, shared: bool) -> None:
        self.offered.put([bridge.name for bridge in inventory.bridges])

    def made_networks(self) -> dict[str, str]:
        return self.networks

    def make_network(self, place: str, *_: Any) -> str:
        self.networks[place] = f"network of {place}"
        return self.networks[place]

    def gone_networks(self) -> list[Any]:
        return []

    def follow_library(self, inventory: Inventory, host: str, now: float) -> int:
        return 0

    def follow_networks(self, inventory: Inventory, host: str, now: float, settings: Settings) -> float | None:
        return None


class Clock:
    """Stands still."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def domain(number: int = 1, **about: Any) -> Domain:
    told = {"name": f"web{number}", "state": "shutoff", "vcpus": 1, "memory_kib": 65536}
    disks = (Disk("vda", "virtio", source="file", path=f"/images/web{number}.qcow2"),)
    return Domain(**{"uuid": f"u{number}", "disks": disks, **told, **about})


def known(seen: Domain, **about: Any) -> Known:
    base = facts(seen, HOST, Inventory(0.0))
    return Known(**{"uuid": seen.uuid, "host": HOST, "standing": "adopted", "project": "d1", "base": base, **about})


def view(seen: Domain, project: str = "d1") -> View:
    shown = facts(seen, HOST, Inventory(0.0))
    fields = {name: shown[name] for name in ("name", "description", "state", "vcpus", "memory_mib", "host")}
    return View(**{"uuid": seen.uuid, "project": project, **fields})


def region(applier: Applier, *remembered: Known, policy: Policy | None = None, **inventory: Any) -> Region:
    """A region that has had a host's snapshot; nothing is done yet."""
    store = Store(*remembered, policy=policy or Policy())
    made = Region(store, applier, lambda what: None, Clock())  # type: ignore[arg-type]  # as much as is needed
    made.receive(HOST, Report("e1", 0.0, snapshot=Inventory(0.0, **inventory)))
    return made


RULES = Policy((Rule("web", name="web*"),))


def test_what_nobody_owns_goes_where_a_rule_says_and_what_somebody_owns_stays() -> None:
    seen, owned = domain(), domain(2)
    applier = Applier(view(seen), view(owned, "p2"), discovered="d1", web="w1")
    made = region(applier, known(seen), known(owned, project="p2"), policy=RULES, domains=(seen, owned))
    made.step(HOST, None)
    assert applier.done == [("u1", ("project",))]
    assert (made.known["u1"].project, made.known["u1"].reason) == ("w1", "rule 1")


def test_a_project_that_is_made_after_the_rule_gets_what_is_its() -> None:
    seen = domain()
    applier = Applier(view(seen), discovered="d1")
    made = region(applier, known(seen), policy=RULES, domains=(seen,))
    made.step(HOST, None)
    due = made.hosts[HOST].due
    assert due == made.clock() + PROJECTS_SECONDS
    assert not applier.done
    applier.named["web"] = "w1"
    made.clock.now = due  # type: ignore[attr-defined]  # it is a Clock
    made.hosts[HOST].pending = set()
    made.step(HOST, frozenset())
    assert made.hosts[HOST].pending is None, "everything is looked at again"


def test_a_dry_run_tells_how_each_machine_is_and_would_be() -> None:
    here, owned, nova, fresh = domain(), domain(2), domain(3, metadata={NOVA_NAMESPACE: "<instance/>"}), domain(4)
    applier = Applier(view(here), view(owned, "p2"), view(nova, "p3"), discovered="d1", web="w1")
    remembered = (known(here), known(owned, project="p2"), known(nova, project="p3", origin="made here"))
    made = region(applier, *remembered, domains=(here, owned, nova, fresh))
    told = Decisions(made).try_rules({"rules": [{"project": "web", "name": "web*"}]})["items"]
    assert [(one["uuid"], one["now"] and one["now"]["project"], one["project"]) for one in told] == [
        ("u1", "discovered", "web"),
        ("u2", "p2", "p2"),
        ("u3", "p3", "p3"),
        ("u4", None, "web"),
    ]
    assert not applier.done


def test_a_dry_run_spares_what_nova_made_and_names_projects_that_there_are_not() -> None:
    here, nova, fresh = domain(), domain(3, metadata={NOVA_NAMESPACE: "<instance/>"}), domain(4)
    applier = Applier(view(here), view(nova, "p3"), discovered="d1")
    made = region(applier, known(here), known(nova, project="p3"), domains=(here, nova, fresh))
    out = Decisions(made).try_rules({"exclusions": [Exclusion("name", "web[13]").to_json()]})["items"]
    assert [(one["uuid"], one["standing"]) for one in out] == [("u1", "excluded"), ("u3", "adopted"), ("u4", "adopted")]
    (_, _, new) = Decisions(made).try_rules({"rules": [{"project": "gone"}]})["items"]
    assert (new["project"], new["reason"]) == ("discovered", "rule 1; there is no project gone")


def test_an_administrator_gives_an_instance_to_a_project() -> None:
    seen = domain()
    applier = Applier(view(seen, "p1"), web="w1")
    made = region(applier, known(seen, project="p1"), domains=(seen,))
    decisions = Decisions(made)
    with pytest.raises(InvalidInput):
        decisions.accept("u1", "ann", {"project": "nowhere"})
    with pytest.raises(Conflict):
        decisions.accept("u1", "ann")
    decisions.accept("u1", "ann", {"project": "web"})
    made.step(HOST, None)
    assert applier.done == [("u1", ("project",))]
    assert made.known["u1"].project == "w1"


def test_what_was_left_out_comes_in_where_a_rule_says_by_now() -> None:
    seen = domain()
    made = region(
        Applier(discovered="d1", web="w1"), known(seen, standing="unmanaged"), policy=RULES, domains=(seen,)
    )  # fmt: skip
    Decisions(made).accept("u1", "ann")
    made.step(HOST, None)
    assert (made.known["u1"].standing, made.known["u1"].project) == ("adopted", "web")


@pytest.fixture
def working() -> Iterator[tuple[Region, Applier]]:
    applier = Applier()
    made = region(applier, policy=Policy(settings=Settings(networks="all")))
    made.start()
    yield made, applier
    made.stop()


def test_a_bridge_that_appears_is_offered_at_once(working: tuple[Region, Applier]) -> None:
    made, applier = working
    assert applier.offered.get(timeout=PATIENCE) == []
    bridge = Bridge("br-dmz", "linux")
    made.receive(HOST, Report("e1", 0.0, deltas=(Delta(1, 0.0, "bridges", "br-dmz", bridge.to_json()),)))
    assert applier.offered.get(timeout=PATIENCE) == ["br-dmz"]


def test_places_are_offered_and_made_networks_once() -> None:
    decisions = Decisions(region(Applier(), bridges=(Bridge("br-dmz", "linux"), Bridge("eth1.5", "vlan"))))
    assert [one["place"] for one in decisions.status()["offered"]] == ["bridge/br-dmz/0", "bridge/eth1.5/0"]
    made = decisions.make_network({"place": "bridge/eth1.5/0"})
    assert decisions.networks()["items"][1] == {**made, "hosts": [HOST]}
    with pytest.raises(Conflict):
        decisions.make_network({"place": "bridge/eth1.5/0"})
    with pytest.raises(NotFound):
        decisions.make_network({"place": "bridge/br-lan/0"})


def test_a_project_sees_its_own_instances_with_their_disks_and_no_others() -> None:
    seen, other = domain(), domain(2)
    made = region(Applier(view(seen)), known(seen), known(other, project="p2"), domains=(seen, other))
    decisions = Decisions(made)
    told = decisions.instance("u1", "d1")
    assert [(one["path"], one["fate"]) for one in told["disks"]] == [("/images/web1.qcow2", "kept")]
    with pytest.raises(NotFound):
        decisions.instance("u2", "d1")
    assert [one["uuid"] for one in decisions.disks("u1,u2,u9", "d1")["items"]] == ["u1"]
    assert [one["uuid"] for one in decisions.disks("u1,u2")["items"]] == ["u1", "u2"]


def test_before_its_host_tells_nobody_says_that_an_instance_has_no_disks() -> None:
    seen = domain()
    decisions = Decisions(region(Applier(view(seen)), known(seen), domains=()))
    assert decisions.instance("u1")["disks"] is None
    assert decisions.disks("u1")["items"] == []


def test_instances_of_a_host_that_is_not_heard_of_say_since_when() -> None:
    seen, lost = domain(), domain(2)
    made = region(Applier(view(seen)), known(seen), known(lost, host="h2"), domains=(seen,))
    decisions = Decisions(made)
    assert not decisions.status()["attention"]
    made.clock.now += Settings().silent_seconds + 1  # type: ignore[attr-defined]  # it is a Clock
    assert {one["uuid"]: one["silent_since"] for one in decisions.status()["attention"]} == {"u1": 1000.0, "u2": 1000.0}
    made.receive(HOST, Report("e1", 0.0))
    assert [one["uuid"] for one in decisions.status()["attention"]] == ["u2"]


def test_the_differences_name_what_can_be_accepted_and_what_can_be_put_back() -> None:
    seen, gone = domain(), domain(2)
    asked = {**facts(seen, HOST, Inventory(0.0)), "asked": {"name": ["new", 990.0]}}
    held = known(gone, standing="held", stale_since=900.0, reason="too many")
    made = region(Applier(view(seen), view(gone)), known(seen, base=asked), held, domains=(seen,))
    made.store.told.append(Entry(990.0, HOST, "instance", "u1", "name", "web1", "new"))  # type: ignore[attr-defined]  # ours
    told = {one["action"]: one for one in Decisions(made).diff()["items"]}
    assert (told["hold"]["object"], told["ask"]["entry"]) == ("u2", 1)


def test_the_trail_is_kept_for_some_days() -> None:
    made = region(Applier(), policy=Policy(settings=Settings(trail_days=2)))
    for passed in (0.0, PRUNE_SECONDS - 1, PRUNE_SECONDS):
        made.clock.now = 10.0**6 + passed  # type: ignore[attr-defined]  # it is a Clock
        made.step(HOST, frozenset())
    days = 2 * 86400.0
    assert made.store.pruned == [10.0**6 - days, 10.0**6 + PRUNE_SECONDS - days]  # type: ignore[attr-defined]  # ours


def test_a_state_is_put_back_by_the_order_that_leads_there() -> None:
    seen = domain()
    applier = Applier(view(seen))
    made = region(applier, known(seen), domains=(seen,))
    for value in ("active", "paused"):
        made.store.told.append(Entry(1.0, HOST, "instance", "u1", "state", value, "stopped"))  # type: ignore[attr-defined]  # ours
    decisions = Decisions(made)
    decisions.revert(1, "ann")
    assert applier.ordered == [("u1", "os-start")]
    with pytest.raises(Conflict):
        decisions.revert(2, "ann")


def test_what_fails_for_one_thing_keeps_nothing_else_from_being_done_and_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = domain()
    applier = Applier(view(seen))
    applier.images = {"image web.qcow2": "its min_disk is no whole number"}

    def refuse(*_: object) -> None:
        raise Forbidden("network refused GET /v2.0/networks with 403")

    monkeypatch.setattr(applier, "follow_networks", refuse)
    made = region(applier, known(seen), domains=(seen,))
    for pause in (1.0, 2.0, 5.0):
        made.hosts[HOST].due = None
        assert made.step(HOST, None) == 0
        assert made.hosts[HOST].due == Clock.now + pause, "it is tried again later and later"
    told = Decisions(made).status()["hosts"][0]["waiting"]
    assert told == applier.images | {"networks": "network refused GET /v2.0/networks with 403"}
    assert applier.retried == 3
    applier.images = {}
    monkeypatch.undo()
    made.hosts[HOST].due = None
    made.step(HOST, None)
    assert (made.hosts[HOST].waiting, made.hosts[HOST].due) == ({}, None)
