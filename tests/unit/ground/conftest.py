"""A host's context with everything in it that the plane may send."""

from dataclasses import replace
from pathlib import Path

import pytest

from aloft.base.paths import Paths
from aloft.ground.facts import Facts
from aloft.ground.layout import Layout
from aloft.ground.roles.model import Context
from aloft.ground.settings import Desired

FACTS = Facts(
    hostname="host-1",
    distribution="debian",
    distribution_version="12",
    distribution_name="Debian GNU/Linux 12 (bookworm)",
    architecture="x86_64",
    kernel="6.1.0",
    cpu_model="A processor",
    cpus=4,
    memory_mib=8192,
    free_disk_mib=50_000,
    disks=(),
    cards=(),
    address="192.0.2.7",
    kvm=True,
    systemd=False,
    openvswitch=True,
    tun=True,
    root=True,
    releases=("2026.2",),
)

LABELS = ["compute", "network", "image", "volume", "placement", "metadata", "console", "amqp", "ovn", "db", "agent"]

STATE = {
    "generation": 3,
    "roles": ["hypervisor", "network", "image-library"],
    "release": "2026.2",
    "settings": {
        "customer": "demo",
        "region": "demo-1",
        "release": "2026.2",
        "domain": "aloft.internal",
        "edge": {"host": "identity.demo.aloft.internal", "port": 443},
        "internal_port": 7080,
        "names": {"identity": "identity.demo.aloft.internal"}
        | {label: f"{label}.demo-1.demo.aloft.internal" for label in LABELS},
        "amqp": {"user": "s0-host-a", "password": "br/ok@er$", "vhost": "s0"},
        "keystone": {
            name: {"username": name, "password": f"{name}-$ecret", "project": "service"}
            for name in ("nova", "glance", "cinder")
        },
        "metadata_secret": "shared",
        "database": {"user": "s0_glance", "password": "d@ta", "schema": "s0_glance"},
        "image_library": {"listen": "/run/aloft/slots/0/library.sock"},
        "network": {
            "physical_networks": {"external": {"bridge": "br-ex", "address": "172.24.4.1/24"}},
            "overlay": {"type": "geneve", "address": None},
        },
    },
}


def make_context(**facts):
    desired = Desired.model_validate(STATE)
    assert desired.settings
    return Context(
        host="host-1",
        release=desired.release,
        roles=desired.roles,
        settings=desired.settings,
        facts=replace(FACTS, **facts),
        layout=Layout.of(Paths(Path("/"))),
    )


@pytest.fixture
def context():
    return make_context()
