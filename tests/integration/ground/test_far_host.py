"""A machine that reaches only the edge's port becomes a network node and a hypervisor, and stays one."""

import json
import os
import stat

import pytest

from .lab import Lab, wait_for

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


def test_becomes_a_chassis_through_the_link_alone(enrolled):
    with enrolled.agent():
        enrolled.plane.want("network", **enrolled.settings)
        enrolled.plane.wait_report(role_is("network", "ok"))
        wait_for(lambda: "far" in enrolled.southbound("list", "Chassis"))
        chassis = enrolled.southbound("--columns=other_config,hostname", "list", "Chassis")
        assert "enable-chassis-as-gw" in chassis
        assert "external:br-ex" in chassis
        addresses = json.loads(enrolled.host.run("ip", "-json", "address", "show", "dev", "br-ex"))
        assert [entry["local"] for entry in addresses[0]["addr_info"] if entry["family"] == "inet"] == ["172.24.4.1"]
