"""Invitations as lines of text, and where a customer can be moved."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aloft.base.errors import Conflict, InvalidInput
from aloft.plane.invitations import Invitation, read
from aloft.plane.moves import check_target
from aloft.plane.names import check_node
from aloft.plane.node_api import NodePeer

PEERS = [
    NodePeer(name="second", address="192.0.2.2:7443", state="up", detail="an older version"),
    NodePeer(name="third", address="192.0.2.3:7443", state="down", detail="It does not answer."),
]


@given(st.builds(Invitation, st.text(), st.text(), st.text(), st.text()))
def test_an_invitation_survives_its_line(invitation: Invitation) -> None:
    line = invitation.line()
    assert line.isascii() and "\n" not in line
    assert read(f" {line}\n") == invitation == read(line.rstrip("="))


@given(st.text())
def test_what_is_no_invitation_is_refused(line: str) -> None:
    with pytest.raises(InvalidInput, match=r"^That is no invitation\. Give the whole line"):
        read(line)


def test_an_invitation_does_not_show_its_secret() -> None:
    assert "secret" not in repr(Invitation("first", "192.0.2.1:7443", "PEM", "secret"))


def test_what_the_node_is_asked_for() -> None:
    invitation = Invitation("first", "192.0.2.1:7443", "PEM", "secret")
    wanted = {"address": "192.0.2.1:7443", "authority": "PEM", "bundle": "secret"}
    assert invitation.wanted(None) == wanted
    assert invitation.wanted("192.0.2.9:7443") == {**wanted, "own_address": "192.0.2.9:7443"}


@pytest.mark.parametrize(("present", "wanted"), [("first", "second"), ("second", "first"), ("third", "second")])
def test_a_customer_can_be_moved_to_any_node_that_is_up(present: str, wanted: str) -> None:
    check_target("first", PEERS, present, wanted)


@pytest.mark.parametrize(
    ("present", "wanted", "refusal"),
    [
        ("first", "first", Conflict),
        ("second", "second", Conflict),
        ("first", "third", Conflict),
        ("first", "fourth", InvalidInput),
    ],
)
def test_where_a_customer_cannot_be_moved(present: str, wanted: str, refusal: type[Conflict | InvalidInput]) -> None:
    with pytest.raises(refusal) as caught:
        check_target("first", PEERS, present, wanted)
    assert "aloft node" in caught.value.remedy


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a.b", "a/b", "..", "a" * 64])
def test_what_cannot_name_a_node(name: str) -> None:
    with pytest.raises(InvalidInput):
        check_node(name)
    assert check_node("7-of-9") == "7-of-9"
