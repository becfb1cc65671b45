"""A host's account: nothing is lost, nothing is told twice to whoever acknowledged it, and a gap begins it anew."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from aloft.ground.inventory.account import NOT_LOOKED, Account
from aloft.sync.inventory import Answer, Domain, Inventory, Report, follow


def domain(uuid: str, name: str = "n") -> Domain:
    return Domain(uuid, name, "running")


def account(backlog: int = 100) -> Account:
    return Account(itertools.count().__next__, backlog)


def report(kept: Account) -> Report:
    found = kept.next_report()
    assert found is not None
    return found


def test_nothing_is_told_before_it_begins_and_what_nobody_looked_at_is_failed() -> None:
    kept = account()
    assert kept.next_report() is None
    kept.see("domains", [domain("a")])
    kept.begin("libvirt 9")
    told = report(kept).snapshot
    assert told is not None
    assert (told.hypervisor, [entry.uuid for entry in told.domains]) == ("libvirt 9", ["a"])
    assert told.failed == dict.fromkeys(("networks", "bridges", "pools", "images"), NOT_LOOKED)


def test_deltas_follow_until_they_are_acknowledged() -> None:
    kept = account()
    kept.see("domains", [])
    kept.begin()
    first = report(kept)
    kept.answered(first, Answer(first.epoch))
    kept.see("domains", [domain("a"), domain("b")], "lifecycle/started/booted")
    second = report(kept)
    assert [(delta.sequence, delta.key, delta.origin) for delta in second.deltas] == [
        (1, "a", "event"),
        (2, "b", "event"),
    ]
    kept.failed(second)
    assert report(kept).deltas == second.deltas
    kept.answered(second, Answer(second.epoch, acknowledged=1))
    assert [delta.sequence for delta in report(kept).deltas] == [2]


def test_a_part_that_fails_keeps_what_was_known() -> None:
    kept = account()
    kept.see("domains", [domain("a")])
    kept.fail("domains", "no answer")
    kept.fail("domains", "no answer")
    assert kept.inventory.failed["domains"] == "no answer"
    assert [entry.uuid for entry in kept.inventory.domains] == ["a"]
    assert kept.see("domains", [domain("a")]) == 1  # well again
    assert "domains" not in kept.inventory.failed


def test_a_full_backlog_begins_anew_and_says_what_was_lost() -> None:
    kept = account(backlog=2)
    kept.see("domains", [])
    kept.begin()
    first = report(kept)
    kept.see("domains", [domain(name) for name in "abc"])
    second = report(kept)
    assert second.epoch != first.epoch
    assert second.lost == 3
    assert second.snapshot is not None
    assert len(second.snapshot.domains) == 3
    kept.answered(second, Answer(second.epoch))
    assert report(kept).lost == 0


def test_the_region_may_ask_for_a_snapshot() -> None:
    kept = account()
    kept.begin()
    first = report(kept)
    kept.answered(first, Answer("another", snapshot=True))
    assert report(kept).snapshot is not None


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("see"), st.sets(st.sampled_from("abcd"))),
            st.tuples(st.sampled_from(["deliver", "lose the report", "lose the answer", "forget"]), st.just(set())),
        )
    )
)
def test_whatever_gets_lost_the_region_ends_with_what_the_host_has(events: list[tuple[str, set[str]]]) -> None:
    kept = account(backlog=5)
    kept.begin()
    held: tuple[str, int, Inventory] | None = None

    def deliver(*, answer: bool = True) -> None:
        nonlocal held
        sent = report(kept)
        if sent.snapshot is not None:
            held = (sent.epoch, 0, sent.snapshot)
        elif held is not None and held[0] == sent.epoch:
            news = [delta for delta in sent.deltas if delta.sequence > held[1]]
            if news and news[0].sequence == held[1] + 1:
                held = (held[0], news[-1].sequence, follow(held[2], news))
        missing = held is None or held[0] != sent.epoch
        if answer:
            kept.answered(sent, Answer(sent.epoch, 0 if held is None else held[1], missing))
        else:
            kept.failed(sent)

    for event, uuids in events:
        if event == "see":
            kept.see("domains", [domain(uuid) for uuid in uuids])
        elif event == "deliver":
            deliver()
        elif event == "lose the report":
            kept.failed(report(kept))
        elif event == "lose the answer":
            deliver(answer=False)
        else:
            held = None
    for _ in range(4):
        deliver()
    assert held is not None
    assert held[2].domains == kept.inventory.domains
