"""Understanding what a machine says about itself."""

import json
import socket

import pytest

from aloft.ground import facts
from aloft.ground.machine import plain


def test_os_release():
    assert facts.os_release('ID=ubuntu\nVERSION_ID="24.04"\nPRETTY_NAME="Ubuntu 24.04"\n') == {
        "ID": "ubuntu",
        "VERSION_ID": "24.04",
        "PRETTY_NAME": "Ubuntu 24.04",
    }


@pytest.mark.parametrize(
    ("cpuinfo", "usable"),
    [
        ("model name\t: X\nflags\t\t: fpu vmx sse\n", True),
        ("flags\t\t: fpu svm sse\n", True),
        ("flags\t\t: fpu sse\n", False),
        ("processor : 0\nFeatures : fp asimd\n", True),
    ],
)
def test_virtualisation_shows_in_the_processors_flags(cpuinfo, usable):
    assert facts.has_virtualisation(cpuinfo) is usable


def test_memory():
    assert facts.memory_mib("MemTotal:       24690000 kB\nMemFree: 1 kB\n") == 24111


def test_cards_without_loopback_ports_and_link_local_addresses():
    links = [
        {"ifname": "lo", "link_type": "loopback"},
        {"ifname": "tap3690fb65-52", "link_type": "ether", "address": "fe:16:3e:00:00:01", "operstate": "UP"},
        {
            "ifname": "eth0", "link_type": "ether", "address": "02:00:00:00:00:01", "operstate": "UP",
            "addr_info": [
                {"local": "192.0.2.7", "prefixlen": 24, "scope": "global"},
                {"local": "fe80::1", "prefixlen": 64, "scope": "link"},
            ],
        },
    ]  # fmt: skip
    assert facts.cards(json.dumps(links)) == (facts.Card("eth0", "02:00:00:00:00:01", True, ("192.0.2.7/24",)),)


@pytest.mark.parametrize(
    ("kind", "virtual"),
    [("", False), ("veth", False), ("macvlan", False), ("bridge", True), ("tun", True), ("openvswitch", True)],
)
def test_cards_that_software_made(kind, virtual):
    link = {"ifname": "x", "link_type": "ether", "address": "52:54:00:00:00:01"}
    (card,) = facts.cards(json.dumps([link | ({"linkinfo": {"info_kind": kind}} if kind else {})]))
    assert card.virtual is virtual


def test_own_addresses():
    assert facts.is_local("127.0.0.1")
    assert not facts.is_local("192.0.2.200")
    if socket.has_ipv6:
        assert not facts.is_local("2001:db8::200")


@pytest.mark.parametrize(
    ("value", "result"),
    [
        (["map", [["a", "b"]]], {"a": "b"}),
        (["set", []], []),
        (["set", ["secure"]], "secure"),
        (["uuid", "x"], "x"),
        ("netdev", "netdev"),
    ],
)
def test_ovsdb_values(value, result):
    assert plain(value) == result
