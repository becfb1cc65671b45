"""What a person gets wrong: told what, why and what to do instead, with nothing left half made."""

import pytest

from ..running import aloft, told

MISTAKES = {
    "a name in capitals": (["customer", "create", "Acme"], 2, "not a DNS label", "lower-case"),
    "a name with a dot": (["customer", "create", "ac.me"], 2, "not a DNS label", "lower-case"),
    "a name that is a path": (["customer", "create", "../acme"], 2, "not a DNS label", "lower-case"),
    "a name that is too long": (["customer", "create", "a" * 33], 2, "33 characters", "at most 32"),
    "a reserved name": (["customer", "create", "plane"], 2, "reserved", "another name"),
    "a name that is taken": (["customer", "create", "demo"], 1, "already", "another name"),
    "a region's illegal name": (["region", "create", "demo", "West"], 2, "not a DNS label", "lower-case"),
    "a region's name that is taken": (["region", "create", "demo", "demo-1"], 1, "already", "another name"),
    "an unknown release": (["customer", "create", "oops", "--release", "1999.1"], 2, "no release 1999.1", "2026.2"),
    "no release at all": (["customer", "create", "oops", "--release", "newest"], 2, "not an OpenStack", "2026.2"),
    "an unknown service": (["customer", "create", "oops", "--service", "sahara=on"], 2, "sahara", "Optional are"),
    "a service that is neither on nor off": (["customer", "create", "oops", "--service", "cinder"], 2, "cinder", "=on"),
    "a customer that is not there": (
        ["customer", "delete", "nobody", "--yes"],
        1,
        "no customer",
        "customer list",
    ),
    "a region that is not there": (["region", "delete", "demo", "west", "--yes"], 1, "no region", "aloft region list"),
    "a customer with hosts": (["customer", "delete", "demo", "--yes"], 1, "hosts attached", "aloft host delete"),
    "a region with Keystone": (["region", "delete", "demo", "demo-1", "--yes"], 1, "Keystone", "aloft customer delete"),
    "deleting unasked": (["customer", "delete", "demo"], 2, "nobody to ask", "--yes"),
    "an unknown operation": (["operation", "show", "nothing"], 1, "no operation", "aloft operation list"),
    "an unknown host": (["host", "show", "demo", "demo-1", "nobody"], 1, "nobody", "aloft host list"),
    "an unknown role": (
        ["host", "token", "--customer", "demo", "--region", "demo-1", "--roles", "cook"],
        2,
        "cook",
        "hypervisor",
    ),
    "a log that is not there": (["logs", "demo", "nova-nothing"], 1, "nova-nothing", "aloft"),
    "a release to prepare that is not there": (["release", "prepare", "1999.1"], 2, "1999.1", "2026.2"),
}


@pytest.fixture(scope="module")
def before(installed):
    """What there is before anybody makes a mistake."""
    return everything()


NEVER_MADE = {"Acme", "acme", "ac.me", "../acme", "a" * 33, "plane", "oops", "nobody"}


def everything():
    """What mistakes could have changed; other customers may come and go meanwhile."""
    shown = told("customer", "show", "demo")
    return {
        "customers": {one["name"] for one in told("customer", "list")} & NEVER_MADE,
        "operations": {one["customer"] for one in told("operation", "list", "--limit", "1000")} & NEVER_MADE,
        "demo": {region["name"]: region["generation"] for region in shown["regions"]},
        "demo's operations": told("operation", "list", "--customer", "demo", "--limit", "1"),
        "demo's hosts": told("host", "list", "demo")[0]["roles"],
    }


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_remedy(before, mistake):
    words, code, message, remedy = MISTAKES[mistake]
    said = aloft(*words)
    assert said.code == code, said
    first, _, second = said.err.partition("\n  → ")
    assert first.startswith("aloft: ")
    assert message in first, said.err
    assert remedy in second, said.err
    assert "Traceback" not in said.err
    assert said.out == ""


def test_mistakes_leave_nothing_half_made(before):
    assert everything() == before


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"ALOFT_TOKEN": "wrong"}, "unknown or has expired"),
        ({"ALOFT_URL": "https://127.0.0.1:1"}, "does not answer"),
        ({"ALOFT_CA": "/dev/null"}, "authority"),
        ({"ALOFT_CUSTOMER": "demo", "ALOFT_TOKEN": "wrong"}, "does not accept this token"),
    ],
    ids=["a wrong token", "a wrong address", "a wrong authority", "a wrong Keystone token"],
)
def test_a_wrong_connection_is_told_with_its_remedy(setting, message):
    said = aloft("customer", "list", **setting)
    assert said.code in (1, 2), said
    assert message in said.err
    assert "→" in said.err
    assert "Traceback" not in said.err
