"""What the edge shall be, worked out from routes."""

import ipaddress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aloft.base.errors import InvalidInput
from aloft.base.paths import Paths
from aloft.base.pki import Authority
from aloft.node.edge_model import EdgeSettings, Layout, Route, Split
from aloft.node.edge_plan import backend, configuration, limits, plan

LAYOUT = Layout(Paths(Path("/")))
SETTINGS = EdgeSettings(domain="aloft.internal", slots=2)
SERVER = Path("/pki/server.pem")
CA = Path("/pki/ca.crt")


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, bytes]:
    authority = Authority.open(tmp_path_factory.mktemp("pki") / "ca", "Region")
    return {SERVER: authority.issue_server(["*.demo.example"]).bundle, CA: authority.certificate}


def route(name: str = "identity.demo.example", **changes: object) -> Route:
    return replace(Route(name, "http", "/run/aloft/slots/1/keystone.sock", SERVER), **changes)  # type: ignore[arg-type]


def test_prepared_targets_change_nothing_in_the_configuration(contents: dict[Path, bytes]) -> None:
    empty = plan(LAYOUT, SETTINGS, [], contents)
    full = plan(LAYOUT, SETTINGS, [route(), route("amqp.example", kind="tcp", target="127.0.0.1:7672")], contents)
    assert empty.configuration == full.configuration == configuration(LAYOUT, SETTINGS)
    beyond = plan(LAYOUT, SETTINGS, [route(target="/run/aloft/slots/3/keystone.sock")], contents)
    assert beyond.configuration != empty.configuration


def test_the_order_of_routes_does_not_matter(contents: dict[Path, bytes]) -> None:
    routes = [route(), route("a.example"), route("b.example", client_authority=CA, region="a/b")]
    assert plan(LAYOUT, SETTINGS, routes, contents) == plan(LAYOUT, SETTINGS, routes[::-1], contents)


def test_walled_names_have_an_entry_of_their_own(contents: dict[Path, bytes]) -> None:
    made = plan(LAYOUT, SETTINGS, [route(), route("agent.example", client_authority=CA, region="a/b")], contents)
    walled = [entry for entry in made.entries.values() if entry.authority]
    assert [entry.names for entry in walled] == [("agent.example",)]
    assert made.maps["wall"].keys() == made.maps["region"].keys() == {"agent.example"}
    assert "[verify required ca-file " in walled[0].line(LAYOUT.certificates)
    assert len(made.certificate_list(LAYOUT).splitlines()) == 3


def test_a_split_goes_to_its_target(contents: dict[Path, bytes]) -> None:
    library = "/run/aloft/slots/1/library.sock"
    made = plan(LAYOUT, SETTINGS, [route(splits=(Split("image-data", library),))], contents)
    assert made.maps["split-image-data"] == {"identity.demo.example": backend(LAYOUT, "http", library)}


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Upper.example"},
        {"name": "a b"},
        {"name": "a.example\nb.example"},
        {"target": "relative.sock"},
        {"target": "/run/a b.sock"},
        {"target": "/run/a.sock\n    server evil 1.2.3.4:5"},
        {"region": "a\nb"},
        {"revoked": frozenset({"not hex"})},
        {"networks": ("10.0.0.1/8",)},
        {"networks": ("everywhere",)},
        {"splits": (Split("unknown", "/run/x.sock"),)},
        {"splits": (Split("image-data", "x"),)},
    ],
)
def test_what_could_break_the_files_is_refused(contents: dict[Path, bytes], changes: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        plan(LAYOUT, SETTINGS, [route(**changes)], contents)  # type: ignore[arg-type]


def test_a_name_is_given_once(contents: dict[Path, bytes]) -> None:
    with pytest.raises(InvalidInput, match=r"identity\.demo\.example"):
        plan(LAYOUT, SETTINGS, [route(), route(kind="tcp")], contents)


def networks(version: int) -> st.SearchStrategy[str]:
    bits = 32 if version == 4 else 128
    # A small part of the address space, so that networks lie in each other.
    top = st.integers(0, 15).map(lambda value: value << (bits - 4))
    return st.builds(
        lambda address, length: str(
            (ipaddress.IPv4Network if version == 4 else ipaddress.IPv6Network)((address, length), strict=False)
        ),
        top,
        st.integers(0, 6),
    )


ANY = st.one_of(networks(4), networks(6))


@given(
    allowed=st.dictionaries(st.sampled_from("abcd"), st.lists(ANY, min_size=1, max_size=4).map(tuple)),
    address=st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)),
)
def test_the_longest_network_says_who_may(
    allowed: dict[str, tuple[str, ...]], address: ipaddress.IPv4Address | ipaddress.IPv6Address
) -> None:
    """What HAProxy does with the two maps equals asking each network."""
    keys, holders = limits(allowed)
    holding = [ipaddress.ip_network(text) for text in holders if address in ipaddress.ip_network(text)]
    longest = max(holding, key=lambda network: network.prefixlen, default=None)
    said = holders[str(longest)] if longest else ""
    for name, texts in allowed.items():
        assert (f"|{keys[name]}|" in said) == any(address in ipaddress.ip_network(text) for text in texts)


def test_what_writes_waits_where_a_name_is_held(contents: dict[Path, bytes]) -> None:
    waiting = backend(LAYOUT, "http", SETTINGS.waiting)
    outside = plan(LAYOUT, SETTINGS, [route(hold="outside")], contents)
    assert outside.maps["hold"] == {"identity.demo.example": waiting} and not outside.maps["hold-all"]
    everything = plan(LAYOUT, SETTINGS, [route(hold="all")], contents)
    assert everything.maps["hold"] == everything.maps["hold-all"] == {"identity.demo.example": waiting}
    assert everything.configuration == plan(LAYOUT, SETTINGS, [route()], contents).configuration
