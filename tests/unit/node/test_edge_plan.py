"""What the edge shall be, worked out from routes."""

import hashlib
import ipaddress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aloft.base.errors import InvalidInput
from aloft.base.paths import Paths
from aloft.base.pki import Authority
from aloft.node.edge_model import EdgeSettings, Far, Layout, Route, Split, Trunk, tcp_label, trunk_name
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


BACK = Far("back", "192.0.2.7:7443", CA, SERVER, 7680)
TRUNK = Trunk("front", 7443, CA, SERVER, frozenset({"0a1b"}), Path("/run/aloft/trunk/node.sock"), (BACK,))


def test_without_a_trunk_there_is_nothing_of_it(contents: dict[Path, bytes]) -> None:
    made = plan(LAYOUT, SETTINGS, [route()], contents)
    assert "frontend trunk" not in made.configuration and not any(name.startswith("trunk") for name in made.maps)


def test_other_nodes_reach_what_is_here_and_nothing_else(contents: dict[Path, bytes]) -> None:
    routes = [
        route(),
        route("ovn.demo.example", kind="tcp", target="/run/aloft/slots/1/ovn-sb.sock"),
        route("far.example", target="peer:back"),
        route("far-ovn.example", kind="tcp", target="peer:back"),
    ]
    made = plan(LAYOUT, SETTINGS, routes, contents, TRUNK)
    assert made.maps["trunk-http"].keys() == {"identity.demo.example"}
    assert made.maps["trunk-tcp"].keys() == {
        trunk_name("front", "broker"),
        trunk_name("front", tcp_label("ovn.demo.example")),
    }
    assert made.maps["trunk-admitted"].keys() == {"0a1b"}
    assert (
        made.maps["http"]["far.example"] == "http-peer-back" and made.maps["tcp"]["far-ovn.example"] == "tcp-peer-back"
    )
    again = plan(LAYOUT, SETTINGS, [*routes, route("another.example", target="peer:back")], contents, TRUNK)
    assert again.configuration == made.configuration, "names of other nodes come and go without a reload"


def test_a_trunk_whose_files_changed_takes_a_reload(contents: dict[Path, bytes]) -> None:
    before = plan(LAYOUT, SETTINGS, [], contents, TRUNK)
    renewed = {**contents, SERVER: contents[SERVER] + b"\n"}
    assert plan(LAYOUT, SETTINGS, [], renewed, TRUNK).configuration != before.configuration
    admitted = plan(LAYOUT, SETTINGS, [], contents, replace(TRUNK, admitted=frozenset({"0c"})))
    assert admitted.configuration == before.configuration and admitted.maps != before.maps


def test_who_arrives_has_names_for_the_nodes_own_services(contents: dict[Path, bytes]) -> None:
    socket = "/run/aloft/slots/1/keystone.sock"
    made = plan(LAYOUT, SETTINGS, [route("a.example", target="peer:back")], contents, TRUNK, {"a.example": socket})
    assert made.maps["near"] == {"a.example": backend(LAYOUT, "http", socket)}
    assert made.maps["http"] == {"a.example": "http-peer-back"} and not made.maps["trunk-http"]


@pytest.mark.parametrize("target", ["peer:stranger", "peer:", "peer:back\n    server evil 1.2.3.4:5"])
def test_only_known_nodes_are_led_to(contents: dict[Path, bytes], target: str) -> None:
    with pytest.raises(InvalidInput):
        plan(LAYOUT, SETTINGS, [route(target=target)], contents, TRUNK)


def test_a_label_is_short_enough_for_any_name() -> None:
    name = "ovn." + "r" * 60 + "." + "c" * 60 + ".aloft.internal"
    assert len(tcp_label(name)) <= 63 and tcp_label(name) == hashlib.sha256(name.encode()).hexdigest()[:40]
