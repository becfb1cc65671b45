"""Where a host looks for the provider's edge."""

import socket

import pytest

from aloft.base.errors import TemporaryError
from aloft.ground.edges import Edges, Place

ENROLLED, TOLD, OTHER = Place("192.0.2.9", 443), Place("plane.example.org", 443), Place("198.51.100.1", 8443)


def test_what_the_plane_says_comes_before_where_the_host_was_enrolled() -> None:
    edges = Edges(ENROLLED)
    assert edges.places() == [ENROLLED]
    edges.tell([TOLD, OTHER, TOLD])
    assert edges.places() == [TOLD, OTHER, ENROLLED]


def test_the_place_that_answered_comes_first_until_another_does() -> None:
    edges = Edges(ENROLLED)
    edges.tell([TOLD, OTHER])
    assert not edges.answered(TOLD), "the first answer is no move"
    assert edges.answered(OTHER)
    assert not edges.answered(OTHER)
    assert edges.places() == [OTHER, TOLD, ENROLLED]


def test_a_place_that_is_told_no_more_is_not_tried_any_more() -> None:
    edges = Edges(ENROLLED)
    edges.tell([TOLD, OTHER])
    edges.answered(OTHER)
    edges.tell([TOLD])
    assert edges.places() == [TOLD, ENROLLED]


def test_names_that_do_not_resolve_or_lead_to_the_host_itself_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"192.0.2.9": "192.0.2.9", "own.example.org": "127.0.0.1"}

    def look_up(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        if host not in known:
            raise socket.gaierror(-2, "Name or service not known")
        return [(0, 0, 0, "", (known[host], 0))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    edges = Edges(ENROLLED)
    edges.tell([TOLD, Place("own.example.org", 443)])
    assert edges.numeric({"own.example.org"}) == ENROLLED
    known.clear()
    with pytest.raises(TemporaryError, match=r"plane\.example\.org|192\.0\.2\.9"):
        edges.numeric(())
