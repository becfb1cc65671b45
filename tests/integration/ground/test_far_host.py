"""A machine that reaches only the edge's port becomes a network node and a hypervisor, and stays one."""

import json
import os
import stat

import pytest

from aloft.base.pki import Authority

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
    for name in ("host.key", "host.crt", "host.pem", "host.json"):
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


def test_a_renewed_certificate_is_taken_up_without_a_restart(enrolled):
    with enrolled.agent():
        enrolled.plane.want("network", **enrolled.settings)
        enrolled.plane.wait_report(role_is("network", "ok"))
        before = pids(enrolled, "ovn-controller")
        masters = enrolled.host.run("pgrep", "-xo", "haproxy")
        loaded = enrolled.host.run("cat", "/run/aloft/agent/link.loaded")
        enrolled.renew_certificate()
        enrolled.plane.want("network", **enrolled.settings, again=True)
        wait_for(lambda: enrolled.host.run("cat", "/run/aloft/agent/link.loaded") != loaded)
        assert enrolled.host.run("pgrep", "-xo", "haproxy") == masters
        assert pids(enrolled, "ovn-controller") == before


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
