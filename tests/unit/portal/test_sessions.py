from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aloft.portal.sessions import PER_OWNER, Project, Region, Scope, Session, Store, User, right_csrf


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def a_scope(project: str, *roles: str) -> Scope:
    regions = (Region("demo-1", ("compute", "identity")),)
    return Scope(Project(project, "demo", "Default"), roles, regions, f"scoped-secret-{project}")


def a_session(user: str = "u1", expires: float = 5000.0) -> Session:
    project = Project("p1", "demo", "Default")
    return Session(
        face="customer",
        customer="demo",
        user=User(user, "ann", "Default"),
        projects=(project,),
        unscoped="unscoped-secret",
        expires=expires,
        scope=a_scope("p1", "member"),
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opening(tmp_path: Path, clock: Clock) -> Iterator[Callable[[], Store]]:
    stores: list[Store] = []

    def make() -> Store:
        stores.append(Store(tmp_path / "sessions.sqlite", 600.0, clock))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


def test_a_session_survives_a_restart(opening: Callable[[], Store]) -> None:
    made, cookie = opening().create(a_session())
    found = opening().find(cookie)
    assert found is not None
    assert found.session == made.session


def test_the_file_opens_nothing(opening: Callable[[], Store], tmp_path: Path) -> None:
    _, cookie = opening().create(a_session())
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"secret" not in held
    assert cookie.encode() not in held


@pytest.mark.parametrize("cookie", [None, "", "x", "A" * 43, "!" * 43, "é" * 43])
def test_no_other_value_opens_a_session(opening: Callable[[], Store], cookie: str | None) -> None:
    store = opening()
    store.create(a_session())
    assert store.find(cookie) is None


def test_it_ends_with_its_tokens(opening: Callable[[], Store], clock: Clock) -> None:
    store = opening()
    opened, cookie = store.create(a_session(expires=1100.0))
    assert store.lives(opened)
    clock.now = 1100.0
    assert not store.lives(opened)
    assert store.find(cookie) is None


def test_it_ends_when_nobody_uses_it(opening: Callable[[], Store], clock: Clock) -> None:
    store = opening()
    opened, cookie = store.create(a_session())
    clock.now += 500
    assert store.find(cookie) is not None
    clock.now += 500
    assert store.lives(opened), "the use before keeps it"
    clock.now += 100
    assert store.find(cookie) is None


def test_a_change_keeps_the_cookie_and_the_csrf_value(opening: Callable[[], Store]) -> None:
    store = opening()
    opened, cookie = store.create(a_session())
    store.change(opened, a_session().entering(a_scope("p1", "admin")))
    found = opening().find(cookie)
    assert found is not None
    assert found.session.administrator
    assert found.session.csrf == opened.session.csrf


def test_the_projects_of_a_session_are_kept_beside_each_other(opening: Callable[[], Store]) -> None:
    store = opening()
    opened, cookie = store.create(a_session())
    store.change(opened, a_session().entering(a_scope("p2", "admin")))
    found = opening().find(cookie)
    assert found is not None
    first, second = found.session.within("p1"), found.session.within("p2")
    assert first is not None
    assert second is not None
    assert (first.token, first.administrator) == ("scoped-secret-p1", False)
    assert (second.token, second.administrator) == ("scoped-secret-p2", True)
    assert first.within("p3") is None
    assert first.tokens == ("scoped-secret-p1", "scoped-secret-p2", "unscoped-secret")


def test_ending_is_at_once(opening: Callable[[], Store]) -> None:
    store = opening()
    opened, cookie = store.create(a_session())
    store.end(opened)
    assert store.find(cookie) is None
    assert not store.lives(opened)


def test_one_user_cannot_fill_the_file(opening: Callable[[], Store], clock: Clock) -> None:
    store = opening()
    _, other = store.create(a_session("u2"))
    cookies = []
    for _ in range(PER_OWNER + 2):
        clock.now += 1
        cookies.append(store.create(a_session())[1])
    assert [store.find(cookie) is None for cookie in cookies[:3]] == [True, True, False]
    assert store.find(other) is not None


def test_a_spoilt_file_is_replaced(opening: Callable[[], Store], tmp_path: Path) -> None:
    (tmp_path / "sessions.sqlite").write_bytes(b"this is no database at all" * 100)
    _, cookie = opening().create(a_session())
    assert opening().find(cookie) is not None


def test_secrets_are_not_shown() -> None:
    shown = repr(a_session())
    assert "secret" not in shown
    assert a_session().csrf not in shown


def test_csrf_values() -> None:
    session = a_session()
    assert right_csrf(session, session.csrf)
    assert not right_csrf(session, None)
    assert not right_csrf(session, a_session().csrf)
