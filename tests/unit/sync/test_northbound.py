"""Neutron's things are read back from OVN's northbound database."""

from typing import Any

import pytest

from aloft.sync.northbound import TABLES, Found, plain, rule_of, understand

NET, EXT, SUBNET, PORT, LEG, GATEWAY, ROUTER, FIP, GROUP, RULE = (
    f"{number:08d}-0000-0000-0000-000000000000" for number in range(1, 11)
)


def line(name: str, **about: Any) -> dict[str, Any]:
    told = {
        "name": name, "type": "", "addresses": [], "options": {}, "external_ids": {}, "up": True, "enabled": True,
        "dhcpv4_options": [], "dhcpv6_options": [], "port_security": [], "tag": [],
    }  # fmt: skip
    return {**told, **about}


def of(owner: str, device: str, project: str, cidrs: str = "", **more: str) -> dict[str, str]:
    told = {"device_owner": owner, "device_id": device, "project_id": project, "cidrs": cidrs, **more}
    return {f"neutron:{name}": value for name, value in told.items()}


def found() -> Found:
    tables: dict[str, dict[str, dict[str, Any]]] = {table: {} for table in TABLES}
    tables["Logical_Switch"] = {
        "ls1": {
            "name": f"neutron-{NET}",
            "ports": ["vm", "leg", "dhcp"],
            "external_ids": {"neutron:network_name": "inside", "neutron:mtu": "1400", "neutron:revision_number": "7"},
        },
        "ls2": {
            "name": f"neutron-{EXT}",
            "ports": ["gw", "phys"],
            "external_ids": {"neutron:network_name": "outside"},
        },
    }
    vm = of("compute:nova", "vm-1", "p1", "10.0.0.5/24", security_group_ids=GROUP, revision_number="4")
    tables["Logical_Switch_Port"] = {
        "vm": line(
            PORT,
            addresses="fa:16:3e:00:00:01 10.0.0.5",
            external_ids=vm,
            port_security="fa:16:3e:00:00:01 10.0.0.5",
            options={"requested-chassis": "kvm-1"},
        ),
        "leg": line(
            LEG,
            type="router",
            addresses="router",
            external_ids=of("network:router_interface", ROUTER, "p1", "10.0.0.1/24"),
        ),
        "dhcp": line(
            "11111111-1111-1111-1111-111111111111",
            type="localport",
            addresses="fa:16:3e:00:00:02 10.0.0.2",
            external_ids=of("network:distributed", f"ovnmeta-{NET}", "p1", "10.0.0.2/24"),
        ),
        "gw": line(
            GATEWAY,
            type="router",
            addresses="router",
            external_ids=of("network:router_gateway", ROUTER, "", "192.0.2.9/24"),
        ),
        "phys": line("provnet-x", type="localnet", options={"network_name": "external"}, tag=42),
    }
    tables["DHCP_Options"] = {
        "d1": {
            "cidr": "10.0.0.0/24",
            "options": {"router": "10.0.0.1", "dns_server": "{1.1.1.1, 9.9.9.9}"},
            "external_ids": {"subnet_id": SUBNET, "neutron:network_id": NET},
        }
    }
    tables["Logical_Router"] = {
        "lr": {
            "name": f"neutron-{ROUTER}", "ports": ["lrp1", "lrp2"], "nat": ["nat1", "nat2"], "static_routes": ["r1"],
            "enabled": True, "external_ids": {"neutron:router_name": "way"},
        }
    }  # fmt: skip
    tables["Logical_Router_Port"] = {
        "lrp1": {
            "name": f"lrp-{LEG}", "mac": "fa:16:3e:00:00:03", "networks": "10.0.0.1/24",
            "external_ids": {"neutron:network_name": f"neutron-{NET}", "neutron:subnet_ids": SUBNET},
        },
        "lrp2": {
            "name": f"lrp-{GATEWAY}", "mac": "fa:16:3e:00:00:04", "networks": "192.0.2.9/24",
            "external_ids": {"neutron:network_name": f"neutron-{EXT}", "neutron:subnet_ids": "s-ext"},
        },
    }  # fmt: skip
    fip = {"fip_id": FIP, "fip_port_id": PORT, "fip_network_id": EXT, "fip_external_mac": "fa:16:3e:00:00:05"}
    tables["NAT"] = {
        "nat1": {"type": "snat", "external_ids": {}, "external_ip": "192.0.2.9", "logical_ip": "10.0.0.0/24"},
        "nat2": {
            "type": "dnat_and_snat", "external_ip": "192.0.2.50", "logical_ip": "10.0.0.5",
            "external_ids": {f"neutron:{k}": v for k, v in fip.items()} | {"neutron:router_name": f"neutron-{ROUTER}"},
        },
    }  # fmt: skip
    tables["Logical_Router_Static_Route"] = {
        "r1": {"ip_prefix": "0.0.0.0/0", "nexthop": "192.0.2.1", "external_ids": {"neutron:is_ext_gw": "true"}}
    }
    tables["Port_Group"] = {"pg": {"acls": ["a1"], "external_ids": {"neutron:security_group_id": GROUP}}}
    match = f"outport == @pg_{GROUP.replace('-', '_')} && ip4 && ip4.src == 0.0.0.0/0 && tcp && tcp.dst == 22"
    tables["ACL"] = {"a1": {"match": match, "external_ids": {"neutron:security_group_rule_id": RULE}}}
    return understand(tables, {(NET, "10.9.0.0/24"): "s-found", ("gone", "10.8.0.0/24"): "s-gone"})


def test_networks_have_their_names_and_owners_and_gateways_make_them_external() -> None:
    inside, outside = found().of("network")
    assert (inside.ident, inside.values["name"], inside.values["project_id"]) == (NET, "inside", "p1")
    assert (inside.revision, inside.values["mtu"], inside.values["router:external"]) == (7, 1400, False)
    assert outside.values["router:external"] is True
    assert outside.values["provider:physical_network"] == "external"
    assert (outside.values["provider:network_type"], outside.values["provider:segmentation_id"]) == ("vlan", 42)


def test_subnets_are_read_from_dhcp_and_from_routers() -> None:
    by_ident = {thing.ident: thing.values for thing in found().of("subnet")}
    assert by_ident[SUBNET]["enable_dhcp"] is True
    assert by_ident[SUBNET]["gateway_ip"] == "10.0.0.1"
    assert by_ident[SUBNET]["dns_nameservers"] == ["1.1.1.1", "9.9.9.9"]
    assert by_ident["s-ext"]["cidr"] == "192.0.2.0/24"
    assert by_ident["s-ext"]["enable_dhcp"] is False
    assert by_ident["s-ext"]["gateway_ip"] == "192.0.2.1"


def test_subnets_that_are_remembered_are_there_again_with_their_networks() -> None:
    by_ident = {thing.ident: thing.values for thing in found().of("subnet")}
    assert by_ident["s-found"] == {
        "network_id": NET, "cidr": "10.9.0.0/24", "ip_version": 4, "enable_dhcp": False, "gateway_ip": None,
        "dns_nameservers": [], "project_id": "p1",
    }  # fmt: skip
    assert "s-gone" not in by_ident


def test_ports_keep_their_identifiers_addresses_and_hosts() -> None:
    ports = {thing.ident: thing for thing in found().of("port")}
    told = ports[PORT].values
    assert told["fixed_ips"] == [{"subnet_id": SUBNET, "ip_address": "10.0.0.5"}]
    assert (told["mac_address"], told["host"], told["device_id"]) == ("fa:16:3e:00:00:01", "kvm-1", "vm-1")
    assert (told["security_groups"], told["port_security_enabled"]) == ([GROUP], True)
    assert ports[PORT].revision == 4
    assert ports[LEG].values["mac_address"] == "fa:16:3e:00:00:03"


def test_routers_have_their_ports_and_gateway() -> None:
    (router,) = found().of("router")
    assert (router.ident, router.values["name"], router.values["project_id"]) == (ROUTER, "way", "p1")
    assert (router.values["gw_port_id"], router.values["enable_snat"]) == (GATEWAY, True)
    assert set(router.values["ports"]) == {LEG, GATEWAY}
    assert router.values["routes"] == []


def test_floating_addresses_lead_where_they_led() -> None:
    (address,) = found().of("floating address")
    assert (address.ident, address.values["floating_ip_address"]) == (FIP, "192.0.2.50")
    assert (address.values["fixed_port_id"], address.values["router_id"]) == (PORT, ROUTER)
    assert address.values["project_id"] == "p1"


def test_a_security_groups_name_is_listed_as_lost_and_its_rules_are_not() -> None:
    told = found()
    (group,), (rule,) = told.of("security group"), told.of("rule")
    assert (group.ident, group.values["project_id"]) == (GROUP, "p1")
    assert (rule.values["protocol"], rule.values["port_range_min"], rule.values["port_range_max"]) == ("tcp", 22, 22)
    assert any(loss.which == GROUP and "name" in loss.what for loss in told.losses)


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ("inport == @pg_x && ip6", {"direction": "egress", "ethertype": "IPv6", "protocol": None}),
        (
            "outport == @pg_x && ip4 && udp && udp.dst >= 5 && udp.dst <= 9",
            {"direction": "ingress", "protocol": "udp", "port_range_min": 5, "port_range_max": 9},
        ),
        ("outport == @pg_x && ip4 && icmp4 && icmp4.type == 8", {"protocol": "icmp", "port_range_min": 8}),
        ("outport == @pg_x && ip4 && ip.proto == 112", {"protocol": "112"}),
        (
            "outport == @pg_x && ip4 && ip4.src == $pg_00000009_0000_0000_0000_000000000000_ip4",
            {"remote_group_id": GROUP, "remote_ip_prefix": None},
        ),
    ],
)
def test_rules_are_read_off_their_expressions(match: str, expected: dict[str, object]) -> None:
    rule = rule_of(match)
    assert {name: rule[name] for name in expected} == expected


def test_ovsdbs_json_becomes_plain() -> None:
    assert plain(["map", [["a", "b"]]]) == {"a": "b"}
    assert plain(["set", [["uuid", "x"], ["uuid", "y"]]]) == ["x", "y"]
    assert plain("text") == "text"
