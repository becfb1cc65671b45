import asyncio
import json
from dataclasses import replace

import pytest

from aloft.portal.events.hub import WAITING, Hub, Hubs
from aloft.portal.events.model import Event, for_session
from aloft.portal.events.plane import event_of
from aloft.portal.events.stream import Place
from aloft.portal.sessions import Project, Scope, Session, User

EVENT = Event("instance", "i1", "changed", "2026-01-31T12:00:00+00:00", "demo-1", "p1")


def a_session(*roles: str) -> Session:
    project = Project("p1", "demo", "Default")
    user = User("u", "ann", "Default")
    return Session("customer", "demo", user, (project,), "u", 0.0, Scope(project, roles, (), "t"))


@pytest.mark.parametrize(
    ("event", "member", "admin"),
    [
        (EVENT, True, True),
        (replace(EVENT, project="p2"), False, True),
        (replace(EVENT, kind="flavor", project=None), True, True),
        (replace(EVENT, kind="service", project=None), False, True),
        (replace(EVENT, kind="user", project=None), False, True),
    ],
)
def test_who_may_know(event: Event, member: bool, admin: bool) -> None:
    assert for_session(a_session("member"), event) == (event if member else None)
    assert for_session(a_session("admin"), event) == (event if admin else None)


@pytest.mark.parametrize(
    ("kind", "project"), [("network", "p2"), ("subnet", "p2"), ("image", "p2"), ("image", None), ("aggregate", None)]
)
def test_of_what_may_be_shared_everybody_knows_only_that_it_changed(kind: str, project: str | None) -> None:
    whole = Event(kind, "n1", "changed", EVENT.at, "demo-1", project, "ACTIVE", "secret plan", "bob", "u2")
    told = for_session(a_session("member"), whole)
    assert told is not None
    assert json.loads(told.told()) == {
        "kind": kind,
        "id": "n1",
        "what": "changed",
        "at": EVENT.at,
        "region": "demo-1",
        "project": None,
    }
    assert for_session(a_session("admin"), whole) == whole


def test_what_was_missed_is_told_later() -> None:
    hub = Hub()
    for number in range(1, 4):
        hub.publish(replace(EVENT, id=f"i{number}"))
    with hub.listen(hub.epoch, 1) as listener:
        assert [(number, event.id) for number, event in listener.waiting] == [(2, "i2"), (3, "i3")]
        assert not listener.missed
        hub.publish(EVENT)
        assert len(listener.waiting) == 3
    assert not hub


@pytest.mark.parametrize(("epoch", "after"), [("other", 1), ("", 3)])
def test_who_was_away_too_long_is_told_so(epoch: str, after: int) -> None:
    hub = Hub()
    hub.publish(EVENT)
    with hub.listen(epoch, after) as listener:
        assert listener.missed


def test_a_new_page_has_missed_nothing() -> None:
    hub = Hub()
    hub.publish(EVENT)
    with hub.listen("", None) as listener:
        assert not listener.missed
        assert not listener.waiting


def test_a_page_that_does_not_read_holds_no_memory() -> None:
    hub = Hub()
    with hub.listen("", None) as listener:
        for _ in range(WAITING * 2 + 1):
            hub.publish(EVENT)
        assert len(listener.waiting) <= WAITING
        assert listener.missed


def test_a_gap_reaches_those_who_listen_and_those_who_were_away() -> None:
    hub = Hub()
    hub.publish(EVENT)
    with hub.listen("", None) as listener:
        hub.gap()
        assert listener.missed
    with hub.listen(hub.epoch, 1) as listener:
        assert listener.missed


async def test_nobody_is_followed_for_nobody() -> None:
    following: list[asyncio.Task[None]] = []

    async def forever() -> None:
        await asyncio.Event().wait()

    def follow(customer: str, hub: Hub) -> "asyncio.Task[None]":
        following.append(asyncio.create_task(forever()))
        return following[-1]

    hubs = Hubs(follow, linger=0.0)
    with hubs.listen("demo", "", None) as (hub, first), hubs.listen("demo", "", None) as (same, _):
        assert hub is same
        assert len(following) == 1
        hubs.publish("demo", EVENT)
        hubs.publish("other", EVENT)
        assert [event for _, event in first.waiting] == [EVENT]
    with pytest.raises(asyncio.CancelledError):
        await following[0]


async def test_what_happens_before_a_page_listens_is_told_when_it_does() -> None:
    hubs = Hubs(lambda _customer, _hub: asyncio.create_task(asyncio.Event().wait()), linger=0.0)
    nobody = hubs.place("demo")
    with hubs.listen("demo", *nobody) as (_, first):
        assert not first.missed, "its hub says so itself when it follows"
        place = hubs.place("demo")
        hubs.publish("demo", EVENT)
        with hubs.listen("demo", *place) as (_, second):
            assert [event for _, event in second.waiting] == [EVENT]
            assert not second.missed
        with hubs.listen("demo", *nobody) as (_, third):
            assert third.missed, "another page's hub began meanwhile"
    hubs.close()


@pytest.mark.parametrize("place", [Place("ab12", 3, None), Place("ab12", 0, 7), Place("ab12", None, None)])
def test_a_place_is_found_again(place: Place) -> None:
    assert Place.parse(str(place)) == place


@pytest.mark.parametrize("text", [None, "", "7", "a-b-c", "a-1-2-3", "a--1-"])
def test_no_place_is_the_beginning(text: str | None) -> None:
    assert Place.parse(text) == Place()


@pytest.mark.parametrize(
    ("kind", "subject", "data", "found"),
    [
        ("operation.queued", "demo", {"operation": "o1"}, ("operation", "o1", "created", None)),
        ("operation.succeeded", "demo/demo-1", {"operation": "o1"}, ("operation", "o1", "changed", "demo-1")),
        ("host.enrolled", "demo/demo-1/h", {}, ("host", "h", "created", "demo-1")),
        ("host.deleted", "demo/demo-1/h", {}, ("host", "h", "deleted", "demo-1")),
        ("region.ready", "demo/demo-1", {}, ("region", "demo-1", "changed", "demo-1")),
        ("customer.deleted", "demo", {}, ("customer", "demo", "deleted", None)),
    ],
)
def test_the_planes_events(
    kind: str, subject: str, data: dict[str, str], found: tuple[str, str, str, str | None]
) -> None:
    told = {"id": 1, "at": "2026-01-31T12:00:00Z", "kind": kind, "subject": subject, "data": data}
    event = event_of(told)
    assert (event.kind, event.id, event.what, event.region) == found
