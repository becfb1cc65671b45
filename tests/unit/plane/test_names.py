"""What may be a name."""

import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aloft.base.errors import InvalidInput
from aloft.ground.roles import ALL
from aloft.plane import names
from aloft.plane.api import host_types
from aloft.plane.api.types import HostRole


@pytest.mark.parametrize("name", ["a", "demo", "demo-1", "a" * 32, "x9"])
def test_labels_that_may_be_used(name: str) -> None:
    assert names.check_label("customer", name) == name


@pytest.mark.parametrize(
    "name", ["", "A", "1a", "-a", "a-", "a_b", "a.b", "a" * 33, "xn--bcher-kva", "é", "a\n", "a/b", "..", " a"]
)
def test_labels_that_may_not(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        names.check_label("region", name)
    assert "region" in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize("name", sorted(names.RESERVED))
def test_reserved_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="reserved"):
        names.check_label("customer", name)


@given(st.text(max_size=40))
def test_what_passes_is_a_dns_label(text: str) -> None:
    try:
        names.check_label("customer", text)
    except InvalidInput:
        return
    assert re.fullmatch(r"[a-z]([a-z0-9-]{0,30}[a-z0-9])?", text, re.ASCII)


@pytest.mark.parametrize("name", ["h1", "h1.rack-2.example.org", "9"])
def test_hosts_that_may_be_used(name: str) -> None:
    assert names.check_host(name) == name


@pytest.mark.parametrize("name", ["", "H1", "a..b", ".a", "a.", "a" * 65, "a/../b", "a b"])
def test_hosts_that_may_not(name: str) -> None:
    with pytest.raises(InvalidInput):
        names.check_host(name)


@given(st.lists(st.sampled_from(names.ROLES)))
def test_roles_are_ordered_and_not_repeated(roles: list[str]) -> None:
    checked = names.check_roles(roles)
    assert set(checked) == set(roles)
    assert checked == sorted(set(roles), key=names.ROLES.index)


def test_the_roles_are_those_that_agents_know() -> None:
    assert set(names.ROLES) == set(get_args(HostRole)) == set(ALL)


@pytest.mark.parametrize("role", ["block-storage", "vsphere-gateway"])
def test_a_role_that_no_agent_has_is_refused(role: str) -> None:
    with pytest.raises(InvalidInput, match=role):
        names.check_roles(["network", role])
    with pytest.raises(ValidationError, match="'hypervisor', 'network' or 'image-library'"):
        host_types.HostRoles(roles=[role])  # type: ignore[list-item]  # that is what is tested


def test_an_unknown_role_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no-such"):
        names.check_roles(["network", "no-such"])


def test_only_optional_services_can_be_switched() -> None:
    assert names.check_services({"cinder": False}) == {"cinder": False}
    for name in ("nova", "keystone", "no-such"):
        with pytest.raises(InvalidInput, match=name):
            names.check_services({name: False})


def test_releases_have_a_form() -> None:
    assert names.check_release("2026.2") == "2026.2"
    with pytest.raises(InvalidInput):
        names.check_release("latest")


def test_account_names() -> None:
    assert names.check_account("jane.doe-2") == "jane.doe-2"
    with pytest.raises(InvalidInput):
        names.check_account("Jane Doe")
