"""Who may do what, and how passwords and tokens are kept."""

from typing import get_args

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aloft.base.errors import InvalidInput, TemporaryError
from aloft.plane.access.keystone import BELIEVED_SECONDS, KeystoneAccess
from aloft.plane.access.policy import Action, Principal, decide
from aloft.plane.access.secrets import check_password, digest, hash_password, new_token
from aloft.plane.errors import Unauthenticated

ACTIONS: tuple[Action, ...] = get_args(Action)
actions = st.sampled_from(ACTIONS)

ANNA = Principal("customer", "anna", customer="alpha")


def _account(*roles: str) -> Principal:
    return Principal("account", "someone", frozenset(roles))


@given(actions, st.text(min_size=1).filter(lambda name: name != "alpha"))
def test_another_customers_things_are_hidden(action: Action, customer: str) -> None:
    assert decide(ANNA, action, customer) == "hide"


@given(actions)
def test_a_customers_administrator_writes_nothing_but_hosts_and_settings(action: Action) -> None:
    if action.endswith(".write") and action not in ("host.write", "settings.write"):
        assert decide(ANNA, action, "alpha") == "refuse"


@pytest.mark.parametrize("action", ["customer.credentials", "log.read", "account.read", "node.read"])
def test_what_is_the_providers_is_refused_to_customers(action: Action) -> None:
    assert decide(ANNA, action, "alpha") == "refuse"


@given(actions)
def test_roles_of_accounts(action: Action) -> None:
    assert decide(_account("admin"), action, "alpha") == "allow"
    assert decide(_account(), action, "alpha") == "refuse"
    assert decide(_account("no-such-role"), action) == "refuse"
    if action.endswith(".write"):
        assert decide(_account("auditor"), action) == "refuse"
    admins = ("customer.credentials", "account.write", "repository.write", "node.write")
    expected = "refuse" if action in admins else "allow"
    assert decide(_account("operator"), action) == expected


def test_passwords() -> None:
    kept = hash_password("correct horse")
    assert "correct" not in kept
    assert check_password("correct horse", kept)
    assert not check_password("correct horsf", kept)
    assert not check_password("correct horse", None)
    with pytest.raises(InvalidInput):
        hash_password("short")


def test_tokens_differ_and_only_their_digest_is_kept() -> None:
    first, second = new_token(), new_token()
    assert first != second
    assert digest(first) != digest(second)
    assert first not in digest(first)


class Keystones:
    """The Keystones of several customers behind one listener, told apart by the Host header."""

    def __init__(self, tokens: dict[tuple[str, str], list[str]]) -> None:
        self.tokens = tokens
        self.asked = 0
        self.down = False

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.down:
            raise httpx.ConnectError("refused")
        assert request.headers["X-Auth-Token"] == request.headers["X-Subject-Token"]
        roles = self.tokens.get((request.headers["Host"], request.headers["X-Auth-Token"]))
        if roles is None:
            return httpx.Response(401)
        told = {"user": {"name": "anna"}, "roles": [{"name": role} for role in roles]}
        return httpx.Response(200, json={"token": told})


def _keystone(server: Keystones, clock: list[float]) -> KeystoneAccess:
    client = httpx.AsyncClient(transport=httpx.MockTransport(server.answer), base_url="http://internal")
    return KeystoneAccess(client, "aloft.internal", lambda: clock[0])


async def test_a_token_is_worth_something_only_at_its_own_keystone() -> None:
    server = Keystones({("identity.alpha.aloft.internal", "t1"): ["member", "admin"]})
    access = _keystone(server, [0.0])
    assert await access.principal("alpha", "t1") == ANNA
    with pytest.raises(Unauthenticated):
        await access.principal("beta", "t1")
    with pytest.raises(Unauthenticated):
        await access.principal("alpha", "t2")


async def test_the_role_admin_is_needed() -> None:
    access = _keystone(Keystones({("identity.alpha.aloft.internal", "t1"): ["member"]}), [0.0])
    with pytest.raises(Unauthenticated, match="role"):
        await access.principal("alpha", "t1")


async def test_a_user_needs_no_role_to_be_known() -> None:
    access = _keystone(Keystones({("identity.alpha.aloft.internal", "t1"): ["member"]}), [0.0])
    assert await access.user("alpha", "t1") == "anna"
    with pytest.raises(Unauthenticated):
        await access.user("beta", "t1")


async def test_an_answer_is_believed_for_a_while_and_no_longer() -> None:
    server, clock = Keystones({("identity.alpha.aloft.internal", "t1"): ["admin"]}), [0.0]
    access = _keystone(server, clock)
    await access.principal("alpha", "t1")
    server.tokens.clear()
    await access.principal("alpha", "t1")
    assert server.asked == 1
    clock[0] = BELIEVED_SECONDS + 1
    with pytest.raises(Unauthenticated):
        await access.principal("alpha", "t1")


async def test_a_silent_keystone_is_a_passing_fault() -> None:
    server = Keystones({})
    server.down = True
    with pytest.raises(TemporaryError):
        await _keystone(server, [0.0]).principal("alpha", "t1")
