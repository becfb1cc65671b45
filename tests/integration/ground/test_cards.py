"""The host's only card goes into a bridge with the host's address, and comes back when that cuts the host off."""

import json
import os
import subprocess
import sys

import pytest

from .lab import Lab, wait_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for namespaces and Open vSwitch")

CARD = "lab78f"
ADDRESS = "10.213.78.2/24"
ELSEWHERE = "198.51.100.0/24"
SUMS = """
# A cable of the kernel's leaves checksums to a card that is none, and a switch in user space passes them on unmade.
import array, fcntl, socket, struct, sys
SIOCETHTOOL, ETHTOOL_STXCSUM = 0x8946, 0x17
value = array.array("I", [ETHTOOL_STXCSUM, 0])
fcntl.ioctl(socket.socket(), SIOCETHTOOL, struct.pack("16sP", sys.argv[1].encode(), value.buffer_info()[0]))
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    made = Lab(tmp_path_factory.mktemp("cards"), number=78)
    subprocess.run([sys.executable, "-c", SUMS, "lab78n"], check=True)
    made.host.run(sys.executable, "-c", SUMS, CARD)
    made.host.run("ip", "route", "add", ELSEWHERE, "via", made.host.edge)
    made.enrol()
    yield made
    made.close()


def want(lab, bridge, interface=CARD, attempt=0):
    networks = {"external": {"bridge": bridge, "interface": interface}} if bridge else {}
    lab.plane.want("network", attempt=attempt, **{**lab.settings, "network": {"physical_networks": networks}})


def is_ok(report):
    return report["roles"].get("network", {}).get("state") == "ok"


def has_failed(report):
    return report["roles"].get("network", {}).get("state") == "failed"


def addresses(lab, device):
    told = json.loads(lab.host.run("ip", "-json", "-4", "address", "show", "dev", device, check=False) or "[]")
    return [f"{one['local']}/{one['prefixlen']}" for entry in told for one in entry.get("addr_info", [])]


def ports(lab, bridge):
    return lab.host.run("ovs-vsctl", "list-ports", bridge).split()


def route(lab):
    return lab.host.run("ip", "route", "show", ELSEWHERE)


def dead_bridge(lab, name):
    """A bridge that forwards nothing, as a trunk without the host's VLAN would not."""
    lab.host.run("ovs-vsctl", "add-br", name, "--", "set", "Bridge", name, "datapath_type=netdev", "fail_mode=secure")


def at_home(lab):
    return addresses(lab, CARD) == [ADDRESS] and f"dev {CARD}" in route(lab)


def test_the_hosts_own_card_becomes_a_part_of_a_bridge_and_the_link_survives(lab):
    with lab.agent():
        want(lab, "br-ex")
        lab.plane.wait_report(is_ok)
        assert CARD in ports(lab, "br-ex")
        assert (addresses(lab, CARD), addresses(lab, "br-ex")) == ([], [ADDRESS])
        assert "dev br-ex" in route(lab)
        lab.host.run("ping", "-c", "1", "-W", "5", lab.host.edge)


def test_what_a_restarted_switch_has_lost_comes_back(lab):
    with lab.agent():
        want(lab, "br-ex")
        lab.plane.wait_report(is_ok)
        lab.host.run("pkill", "-9", "-x", "ovs-vswitchd")
        want(lab, "br-ex")
        lab.plane.wait_report(is_ok)
        wait_for(lambda: addresses(lab, "br-ex") == [ADDRESS] and "dev br-ex" in route(lab))


def test_a_card_that_the_template_names_no_more_is_given_back(lab):
    with lab.agent():
        want(lab, "br-ex", interface=None)
        lab.plane.wait_report(is_ok)
        wait_for(lambda: at_home(lab))
        assert CARD not in ports(lab, "br-ex")


def test_a_bridge_that_cuts_the_host_off_is_left_again_and_not_tried_again(lab):
    with lab.agent():
        want(lab, "br-ex", interface=None)
        lab.plane.wait_report(is_ok)
        dead_bridge(lab, "br-dead")
        want(lab, "br-dead")
        told = lab.plane.wait_report(has_failed)["roles"]["network"]
        assert "cut the host off from the provider" in told["reason"]
        assert "aloft host retry" in told["remedy"]
        assert at_home(lab)
        assert CARD not in ports(lab, "br-dead")
        want(lab, "br-dead")
        assert lab.plane.wait_report(has_failed)["roles"]["network"]["reason"] == told["reason"]


def test_it_is_tried_again_when_a_person_asks(lab):
    with lab.agent():
        lab.host.run("ovs-vsctl", "set", "Bridge", "br-dead", "fail_mode=standalone")
        want(lab, "br-dead", attempt=1)
        lab.plane.wait_report(is_ok)
        assert addresses(lab, "br-dead") == [ADDRESS]
        want(lab, "br-ex", interface=None)
        wait_for(lambda: at_home(lab))
        lab.plane.wait_report(is_ok)


def test_an_agent_that_was_killed_in_the_middle_is_followed_by_one_that_puts_everything_back(lab):
    journal = lab.host.root / "var/lib/aloft/agent/network-change.json"
    with lab.agent():
        want(lab, "br-ex", interface=None)
        lab.plane.wait_report(is_ok)
        dead_bridge(lab, "br-none")
        want(lab, "br-none")
        wait_for(journal.exists)
        wait_for(lambda: addresses(lab, "br-none") == [ADDRESS])
        lab.kill_agent()
    assert addresses(lab, CARD) == []
    with lab.agent():
        told = lab.plane.wait_report(has_failed)["roles"]["network"]
        assert "The agent ended before" in told["reason"]
        assert at_home(lab)
        assert not journal.exists()


def test_a_host_without_roles_has_its_card_as_it_was(lab):
    with lab.agent():
        want(lab, "br-ex")
        lab.plane.wait_report(is_ok)
        assert addresses(lab, "br-ex") == [ADDRESS]
        lab.plane.want(**lab.settings)
        wait_for(lambda: at_home(lab))
        wait_for(lambda: addresses(lab, "br-ex") == [])
        lab.plane.wait_report(lambda report: report["roles"] == {})
        query = ["Open_vSwitch", {"op": "select", "table": "Bridge", "where": [], "columns": ["name"]}]
        told = json.loads(lab.host.run("ovsdb-tool", "query", "/etc/openvswitch/conf.db", json.dumps(query)))
        left = {row["name"] for row in told[0]["rows"]}
        assert left == {"br-dead", "br-none"}, "those that the agent did not make"
        lab.host.run("ping", "-c", "1", "-W", "5", lab.host.edge)
