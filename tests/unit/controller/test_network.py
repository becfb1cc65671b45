"""The network template: what is refused, what hosts and Neutron are told."""

import pytest
from pydantic import ValidationError

from aloft.base.errors import InvalidInput
from aloft.controller.network import NetworkTemplate, check, for_host, ml2_sections
from aloft.controller.services import neutron


def _template(**told):
    return NetworkTemplate.model_validate(told)


WIDE = {
    "physical_networks": {
        "external": {"flat": True, "interface": "eth1", "hosts": {"h2": {"interface": "ens4"}, "h3": {"absent": True}}},
        "office": {"vlans": ["100-199", "300"], "bridge": "br-office", "interface": "eth2", "mtu": 9000},
    },
    "overlay": {"type": "vxlan", "interface": "eth3", "mtu": 9000, "hosts": {"h2": {"address": "10.0.0.2"}}},
}


def test_each_host_is_told_its_own_devices():
    template = check(_template(**WIDE))
    assert for_host(template, "h1") == {
        "physical_networks": {
            "external": {"bridge": "br-ex", "interface": "eth1", "address": None},
            "office": {"bridge": "br-office", "interface": "eth2", "address": None},
        },
        "overlay": {"type": "vxlan", "interface": "eth3", "address": None, "mtu": 9000},
    }
    second = for_host(template, "h2")
    assert second["physical_networks"]["external"]["interface"] == "ens4"
    assert second["overlay"]["address"] == "10.0.0.2"
    assert set(for_host(template, "h3")["physical_networks"]) == {"office"}


def test_neutron_is_told_types_networks_ranges_and_mtus(make_context):
    sections = ml2_sections(_template(**WIDE))
    assert sections["ml2"] == {
        "tenant_network_types": "vxlan",
        "path_mtu": 9000,
        "physical_network_mtus": "office:9000",
    }
    assert sections["ml2_type_flat"] == {"flat_networks": "external"}
    assert sections["ml2_type_vlan"] == {"network_vlan_ranges": "office:100:199,office:300:300"}
    files = neutron.SERVICE.files(make_context(network=WIDE))
    assert "network_vlan_ranges = office:100:199" in files["neutron/ml2_conf.ini"]
    assert "global_physnet_mtu = 9000" in files["neutron/neutron.conf"]


def test_without_a_wish_there_is_one_flat_network():
    assert for_host(check(NetworkTemplate()), "any")["physical_networks"] == {
        "external": {"bridge": "br-ex", "interface": None, "address": None}
    }


@pytest.mark.parametrize(
    ("networks", "overlay", "says"),
    [
        ({"a": {}}, {}, "neither flat nor has VLANs"),
        ({"a": {"vlans": ["0-5"]}}, {}, "no range"),
        ({"a": {"vlans": ["20-10"]}}, {}, "no range"),
        ({"a": {"vlans": ["4000-4095"]}}, {}, "no range"),
        ({"a": {"vlans": ["10-20", "15"]}}, {}, "overlap at 15"),
        ({"a": {"flat": True}, "b": {"flat": True}}, {}, "br-ex would carry more than one"),
        (
            {"a": {"flat": True, "interface": "eth1"}, "b": {"flat": True, "bridge": "br-b", "interface": "eth1"}},
            {},
            "eth1 would carry",
        ),
        (
            {
                "a": {"flat": True, "hosts": {"h1": {"interface": "eth1"}}},
                "b": {"flat": True, "bridge": "br-b", "interface": "eth1"},
            },
            {},
            "on host 'h1'",
        ),
        ({"a": {"flat": True, "bridge": "br-int"}}, {}, "OVN's own"),
        ({"a": {"flat": True, "interface": "eth1"}}, {"interface": "eth1"}, "no address of its own for the overlay"),
    ],
)
def test_what_cannot_be_brought_about_is_refused(networks, overlay, says):
    with pytest.raises(InvalidInput) as refused:
        check(_template(physical_networks=networks, overlay=overlay))
    assert says in refused.value.message
    assert refused.value.remedy


@pytest.mark.parametrize(
    "told",
    [
        {"physical_networks": {"a": {"vlans": ["x"]}}},
        {"physical_networks": {"a b": {"flat": True}}},
        {"physical_networks": {"a": {"interface": "far-too-long-a-name"}}},
        {"overlay": {"type": "gre"}},
        {"overlay": {"mtu": 100}},
        {"bridges": {}},
    ],
)
def test_what_is_no_template(told):
    with pytest.raises(ValidationError):
        _template(**told)


def test_a_changed_template_replaces_neutron_and_nothing_else(make_context):
    from aloft.controller import processes
    from aloft.controller.services import enabled

    before, after = make_context(), make_context(network=WIDE)
    after = type(after)(after.spec, after.slot, before.secrets)
    old = {spec.name: spec for spec in processes.processes(before, enabled(before.spec))}
    new = {spec.name: spec for spec in processes.processes(after, enabled(after.spec))}
    assert {name for name in old if old[name] != new[name]} == {"slots/3/neutron-api"}
