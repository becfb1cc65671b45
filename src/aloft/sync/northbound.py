"""What OVN's northbound database still knows of Neutron's, once Neutron's own database is lost: pure functions.

Neutron writes into OVN what it is asked for, with its own identifiers (``neutron:…`` in ``external_ids``), and OVN goes
on to carry packets by that. So networks, subnets, ports, routers, floating addresses and security groups can be read
back with their identifiers. What Neutron never wrote there is listed as lost, not guessed.
"""

import ipaddress
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]
Tables = Mapping[str, Mapping[str, Row]]
"""Table → the row's own identifier → column → value, in plain Python (:func:`plain`)."""

TABLES = (
    "Logical_Switch", "Logical_Switch_Port", "DHCP_Options", "Logical_Router", "Logical_Router_Port", "NAT",
    "Logical_Router_Static_Route", "Port_Group", "ACL",
)  # fmt: skip

_SPACE = uuid.UUID("0b0c6e0e-7a0b-4d63-9a8e-9a4c1a5bb6b2")
_GATEWAY = "network:router_gateway"
_IDENT = re.compile(r"neutron-(?P<ident>[0-9a-f-]{36})")


@dataclass(frozen=True)
class Thing:
    """Something of Neutron's, as OVN has it.

    Args:
        kind: ``network``, ``subnet``, ``port``, ``router``, ``floating address``, ``security group`` or ``rule``.
        ident: Neutron's identifier.
        values: by Neutron's names.
        revision: number of Neutron's last change that OVN has seen; ``None`` where it does not say.
    """

    kind: str
    ident: str
    values: Mapping[str, Any]
    revision: int | None = None


@dataclass(frozen=True)
class Loss:
    """Something that cannot be rebuilt: what kind of thing, which one (empty: all of them), and what of it."""

    kind: str
    which: str
    what: str


@dataclass(frozen=True)
class Found:
    """What can be rebuilt, each kind after those that it refers to, and what cannot."""

    things: tuple[Thing, ...]
    losses: tuple[Loss, ...] = field(default_factory=tuple)

    def of(self, kind: str) -> list[Thing]:
        """Everything of a kind."""
        return [thing for thing in self.things if thing.kind == kind]


def plain(value: Any) -> Any:
    """A value of OVSDB's JSON (RFC 7047, 5.1): maps as dicts, sets as lists, references as their identifiers."""
    if isinstance(value, list) and len(value) == 2:
        kind, content = value
        if kind == "map":
            return {plain(name): plain(each) for name, each in content}
        if kind == "set":
            return [plain(each) for each in content]
        if kind in ("uuid", "named-uuid"):
            return content
    return value


def understand(tables: Tables, ranges: Mapping[tuple[str, str], str] | None = None) -> Found:
    """Everything of Neutron's that the tables tell of.

    Args:
        tables: of OVN's northbound database.
        ranges: subnets that are known from elsewhere: (network, CIDR) → identifier. Those count of which OVN has the
            network.
    """
    parts = _Parts(tables, ranges or {})
    networks, subnets, ports = parts.networks(), parts.subnets(), parts.ports()
    routers, floating = parts.routers(), parts.floating()
    groups, rules = parts.groups(), parts.rules()
    things = (*networks, *subnets, *groups, *rules, *ports, *routers, *floating)
    return Found(things, tuple(_losses(things)))


class _Parts:
    """The tables, and what of them is needed more than once."""

    def __init__(self, tables: Tables, ranges: Mapping[tuple[str, str], str]) -> None:
        self._tables = tables
        self._known_ranges = ranges
        self._switch_of = {
            port: _ident(switch["name"]) for switch in self._rows("Logical_Switch") for port in _list(switch["ports"])
        }
        self._lines = {
            ident: row for ident, row in tables["Logical_Switch_Port"].items() if ident in self._switch_of and row
        }
        self._routed = {
            row["name"].removeprefix("lrp-"): (row, ident) for ident, row in tables["Logical_Router_Port"].items()
        }
        self._router_of = {
            port: _ident(router["name"]) for router in self._rows("Logical_Router") for port in _list(router["ports"])
        }
        self._ranges = self._all_ranges()

    def _rows(self, table: str) -> Iterable[Row]:
        return self._tables[table].values()

    def networks(self) -> list[Thing]:
        """Networks; those that routers' gateways or floating addresses are on are external."""
        external = {
            self._switch_of[ident]
            for ident, row in self._lines.items()
            if row["external_ids"].get("neutron:device_owner") == _GATEWAY
        }
        external |= {row["external_ids"].get("neutron:fip_network_id", "") for row in self._rows("NAT")}
        found = []
        for switch in self._rows("Logical_Switch"):
            ident, told = _ident(switch["name"]), switch["external_ids"]
            if not ident:
                continue
            lines = [self._lines[port] for port in _list(switch["ports"]) if port in self._lines]
            owners = {
                line["external_ids"].get("neutron:project_id", "") for line in lines if line["type"] == "localport"
            }
            values = {
                "name": told.get("neutron:network_name", ""),
                "mtu": int(told.get("neutron:mtu", "1500")),
                "project_id": min(owners, default=""),
                "router:external": ident in external,
                **_physical(lines),
            }
            found.append(Thing("network", ident, values, _revision(told)))
        return sorted(found, key=lambda thing: thing.ident)

    def _all_ranges(self) -> dict[tuple[str, str], tuple[str, Row | None]]:
        """Ranges of addresses: (network, CIDR) → subnet's identifier, and its DHCP options where it has some."""
        found: dict[tuple[str, str], tuple[str, Row | None]] = {}
        for row in self._rows("DHCP_Options"):
            told = row["external_ids"]
            network = _ident(told.get("neutron:network_id", "")) or told.get("neutron:network_id", "")
            if "subnet_id" in told and "port_id" not in told:
                found[network or self._network_of(row), row["cidr"]] = (told["subnet_id"], row)
        for name, (row, _) in self._routed.items():
            network = _ident(row["external_ids"].get("neutron:network_name", ""))
            subnets = row["external_ids"].get("neutron:subnet_ids", "").split()
            cidrs = [str(ipaddress.ip_interface(one).network) for one in _list(row["networks"])]
            if network and len(subnets) == len(cidrs) == 1 and name:
                found.setdefault((network, cidrs[0]), (subnets[0], None))
        networks = {_ident(switch["name"]) for switch in self._rows("Logical_Switch")}
        for (network, cidr), ident in self._known_ranges.items():
            if network in networks:
                found.setdefault((network, cidr), (ident, None))
        for ident, line in self._lines.items():
            for one in line["external_ids"].get("neutron:cidrs", "").split():
                cidr = str(ipaddress.ip_interface(one).network)
                network = self._switch_of[ident]
                found.setdefault((network, cidr), (str(uuid.uuid5(_SPACE, f"{network} {cidr}")), None))
        return found

    def _network_of(self, options: Row) -> str:
        """The network of a subnet whose options do not name it: that of a port that uses them."""
        own = next((ident for ident, row in self._tables["DHCP_Options"].items() if row is options), "")
        for ident, line in self._lines.items():
            if own in (*_list(line["dhcpv4_options"]), *_list(line["dhcpv6_options"])):
                return self._switch_of[ident]
        return ""

    def subnets(self) -> list[Thing]:
        """Subnets, as far as something in OVN speaks of them, or somebody remembers them."""
        owners = {thing.ident: thing.values["project_id"] for thing in self.networks()}
        found = []
        for (network, cidr), (ident, row) in sorted(self._ranges.items()):
            if not network:
                continue
            options = dict(row["options"]) if row else {}
            values = {
                "network_id": network,
                "cidr": cidr,
                "ip_version": ipaddress.ip_network(cidr).version,
                "enable_dhcp": row is not None,
                "gateway_ip": options.get("router") or self._gateway(network, cidr),
                "dns_nameservers": [one.strip() for one in options.get("dns_server", "").strip("{}").split(",") if one],
                "project_id": owners.get(network, ""),
            }
            if values["ip_version"] == 6 and row is not None:
                mode = "dhcpv6-stateless" if options.get("dhcpv6_stateless") == "true" else "dhcpv6-stateful"
                values |= {"ipv6_address_mode": mode, "ipv6_ra_mode": mode}
            found.append(Thing("subnet", ident, values, _revision(row["external_ids"]) if row else None))
        return found

    def _gateway(self, network: str, cidr: str) -> str | None:
        """The address that a router has in a range; for an external one, where its router sends everything."""
        hops = {row["nexthop"] for row in self._rows("Logical_Router_Static_Route") if row["ip_prefix"] in _EVERYWHERE}
        within = ipaddress.ip_network(cidr)
        for hop in hops:
            if ipaddress.ip_address(hop) in within:
                return str(hop)
        for row, _ in self._routed.values():
            if _ident(row["external_ids"].get("neutron:network_name", "")) == network:
                for one in _list(row["networks"]):
                    if ipaddress.ip_interface(one).network == within:
                        return str(ipaddress.ip_interface(one).ip)
        return None

    def ports(self) -> list[Thing]:
        """Ports, with the routers' ones."""
        found = []
        for ident, line in self._lines.items():
            told = line["external_ids"]
            if "neutron:device_owner" not in told:
                continue
            network = self._switch_of[ident]
            mac = _mac(line) or self._routed.get(line["name"], ({"mac": ""}, ""))[0]["mac"]
            addresses = [ipaddress.ip_interface(one) for one in told.get("neutron:cidrs", "").split()]
            values = {
                "name": told.get("neutron:port_name", ""),
                "network_id": network,
                "mac_address": mac,
                "fixed_ips": [
                    {"subnet_id": self._ranges[network, str(one.network)][0], "ip_address": str(one.ip)}
                    for one in addresses
                ],
                "device_id": told.get("neutron:device_id", ""),
                "device_owner": told["neutron:device_owner"],
                "project_id": told.get("neutron:project_id", ""),
                "admin_state_up": _list(line.get("enabled", [])) != [False],
                "port_security_enabled": bool(_list(line.get("port_security", []))),
                "security_groups": told.get("neutron:security_group_ids", "").split(),
                "vnic_type": told.get("neutron:vnic_type", "normal"),
                "host": dict(line["options"]).get("requested-chassis", ""),
                "up": True in _list(line.get("up", [])),
            }
            found.append(Thing("port", line["name"], values, _revision(told)))
        return sorted(found, key=lambda thing: thing.ident)

    def routers(self) -> list[Thing]:
        """Routers, with their ports and static routes."""
        owned = {thing.ident: thing.values for thing in self.ports()}
        found = []
        for router in self._rows("Logical_Router"):
            ident = _ident(router["name"])
            if not ident:
                continue
            ports = [name for name, (_, row) in self._routed.items() if self._router_of.get(row) == ident]
            ports = [name for name in ports if name in owned]
            gateways = [name for name in ports if owned[name]["device_owner"] == _GATEWAY]
            nats = [self._tables["NAT"][one] for one in _list(router["nat"]) if one in self._tables["NAT"]]
            values = {
                "name": router["external_ids"].get("neutron:router_name", ""),
                "project_id": min((owned[name]["project_id"] for name in ports if name not in gateways), default=""),
                "admin_state_up": _list(router.get("enabled", [])) != [False],
                "gw_port_id": min(gateways, default=None),
                "enable_snat": any(nat["type"] == "snat" for nat in nats),
                "ports": {name: owned[name]["device_owner"] for name in sorted(ports)},
                "routes": [
                    (row["ip_prefix"], row["nexthop"])
                    for one in _list(router["static_routes"])
                    if (row := self._tables["Logical_Router_Static_Route"].get(one))
                    and row["external_ids"].get("neutron:is_static_route") == "true"
                    and row["external_ids"].get("neutron:is_ext_gw") != "true"
                ],
            }
            found.append(Thing("router", ident, values, _revision(router["external_ids"])))
        return sorted(found, key=lambda thing: thing.ident)

    def floating(self) -> list[Thing]:
        """Floating addresses that lead to a port; OVN knows of no others."""
        owners = {thing.ident: thing.values["project_id"] for thing in self.ports()}
        found = []
        for row in self._rows("NAT"):
            told = row["external_ids"]
            if row["type"] == "dnat_and_snat" and "neutron:fip_id" in told:
                port = told.get("neutron:fip_port_id", "")
                values = {
                    "floating_ip_address": row["external_ip"],
                    "floating_network_id": told.get("neutron:fip_network_id", ""),
                    "fixed_port_id": port,
                    "fixed_ip_address": row["logical_ip"],
                    "router_id": _ident(told.get("neutron:router_name", "")),
                    "mac_address": told.get("neutron:fip_external_mac", ""),
                    "project_id": owners.get(port, ""),
                }
                found.append(Thing("floating address", told["neutron:fip_id"], values, _revision(told)))
        return sorted(found, key=lambda thing: thing.ident)

    def groups(self) -> list[Thing]:
        """Security groups; whose one is, the ports in it say."""
        owners: dict[str, str] = {}
        for thing in self.ports():
            for group in thing.values["security_groups"]:
                owners.setdefault(group, thing.values["project_id"])
        idents = {row["external_ids"].get("neutron:security_group_id", "") for row in self._rows("Port_Group")} - {""}
        return [Thing("security group", one, {"project_id": owners.get(one, "")}) for one in sorted(idents)]

    def rules(self) -> list[Thing]:
        """Rules of security groups, read off the expressions that Neutron made of them."""
        owners = {thing.ident: thing.values["project_id"] for thing in self.groups()}
        found = []
        for group in self._rows("Port_Group"):
            ident = group["external_ids"].get("neutron:security_group_id", "")
            for one in _list(group["acls"]):
                row = self._tables["ACL"].get(one)
                rule = row["external_ids"].get("neutron:security_group_rule_id", "") if row else ""
                if row and rule and ident:
                    values = {"security_group_id": ident, "project_id": owners[ident], **rule_of(row["match"])}
                    found.append(Thing("rule", rule, values))
        return sorted(found, key=lambda thing: thing.ident)


_EVERYWHERE = ("0.0.0.0/0", "::/0")


def rule_of(match: str) -> dict[str, Any]:
    """A security group's rule from the expression that Neutron made of it (``neutron.common.ovn.acl``)."""
    parts = [part.strip() for part in match.split("&&")]
    rule: dict[str, Any] = {
        "direction": "ingress" if parts[0].startswith("outport") else "egress",
        "ethertype": "IPv6" if "ip6" in parts else "IPv4",
        "protocol": None,
        "port_range_min": None,
        "port_range_max": None,
        "remote_ip_prefix": None,
        "remote_group_id": None,
    }
    for part in parts[1:]:
        left, sign, right = [*part.split(" ", 2), "", ""][:3]
        if part in ("tcp", "udp", "sctp"):
            rule["protocol"] = part
        elif part in ("icmp4", "icmp6"):
            rule["protocol"] = "icmp" if part == "icmp4" else "ipv6-icmp"
        elif left == "ip.proto":
            rule["protocol"] = right
        elif left.endswith((".dst", ".type", ".code")) and not left.startswith("ip"):
            low, high = (
                sign in ("==", ">=") and not left.endswith(".code"),
                sign in ("==", "<=") and ".type" not in left,
            )
            rule |= ({"port_range_min": int(right)} if low else {}) | ({"port_range_max": int(right)} if high else {})
        elif left in ("ip4.src", "ip4.dst", "ip6.src", "ip6.dst"):
            if right.startswith("$pg_"):
                rule["remote_group_id"] = right[4:].rpartition("_")[0].replace("_", "-")
            elif not right.startswith("$"):
                rule["remote_ip_prefix"] = right
    return rule


def _losses(things: Iterable[Thing]) -> Iterable[Loss]:
    """What of these things is not in OVN, and what of Neutron's is not at all."""
    for thing in things:
        if thing.kind == "security group":
            yield Loss(thing.kind, thing.ident, "its name and description, and whether it was its project's default")
            if not thing.values["project_id"]:
                yield Loss(thing.kind, thing.ident, "its project: no port is in it")
        if thing.kind == "network":
            yield Loss(thing.kind, thing.values["name"], "its description, its tags and with whom it was shared")
            if not thing.values["project_id"]:
                yield Loss(thing.kind, thing.values["name"], "its project")
        if thing.kind == "subnet":
            yield Loss(thing.kind, thing.values["cidr"], "its name, its allocation pools and its subnet pool")
        if thing.kind == "router" and not thing.values["project_id"]:
            yield Loss(thing.kind, thing.values["name"], "its project")
    yield Loss("port", "", "descriptions, tags, allowed address pairs and DHCP options of their own")
    yield Loss("floating address", "", "those that led to no port")
    yield Loss("subnet", "", "those without DHCP, router and ports that people made")
    yield Loss("quota", "", "projects' limits in Neutron")
    yield Loss("trunk, address group, address scope, subnet pool, quality of service policy", "", "all of them")


def _physical(lines: Iterable[Row]) -> dict[str, Any]:
    """Where a provider network leaves OVN."""
    for line in lines:
        if line["type"] == "localnet":
            tags = _list(line.get("tag", []))
            kind = {"provider:network_type": "vlan", "provider:segmentation_id": tags[0]} if tags else {}
            physical = {"provider:physical_network": dict(line["options"])["network_name"]}
            return {"provider:network_type": "flat", **physical, **kind}
    return {}


def _ident(name: str) -> str:
    found = _IDENT.fullmatch(name)
    return found["ident"] if found else ""


def _mac(line: Row) -> str:
    for address in _list(line["addresses"]):
        first = str(address).split(" ", 1)[0]
        if first.count(":") == 5:
            return first
    return ""


def _revision(told: Mapping[str, str]) -> int | None:
    value = told.get("neutron:revision_number", "")
    return int(value) if value.isdecimal() else None


def _list(value: Any) -> list[Any]:
    """A column that OVSDB gives as a single value where it has one element."""
    return value if isinstance(value, list) else [value]
