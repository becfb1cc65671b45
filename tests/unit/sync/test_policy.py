"""Who owns what is found, and what is kept out."""

import pytest

from aloft.sync.inventory import ALOFT_NAMESPACE, Disk, Domain, Nic, Pool
from aloft.sync.policy import DISCOVERED, Exclusion, Rule, excluded, owner

SEEN = Domain(
    "u1",
    "web-1",
    "running",
    disks=(Disk("vda", source="file", path="/fast/web-1.qcow2", pool="fast"),),
    nics=(Nic("52:54:00:00:00:01", source="network", name="dmz", bridge="br-dmz"),),
    metadata={"urn:x": '<owner team="shop"/>'},
)


@pytest.mark.parametrize(
    "rule",
    [
        Rule("p", host="kvm-*"),
        Rule("p", aggregate="gold"),
        Rule("p", name="web-*"),
        Rule("p", metadata='team="shop"'),
        Rule("p", pool="fast"),
        Rule("p", network="dmz"),
        Rule("p", network="br-dmz"),
        Rule("p", host="kvm-1", name="web-?"),
    ],
)
def test_a_rule_that_fits_gives_its_project(rule: Rule) -> None:
    assert owner([rule], SEEN, "kvm-1", ("gold",))[0] == "p"


@pytest.mark.parametrize(
    "rule", [Rule("p", host="kvm-2"), Rule("p", name="web-*", pool="slow"), Rule("p", network="x")]
)
def test_a_rule_that_does_not_fit_in_all_it_says_is_passed_over(rule: Rule) -> None:
    assert owner([rule], SEEN, "kvm-1")[0] == DISCOVERED


@pytest.mark.parametrize(
    "exclusion",
    [
        Exclusion("pool", "fast"),
        Exclusion("path", "/fast/*"),
        Exclusion("name", "web-*", host="kvm-1"),
        Exclusion("metadata", "shop"),
    ],
)
def test_what_is_excluded_says_why(exclusion: Exclusion) -> None:
    assert exclusion.pattern in excluded([exclusion], SEEN, "kvm-1")
    assert not excluded([Exclusion(exclusion.kind, exclusion.pattern, host="kvm-2")], SEEN, "kvm-1")


def test_a_disk_that_lies_in_a_pools_folder_is_in_the_pool() -> None:
    loose = Domain("u2", "b", "running", disks=(Disk("vda", source="file", path="/slow/b.raw"),))
    assert excluded([Exclusion("pool", "slow")], loose, "h", [Pool("p1", "slow", "dir", path="/slow")])
    assert not excluded([Exclusion("pool", "slow")], loose, "h", [Pool("p1", "slow", "dir", path="/slo")])


def test_a_rule_and_an_exclusion_mean_the_same_by_a_pool() -> None:
    deep = Domain("u2", "b", "running", disks=(Disk("vda", source="file", path="/slow/teams/b.raw"),))
    pool = Pool("p1", "slow", "dir", path="/slow")
    assert excluded([Exclusion("pool", "slow")], deep, "h", [pool])
    assert owner([Rule("p", pool="slow")], deep, "h", pools=[pool]) == ("p", "rule 1")
    assert owner([Rule("p", pool="slow")], deep, "h") == (DISCOVERED, "no rule fits")


def test_a_domain_keeps_itself_out() -> None:
    mark = f'<aloft:sync xmlns:aloft="{ALOFT_NAMESPACE}" exclude="yes"/>'
    assert excluded([], Domain("u3", "c", "running", metadata={ALOFT_NAMESPACE: mark}), "h")
