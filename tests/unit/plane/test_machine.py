"""Which machine may become which host."""

import pytest

from aloft.base.errors import Conflict
from aloft.plane.machine import Attached, Machine, admit, of_facts, same

OURS = Machine("id-1", frozenset({"52:54:00:00:00:01"}))
REINSTALLED = Machine("id-2", OURS.macs)
CLONE = Machine("id-1", frozenset({"52:54:00:00:00:02"}))
STRANGER = Machine("id-3", frozenset({"52:54:00:00:00:03"}))


def _admit(machine: Machine, name: str = "h1", region: str = "dc1", reports: bool = True) -> str:
    return admit(machine, "acme", region, name, [Attached("dc1", "h1", OURS, reports)])


def test_a_new_machine_with_a_name_of_its_own_is_new() -> None:
    assert _admit(STRANGER, "h2") == "new"
    assert admit(Machine(), "acme", "dc1", "h2", [Attached("dc1", "h1", Machine(), True)]) == "new"


def test_the_same_machine_comes_again_after_a_reinstallation() -> None:
    assert _admit(REINSTALLED) == "again"


def test_a_silent_hosts_name_may_be_taken_over() -> None:
    assert _admit(STRANGER, reports=False) == "again"


def test_the_name_of_a_machine_that_was_just_let_in_is_taken() -> None:
    let_in = [Attached("dc1", "debian", OURS, reports=False, expected=True)]
    assert admit(OURS, "acme", "dc1", "debian", let_in) == "again"
    for other in (STRANGER, CLONE):
        with pytest.raises(Conflict, match="Another machine") as refused:
            admit(other, "acme", "dc1", "debian", let_in)
        assert "--name" in refused.value.remedy


def test_a_machine_is_told_by_its_cards_or_else_by_its_id() -> None:
    assert same(OURS, REINSTALLED)
    assert not same(OURS, CLONE)
    assert same(Machine("id-1"), OURS)
    assert not same(Machine("id-9"), OURS)


@pytest.mark.parametrize(
    ("machine", "name", "region", "says", "remedy"),
    [
        (STRANGER, "h1", "dc1", "another machine", "--name"),
        (OURS, "h2", "dc1", "attached as host 'h1'", "aloft host delete acme dc1 h1"),
        (OURS, "h1", "dc2", "attached as host 'h1' of region 'dc1'", "token of that region"),
        (CLONE, "h2", "dc1", "clone", "systemd-machine-id-setup"),
    ],
)
def test_what_is_refused_says_why_and_what_to_do(
    machine: Machine, name: str, region: str, says: str, remedy: str
) -> None:
    with pytest.raises(Conflict) as refused:
        _admit(machine, name, region)
    assert says in refused.value.message
    assert remedy in refused.value.remedy


def test_facts_of_any_form_are_taken() -> None:
    assert of_facts({"machine_id": "id-1", "cards": [{"mac": "52:54:00:00:00:0A"}, {"mac": None}, 3]}) == Machine(
        "id-1", frozenset({"52:54:00:00:00:0a"})
    )
    assert of_facts({"cards": "eth0"}) == Machine()


def test_a_card_that_software_made_does_not_tell_a_machine():
    cards = [{"mac": "52:54:00:00:00:0a", "virtual": False}, {"mac": "52:54:00:99:99:99", "virtual": True}]
    assert of_facts({"cards": cards}).macs == {"52:54:00:00:00:0a"}
