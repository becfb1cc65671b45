"""What makes a machine fit, what merely slows it down, and what a person is told."""

from dataclasses import replace

import pytest

from aloft.install import preflight
from aloft.install.preflight import Facts, Finding, PortUse

FIT = Facts(
    root=True,
    distribution="debian",
    version="12",
    architecture="x86_64",
    python=(3, 11),
    cores=2,
    memory_mib=8000,
    disk_mib={"/var/lib/aloft": 20_000},
    running=False,
)


def found(facts: Facts, level: str) -> list[Finding]:
    return [finding for finding in preflight.judge(facts) if finding.level == level]


def test_a_fit_machine_gets_no_remarks() -> None:
    assert {finding.level for finding in preflight.judge(FIT)} == {"ok"}


@pytest.mark.parametrize(
    ("lack", "check", "word"),
    [
        ({"root": False}, "root", "sudo"),
        ({"distribution": "fedora"}, "system", "Debian 12"),
        ({"version": "11"}, "system", "Debian 12"),
        ({"distribution": "ubuntu", "version": "22.04"}, "system", "24.04"),
        ({"python": (3, 10)}, "python", "newer"),
        ({"memory_mib": 4000}, "memory", "6 GiB"),
        ({"disk_mib": {"/opt/aloft": 5000}}, "disk", "10 GiB"),
        ({"namespaces": False}, "namespaces", "privileged"),
        ({"tun": False}, "tun", "modprobe"),
        ({"registry": "pypi.org does not answer"}, "package registry", "pip.conf"),
        ({"ports": {443: PortUse("apache2", 77, ours=False)}}, "ports", "--port"),
        ({"ports": {7080: PortUse("squid", 77, ours=False)}}, "ports", "Stop squid"),
    ],
)
def test_what_stops_up_is_named_with_why_and_remedy(lack: dict[str, object], check: str, word: str) -> None:
    findings = found(replace(FIT, **lack), "lack")  # type: ignore[arg-type]  # values of several types
    assert [finding.check for finding in findings] == [check]
    assert word in findings[0].remedy
    assert findings[0].why


@pytest.mark.parametrize(
    ("weakness", "check"),
    [
        ({"cores": 1}, "processors"),
        ({"memory_mib": 6000}, "memory"),
        ({"cgroup": False}, "control groups"),
        ({"kvm": False}, "kvm"),
        ({"openvswitch_module": False}, "open vswitch"),
        ({"other_services": ("MariaDB",)}, "other services"),
        ({"architecture": "aarch64"}, "system"),
    ],
)
def test_what_only_slows_aloft_down_does_not_stop_it(weakness: dict[str, object], check: str) -> None:
    facts = replace(FIT, **weakness)  # type: ignore[arg-type]  # values of several types
    assert preflight.lacks(preflight.judge(facts)) == []
    assert [finding.check for finding in found(facts, "warning")] == [check]


def test_our_own_ports_are_no_obstacle() -> None:
    assert found(replace(FIT, ports={443: PortUse("haproxy", 5, ours=True)}), "lack") == []


def test_a_running_installation_needs_less_free_disk() -> None:
    nearly_full = {"/var/lib/aloft": 3000}
    assert found(replace(FIT, disk_mib=nearly_full), "lack")
    assert not found(replace(FIT, disk_mib=nearly_full, running=True), "lack")


def test_debian_testing_has_no_number_and_is_new_enough() -> None:
    assert found(replace(FIT, version=""), "lack") == []
