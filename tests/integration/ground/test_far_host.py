"""A machine that reaches only the edge's port becomes a network node and a hypervisor, and stays one."""

import json
import os
import stat
from datetime import UTC, datetime, timedelta

import pytest

from aloft.base import pki
from aloft.base.paths import Paths
from aloft.base.pki import Authority
from aloft.ground import link
from aloft.ground.layout import Layout

from .lab import NAMES, Lab, wait_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for namespaces and Open vSwitch")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    made = Lab(tmp_path_factory.mktemp("lab"), number=77)
    yield made
    made.close()


@pytest.fixture(scope="module")
def enrolled(lab):
    lab.enrol()
    return lab


def role_is(name, state):
    return lambda report: report["roles"].get(name, {}).get("state") == state


def test_enrolment_keeps_secrets_to_root(enrolled):
    folder = enrolled.host.root / "var/lib/aloft/agent"
    for name in ("host.pem", "host.json"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert json.loads((folder / "host.json").read_text())["host"] == "far"


def chassis(lab):
    return lab.southbound("--columns=name,hostname,other_config", "list", "Chassis")


def pids(lab, *programs):
    return {name: lab.host.run("pgrep", "-x", name, check=False).split() for name in programs}


def test_becomes_a_chassis_through_the_link_alone(enrolled):
    with enrolled.agent():
        enrolled.plane.want("network", **enrolled.settings)
        enrolled.plane.wait_report(role_is("network", "ok"))
        wait_for(lambda: "enable-chassis-as-gw" in chassis(enrolled))
        assert "external:br-ex" in chassis(enrolled)
        addresses = json.loads(enrolled.host.run("ip", "-json", "address", "show", "dev", "br-ex"))
        assert [entry["local"] for entry in addresses[0]["addr_info"] if entry["family"] == "inet"] == ["172.24.4.1"]


def test_the_names_lead_to_the_link(enrolled):
    hosts = (enrolled.host.root / "etc/hosts").read_text()
    assert f"127.0.0.1 {NAMES['identity']}" in hosts
    assert "plane.lab.internal" in hosts


def test_an_ended_agent_leaves_the_switch_and_its_flows(enrolled):
    switch = pids(enrolled, "ovsdb-server", "ovs-vswitchd")
    assert all(switch.values())
    assert pids(enrolled, "ovn-controller", "haproxy") == {"ovn-controller": [], "haproxy": []}
    assert "enable-chassis-as-gw" in chassis(enrolled)
    flows = enrolled.host.run("ovs-ofctl", "dump-flows", "br-int")
    assert flows.count("table=") > 10


def test_the_next_agent_adopts_what_runs_while_the_plane_is_away(enrolled):
    before = pids(enrolled, "ovsdb-server", "ovs-vswitchd")
    with enrolled.plane.absent(), enrolled.agent():
        wait_for(lambda: pids(enrolled, "ovn-controller")["ovn-controller"])
        assert pids(enrolled, "ovsdb-server", "ovs-vswitchd") == before


def test_a_killed_agent_is_taken_over_from(enrolled):
    with enrolled.agent():
        wait_for(lambda: pids(enrolled, "ovn-controller")["ovn-controller"])
        before = pids(enrolled, "ovsdb-server", "ovs-vswitchd", "ovn-controller")
        enrolled.kill_agent()
    with enrolled.agent():
        enrolled.plane.want("network", **enrolled.settings)
        enrolled.plane.wait_report(role_is("network", "ok"))
        assert pids(enrolled, "ovsdb-server", "ovs-vswitchd", "ovn-controller") == before


def test_a_killed_process_comes_back(enrolled):
    with enrolled.agent():
        wait_for(lambda: pids(enrolled, "ovn-controller")["ovn-controller"])
        before = pids(enrolled, "ovn-controller", "ovs-vswitchd")
        for name in before:
            enrolled.host.run("kill", "-9", *before[name])
        wait_for(lambda: all(now and now != before[name] for name, now in pids(enrolled, *before).items()))
        enrolled.plane.want("network", **enrolled.settings)
        enrolled.plane.wait_report(role_is("network", "ok"))


def test_what_is_changed_by_hand_is_put_right(enrolled):
    with enrolled.agent():
        enrolled.plane.want("network", **enrolled.settings)
        enrolled.plane.wait_report(role_is("network", "ok"))
        enrolled.host.run("ovs-vsctl", "remove", "Open_vSwitch", ".", "external_ids", "ovn-bridge-mappings")
        enrolled.host.run("ip", "address", "flush", "dev", "br-ex")
        enrolled.plane.want("network", **enrolled.settings)
        wait_for(lambda: "br-ex" in enrolled.host.run("ovs-vsctl", "get", "Open_vSwitch", ".", "external_ids"))
        wait_for(lambda: "172.24.4.1/24" in enrolled.host.run("ip", "address", "show", "dev", "br-ex"))


def test_a_certificate_that_soon_ends_is_renewed_and_nothing_is_restarted_for_it(enrolled):
    file = enrolled.host.root / "var/lib/aloft/agent/host.pem"
    with enrolled.agent():
        enrolled.plane.want("network", **enrolled.settings)
        enrolled.plane.wait_report(role_is("network", "ok"))
    enrolled.plane.days = 60 / 86400
    enrolled.enrol()
    enrolled.plane.days = 30
    old = pki.serial(file.read_bytes())
    with enrolled.agent():
        wait_for(lambda: pids(enrolled, "ovn-controller")["ovn-controller"])
        before = pids(enrolled, "ovn-controller", "ovs-vswitchd")
        masters = enrolled.host.run("pgrep", "-xo", "haproxy")
        wait_for(lambda: pki.serial(file.read_bytes()) != old)
        new = pki.serial(file.read_bytes())
        assert pki.validity(file.read_bytes()).end > datetime.now(UTC) + timedelta(days=20)
        wait_for(lambda: {old, new} <= enrolled.plane.serials)
        enrolled.plane.serials.clear()
        enrolled.plane.want("network", **enrolled.settings, again=True)
        enrolled.plane.wait_report(role_is("network", "ok"))
        assert old not in enrolled.plane.serials
        wait_for(lambda: digest(enrolled) in enrolled.host.run("cat", "/run/aloft/agent/link.loaded"))
        assert enrolled.host.run("pgrep", "-xo", "haproxy") == masters
        assert pids(enrolled, "ovn-controller", "ovs-vswitchd") == before


def digest(lab):
    """What the link has to read, as the agent knows it."""
    return link.digest(Layout.of(Paths(lab.host.root)))


def test_clocks_that_differ_are_named_and_the_agent_goes_on_when_they_agree(enrolled):
    with enrolled.agent():
        enrolled.plane.want("network", **enrolled.settings)
        enrolled.plane.wait_report(role_is("network", "ok"))
        with enrolled.clocks_apart(86400 * 3):
            enrolled.plane.want("network", **enrolled.settings, again=2)
            wait_for(lambda: "is not valid yet, by this host's clock" in enrolled.agent_log())
            assert "timedatectl set-ntp" in enrolled.agent_log()
            told = enrolled.enrol(check=False)
            assert "is not valid yet, by this host's clock: it says 20" in told
            assert "the provider's says 20" in told
        enrolled.plane.wait_report(role_is("network", "ok"))


def test_what_was_wanted_while_the_link_was_cut_is_there_soon_after_its_return(enrolled):
    with enrolled.agent():
        enrolled.plane.want("network", **enrolled.settings)
        enrolled.plane.wait_report(role_is("network", "ok"))
        before = pids(enrolled, "ovn-controller", "ovs-vswitchd", "haproxy")
        with enrolled.cut():
            enrolled.plane.want("network", **enrolled.settings, again=3)
            log = enrolled.agent_log()
            wait_for(lambda: "cannot be reached" in enrolled.agent_log()[len(log) :])
        enrolled.plane.wait_report(role_is("network", "ok"))
        assert pids(enrolled, "ovn-controller", "ovs-vswitchd", "haproxy") == before


def test_a_host_without_a_certificate_reaches_nothing(enrolled):
    ask = [
        "curl",
        "--silent",
        "--insecure",
        "--max-time",
        "5",
        "--resolve",
        f"{NAMES['agent']}:8443:{enrolled.host.edge}",
    ]
    done = enrolled.host.run(*ask, f"https://{NAMES['agent']}:8443/agent/v1/state?known=0&wait=0", check=False)
    assert "generation" not in done


def test_an_edge_of_another_authority_is_not_believed(enrolled):
    authority = enrolled.host.root / "var/lib/aloft/agent/authority.crt"
    genuine = authority.read_text()
    authority.write_bytes(Authority.open(enrolled.folder / "impostor", "impostor").certificate)
    try:
        with enrolled.agent():
            wait_for(lambda: "certificate verify failed" in (enrolled.folder / "agent.log").read_text())
    finally:
        authority.write_text(genuine)


def test_a_hypervisor_gets_libvirt_and_says_what_is_wrong_above_it(enrolled):
    with enrolled.agent():
        enrolled.plane.want("network", "hypervisor", **enrolled.settings)
        # the lab has no broker, which nova-compute waits for
        told = enrolled.plane.wait_report(
            lambda report: report["roles"].get("hypervisor", {}).get("step") == "Starting nova-compute"
        )
        assert told["roles"]["network"]["state"] == "ok"
        assert "Name" in enrolled.host.run("virsh", "--connect", "qemu:///system", "list", "--all")
        assert "nova-secret" in (enrolled.host.root / "var/lib/aloft/agent/config/nova.conf").read_text()


def test_secrets_show_neither_in_process_lists_nor_in_logs(enrolled):
    with enrolled.agent():
        wait_for(lambda: pids(enrolled, "libvirtd")["libvirtd"])
        assert "secret" not in enrolled.host.run("ps", "-eo", "args")
    logs = [enrolled.folder / "agent.log", *(enrolled.host.root / "var/log/aloft/agent").iterdir()]
    assert not [path.name for path in logs if "-secret" in path.read_text(errors="replace")]


def test_an_unknown_role_is_refused_in_words(enrolled):
    with enrolled.agent():
        enrolled.plane.want("network", "oracle", **enrolled.settings)
        told = enrolled.plane.wait_report(role_is("oracle", "failed"))
        assert told["roles"]["oracle"]["remedy"]
        enrolled.plane.wait_report(role_is("network", "ok"))


def test_a_role_that_is_taken_away_leaves_nothing(enrolled):
    with enrolled.agent():
        enrolled.plane.want(**enrolled.settings)
        wait_for(lambda: "far" not in chassis(enrolled))
        wait_for(lambda: not any(pids(enrolled, "ovsdb-server", "ovs-vswitchd", "libvirtd", "nova-compute").values()))
        wait_for(lambda: "br-int" not in enrolled.host.run("ip", "link"))
        enrolled.plane.wait_report(lambda report: report["roles"] == {})
        assert pids(enrolled, "haproxy", "ovn-controller") == {"haproxy": [], "ovn-controller": []}
        folder = enrolled.host.root / "var/lib/aloft/agent"
        assert list((folder / "config").iterdir()) == []
        assert "secret" not in "".join(path.read_text() for path in folder.glob("*.json"))
        hosts = (enrolled.host.root / "etc/hosts").read_text()
        assert "plane.lab.internal" in hosts
        assert "Aloft" not in hosts


def test_a_host_that_lost_its_last_role_takes_another(enrolled):
    with enrolled.agent():
        enrolled.plane.want("network", **enrolled.settings)
        enrolled.plane.wait_report(role_is("network", "ok"))
        wait_for(lambda: "enable-chassis-as-gw" in chassis(enrolled))


def test_a_role_is_told_for_as_long_as_the_region_cannot_be_told_that_it_goes(enrolled):
    southbound = enrolled.folder / "sb.sock"
    with enrolled.agent():
        enrolled.plane.want("network", **enrolled.settings)
        enrolled.plane.wait_report(role_is("network", "ok"))
        away = southbound.rename(enrolled.folder / "away.sock")
        enrolled.plane.want(**enrolled.settings)
        told = enrolled.plane.wait_report(lambda report: report["roles"].get("network", {}).get("reason"))
        assert "ovn-sbctl failed" in told["roles"]["network"]["reason"]
        away.rename(southbound)
        enrolled.plane.wait_report(lambda report: report["roles"] == {})
        assert "far" not in chassis(enrolled)
