"""Neutron's records of what virtual machines are plugged into: networks, subnets and ports."""

import datetime
import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from aloft.base.errors import AloftError, Conflict, InvalidInput, NotFound
from aloft.inside.sync.clients import Clients, Projects
from aloft.inside.sync.store import Store
from aloft.sync.facts import FOUND, Facts, network_place
from aloft.sync.inventory import Inventory
from aloft.sync.networks import AGAIN_SECONDS, Base, NetworkAction, gone_since, offerable, plan_networks
from aloft.sync.policy import DISCOVERED, Settings
from aloft.sync.records import Entry

OWNER = "compute:nova"
"""Device owner of ports, as Nova writes it."""

_BULK = 50

_GONE = ", gone since "
"""Follows the place in the description of a network whose place is gone."""


class Networks:
    """Keeps Neutron in line with the NICs of virtual machines.

    Args:
        clients: OpenStack's APIs.
        projects: Keystone's projects.
        store: remembers which network was made for which place.

    ``refused`` has the instances of which Neutron did not take a card as it is, and why; ``gone`` those whose virtual
    machines are missed on their hosts, ``cards`` the MACs that instances had when both sides agreed last.
    """

    def __init__(self, clients: Clients, projects: Projects, store: Store) -> None:
        self._clients = clients
        self._projects = projects
        self._store = store
        self._networks = store.things("network")
        self._seen: dict[str, Facts] = {}
        self._subnets: dict[str, dict[str, str]] = {}
        self._refused: dict[str, float] = {}
        self.refused: dict[str, str] = {}
        self._told: dict[str, str] = {}
        self.gone: frozenset[str] = frozenset()
        self.cards: Mapping[str, frozenset[str]] = {}

    def forget_seen(self) -> None:
        """Ask Neutron anew for what may have been changed there, also whether a network is still in use."""
        self._seen.clear()
        self._subnets.clear()
        self._refused.clear()

    def bring_about(
        self, host: str, wanted: Mapping[str, tuple[str, Facts]], inventory: Inventory, now: float, shared: bool
    ) -> tuple[dict[str, list[Facts]], list[Entry]]:
        """Give virtual machines the ports that their NICs need, and take away those that they need no more.

        Args:
            host: where they are.
            wanted: for each instance its project's identifier and its facts.
            inventory: of the host, for the ranges of addresses on its networks.
            now: for the trail.
            shared: whether networks that are made can be used by every project.

        Returns:
            The ports of each instance, in the order of its NICs, and what the trail has to say.
        """
        entries: list[Entry] = []
        ranges = _ranges(inventory, host)
        present = self._present(wanted)
        for uuid in wanted:
            self.refused.pop(uuid, None)
        ports: dict[str, dict[str, Facts]] = {uuid: {} for uuid in wanted}
        coming: dict[str, list[Facts]] = {}
        missing: list[tuple[str, Facts]] = []
        for uuid, (project, facts) in wanted.items():
            for nic in facts["nics"]:
                found = present.get(uuid, {}).pop(nic["mac"], None) or self._of_ovn(nic, uuid)
                if found is None and not nic["place"]:
                    entries.append(_unknown(host, uuid, nic, now))
                    continue
                if found and (nic["interface_id"] or not nic["place"]):
                    network = found["network_id"]
                else:
                    network = self._network(nic, ranges, facts, now, shared, entries)
                body = self._port(uuid, project, nic, network, facts["host"])
                if found is None:
                    missing.append((uuid, body))
                else:
                    ports[uuid][nic["mac"]] = self._aligned(found, body, nic, uuid)
            coming[uuid] = self._without_cards(uuid, present.get(uuid, {}).values())
        for uuid, port in self._make(missing):
            ports[uuid][port["mac_address"]] = port
        entries += self._refusals(wanted, host, now)
        ordered = {
            uuid: [ports[uuid][nic["mac"]] for nic in facts["nics"] if nic["mac"] in ports[uuid]] + coming[uuid]
            for uuid, (_, facts) in wanted.items()
        }
        return {uuid: [self._shown(port) for port in each] for uuid, each in ordered.items()}, entries

    def remove(self, uuid: str, runs_on: bool) -> None:
        """Take away the ports that an instance has.

        Args:
            uuid: the instance's.
            runs_on: its virtual machine goes on without OpenStack: what OVN carries its packets by stays.
        """
        for port in self._clients.call("network", "GET", f"/v2.0/ports?device_id={uuid}")["ports"]:
            made = port["description"].startswith(FOUND)
            if port["device_owner"].startswith("compute:") and (made or not runs_on):
                self._clients.call("network", "DELETE", f"/v2.0/ports/{port['id']}")

    def offer(self, inventory: Inventory, host: str, now: float, shared: bool) -> None:
        """Make a provider network for each place of a host's that has none yet."""
        for place in sorted(offerable(inventory, host) - self._networks.keys()):
            self.make(place, inventory, host, now, shared)

    def make(self, place: str, inventory: Inventory, host: str, now: float, shared: bool) -> str:
        """Make a provider network for a place on a host; gives its identifier."""
        return self._made(place, _ranges(inventory, host).get(place, ()), host, now, shared, [])

    def made(self) -> dict[str, str]:
        """The identifiers of the networks that were made, by their places."""
        return {place: ident for place, (ident, _) in self._networks.items()}

    def follow(self, inventory: Inventory, host: str, now: float, settings: Settings) -> float | None:
        """Mark networks whose places are gone, and take away those that nothing uses after the time of grace.

        Args:
            inventory: of the host.
            host: its name.
            now: for the plan and the trail.
            settings: how careful to be.

        Returns:
            When to look again though nothing is told.
        """
        known = {place: base for place, (_, base) in self._networks.items()}
        actions, due = plan_networks(host, inventory, known, settings, now, self._refused)
        for action in actions:
            if action.kind == "remove":
                again = self._retire(action, host, now)
                due = again if due is None or (again is not None and again < due) else due
            else:
                self._remark(action, host, now)
        return due

    def gone_places(self) -> list[Facts]:
        """Networks whose places are gone, since when, and why they are still there."""
        return [
            {"place": place, "network": ident, "since": since, "reason": base.get("kept") or _held(base)}
            for place, (ident, base) in sorted(self._networks.items())
            if (since := gone_since(base)) is not None
        ]

    def _remark(self, action: NetworkAction, host: str, now: float) -> None:
        """Remember where a network's place is, and show in its description when that is nowhere."""
        place, (ident, before) = action.place, self._networks[action.place]
        entries: tuple[Entry, ...] = ()
        if action.kind != "note":
            since, former = gone_since(action.base), gone_since(before)
            note = "its place is back" if since is None else "its place is gone"
            entries = (Entry(now, host, "network", place, "gone_since", former, since, note=note),)
            self._describe(ident, _described(before["host"], place, since))
            self._refused.pop(place, None)
        self._keep(place, ident, action.base, entries)

    def _describe(self, ident: str, description: str) -> None:
        """Say in a network's description where its place is, unless somebody has described it otherwise."""
        self._seen.pop(ident, None)
        network = self._look_up(ident)
        if network is None or not network["description"].startswith(FOUND):
            return
        body = {"network": {"description": description}}
        self._seen[ident] = self._clients.call("network", "PUT", f"/v2.0/networks/{ident}", body)["network"]

    def _retire(self, action: NetworkAction, host: str, now: float) -> float | None:
        """Delete a network whose place is gone, unless it is of use; gives when to try that again."""
        place, (ident, before) = action.place, self._networks[action.place]
        self._seen.pop(ident, None)
        self._subnets.pop(ident, None)
        network = self._look_up(ident)
        note = "it was deleted in OpenStack"
        if network is not None:
            note = f"network {network['name']} was removed: its place is gone, and nothing uses it"
            if reason := self._use(network):
                self._refused[place] = now
                if before.get("kept") != reason:
                    stays = Entry(now, host, "network", place, "network", ident, ident, note=f"it stays: {reason}")
                    self._keep(place, ident, {**action.base, "kept": reason}, (stays,))
                return now + AGAIN_SECONDS
        entry = Entry(now, host, "network", place, "network", ident, None, note=note)
        self._store.forget_network(place, ident, entry)
        del self._networks[place]
        self._seen.pop(ident, None)
        self._refused.pop(place, None)
        return None

    def _use(self, network: Facts) -> str:
        """Why a network is not to be deleted; empty once it is. Neutron itself knows whether anything is plugged in."""
        if not network["description"].startswith(FOUND):
            return "somebody has described it otherwise"
        made = self._store.ranges()
        if any(made.get((network["id"], cidr)) != subnet for cidr, subnet in self._ranges(network["id"]).items()):
            return "somebody has made subnets in it"
        try:
            self._clients.call("network", "DELETE", f"/v2.0/networks/{network['id']}")
        except Conflict:
            return "it is in use"
        except NotFound:
            return ""  # somebody was faster
        return ""

    def _keep(self, place: str, ident: str, base: Base, entries: Iterable[Entry]) -> None:
        self._store.keep_thing("network", place, ident, dict(base), entries)
        self._networks[place] = (ident, dict(base))

    def _present(self, wanted: Mapping[str, Any]) -> dict[str, dict[str, Facts]]:
        """The ports that instances have, by their MAC."""
        found: dict[str, dict[str, Facts]] = {}
        uuids = list(wanted)
        for start in range(0, len(uuids), _BULK):
            query = "&".join(f"device_id={uuid}" for uuid in uuids[start : start + _BULK])
            for port in self._clients.call("network", "GET", f"/v2.0/ports?{query}")["ports"]:
                found.setdefault(port["device_id"], {})[port["mac_address"]] = port
        return found

    def _without_cards(self, uuid: str, ports: Iterable[Facts]) -> list[Facts]:
        """Take away ports whose NICs are gone, and give back the others: OpenStack is about to plug those in."""
        coming = []
        for port in ports:
            if port["description"].startswith(FOUND) or port["mac_address"] in self.cards.get(uuid, ()):
                self._clients.call("network", "DELETE", f"/v2.0/ports/{port['id']}")
            else:
                coming.append(port)
        return coming

    def _of_ovn(self, nic: Facts, uuid: str) -> Facts | None:
        """The port that a NIC on OVN's bridge names itself."""
        if not nic["interface_id"]:
            return None
        try:
            port: Facts = self._clients.call("network", "GET", f"/v2.0/ports/{nic['interface_id']}")["port"]
        except (NotFound, InvalidInput):
            return None
        return port if port["device_id"] in ("", uuid) else None

    def _network(
        self,
        nic: Facts,
        ranges: Mapping[str, tuple[str, ...]],
        facts: Facts,
        now: float,
        shared: bool,
        entries: list[Entry],
    ) -> str:
        place = nic["place"]
        if place in self._networks:
            ident = self._networks[place][0]
            if self._look_up(ident) is not None:
                return ident
        return self._made(place, ranges.get(place, ()), facts["host"], now, shared, entries)

    def _made(
        self, place: str, ranges: Iterable[str], host: str, now: float, shared: bool, entries: list[Entry]
    ) -> str:
        """Make the network for a place, with the ranges of addresses that are known of it."""
        kind, first, second = place.split("/", 2)
        body: Facts = {
            "name": first if kind == "bridge" and second == "0" else f"{first}-{second}",
            "description": _described(host, place, None),
            "project_id": self._projects.ident(DISCOVERED, make=True),
            "shared": shared,
        }
        network = self._find(place) or self._create(body, kind, first, second)
        self._seen[network["id"]] = network
        for cidr in ranges:
            self._range(network["id"], cidr)
        entry = Entry(now, host, "network", place, "network", None, network["id"], note=f"network {network['name']}")
        self._keep(place, network["id"], {"host": host}, (entry,))
        entries.append(entry)
        return str(network["id"])

    def _find(self, place: str) -> Facts | None:
        """A network that was made for the place before what is remembered was lost."""
        listed = self._clients.call("network", "GET", "/v2.0/networks")["networks"]
        return next((one for one in listed if one["description"].partition(_GONE)[0].endswith(f": {place}")), None)

    def _create(self, body: Facts, kind: str, first: str, second: str) -> Facts:
        if kind != "bridge":
            return self._post("networks", "network", body)
        tagged: Facts = {"provider:physical_network": first, "provider:network_type": "flat"}
        if second != "0":
            tagged |= {"provider:network_type": "vlan", "provider:segmentation_id": int(second)}
        try:
            return self._post("networks", "network", {**body, **tagged})
        except (InvalidInput, Conflict):
            # Neutron has no such physical network with tags, or the bridge's untagged network is there already.
            return self._post("networks", "network", body)

    def _look_up(self, ident: str) -> Facts | None:
        """A network; ``None`` where it is no more."""
        if ident not in self._seen:
            try:
                self._seen[ident] = self._clients.call("network", "GET", f"/v2.0/networks/{ident}")["network"]
            except NotFound:
                return None
        return self._seen[ident]

    def _ranges(self, network: str) -> dict[str, str]:
        """A network's ranges of addresses: CIDR → subnet."""
        if network not in self._subnets:
            listed = self._clients.call("network", "GET", f"/v2.0/subnets?network_id={network}")["subnets"]
            self._subnets[network] = {one["cidr"]: one["id"] for one in listed}
        return self._subnets[network]

    def _range(self, network: str, cidr: str) -> str | None:
        known = self._ranges(network)
        if cidr not in known:
            body = {
                "network_id": network,
                "cidr": cidr,
                "ip_version": ipaddress.ip_network(cidr).version,
                "enable_dhcp": False,
                "gateway_ip": None,
                "project_id": self._projects.ident(DISCOVERED, make=True),
            }
            try:
                known[cidr] = self._post("subnets", "subnet", body)["id"]
            except (InvalidInput, Conflict):
                return None  # it overlaps with a range that somebody else made
            self._store.keep_range(network, cidr, known[cidr])
        return known[cidr]

    def _port(self, uuid: str, project: str, nic: Facts, network: str, host: str) -> Facts:
        """A port as it is to be made; nobody filters packets outside of OVN, so it does not claim that."""
        return {
            "port_security_enabled": False,
            "network_id": network,
            "mac_address": nic["mac"],
            "device_id": uuid,
            "device_owner": OWNER,
            "project_id": project,
            "admin_state_up": nic["link_up"],
            "fixed_ips": self._addresses(network, nic),
            "description": FOUND + host,
        }

    def _addresses(self, network: str, nic: Facts) -> list[Facts]:
        found = []
        for address, prefix in nic["addresses"]:
            if prefix in (32, 128):
                cidr = next((c for c in self._ranges(network) if _in(address, c)), None)
            else:
                cidr = str(ipaddress.ip_interface(f"{address}/{prefix}").network)
            subnet = self._range(network, cidr) if cidr else None
            if subnet:
                found.append({"subnet_id": subnet, "ip_address": address})
        return found

    def _refusals(self, uuids: Iterable[str], host: str, now: float) -> list[Entry]:
        """Lines of the trail about cards that Neutron refuses, each once for as long as it is for the same reason."""
        entries = []
        for uuid in uuids:
            why = self.refused.get(uuid)
            if why is not None and self._told.get(uuid) != why:
                entries.append(Entry(now, host, "instance", uuid, "nics", note=why, lost=True))
            self._told.pop(uuid, None)
            if why is not None:
                self._told[uuid] = why
        return entries

    def _refuse(self, uuid: str, body: Facts, error: AloftError) -> None:
        addresses = ", ".join(one["ip_address"] for one in body["fixed_ips"]) or "no address"
        self.refused[uuid] = f"Neutron does not take the card {body['mac_address']} with {addresses}: {error.message}"

    def _aligned(self, port: Facts, body: Facts, nic: Facts, uuid: str) -> Facts:
        """The port, brought in line with its NIC; addresses that nobody knows stay as they are."""
        wanted = {"admin_state_up": body["admin_state_up"], "device_id": body["device_id"]}
        if body["fixed_ips"] and not nic["interface_id"] and _pairs(port["fixed_ips"]) != _pairs(body["fixed_ips"]):
            wanted["fixed_ips"] = body["fixed_ips"]
        others = port["description"].startswith(FOUND) and body["project_id"] != port["project_id"]
        if body["network_id"] != port["network_id"] or others:
            self._clients.call("network", "DELETE", f"/v2.0/ports/{port['id']}")
            return self._post("ports", "port", body)
        changes = {name: value for name, value in wanted.items() if port[name] != value}
        if not changes:
            return port
        try:
            answer = self._clients.call("network", "PUT", f"/v2.0/ports/{port['id']}", {"port": changes})
        except (InvalidInput, Conflict) as error:
            self._refuse(uuid, body, error)
            return port
        return dict(answer["port"])

    def _make(self, missing: list[tuple[str, Facts]]) -> list[tuple[str, Facts]]:
        """Make ports, many at a time; where that is refused, each by itself, and without addresses if need be."""
        made: list[tuple[str, Facts]] = []
        for start in range(0, len(missing), _BULK):
            chunk = missing[start : start + _BULK]
            try:
                answer = self._clients.call("network", "POST", "/v2.0/ports", {"ports": [body for _, body in chunk]})
                made += [(port["device_id"], port) for port in answer["ports"]]
            except (InvalidInput, Conflict):
                made += [one for uuid, body in chunk if (one := self._single(uuid, body))]
        return made

    def _single(self, uuid: str, body: Facts) -> tuple[str, Facts] | None:
        made, refusal = None, None
        for attempt in (body, body, {**body, "fixed_ips": []}):
            try:
                made = self._post("ports", "port", attempt)
                break
            except (InvalidInput, Conflict) as error:
                refusal = error
                self._evict(body)
        if refusal is not None and (made is None or attempt["fixed_ips"] != body["fixed_ips"]):
            self._refuse(uuid, body, refusal)
        return None if made is None else (uuid, made)

    def _evict(self, body: Facts) -> None:
        """Take away the port that has the MAC, if its virtual machine is gone: it has come back as another one."""
        query = f"mac_address={body['mac_address']}&network_id={body['network_id']}"
        for port in self._clients.call("network", "GET", f"/v2.0/ports?{query}")["ports"]:
            if port["device_id"] in self.gone:
                self._clients.call("network", "DELETE", f"/v2.0/ports/{port['id']}")

    def _post(self, kind: str, one: str, body: Facts) -> Facts:
        return dict(self._clients.call("network", "POST", f"/v2.0/{kind}", {one: body})[one])

    def _shown(self, port: Facts) -> Facts:
        """A port with what Nova's cache shows besides."""
        ident = port["network_id"]
        network = self._look_up(ident) or {"name": ident, "project_id": port["project_id"], "mtu": None}
        cidrs = {ident: cidr for cidr, ident in self._ranges(ident).items()} if port["fixed_ips"] else {}
        return {**port, "network": network, "cidrs": cidrs, "vif_type": port.get("binding:vif_type") or "unbound"}


def _ranges(inventory: Inventory, host: str) -> dict[str, tuple[str, ...]]:
    """The ranges of addresses that a host itself knows, by place."""
    found: dict[str, tuple[str, ...]] = {}
    for bridge in inventory.bridges:
        if bridge.addresses:
            found[f"bridge/{bridge.name}/0"] = tuple(
                str(ipaddress.ip_interface(one).network) for one in bridge.addresses if not one.startswith("fe80:")
            )
    for network in inventory.networks:
        cidrs = tuple(str(ipaddress.ip_interface(one.cidr).network) for one in network.subnets)
        found[network_place(network, host)] = cidrs
    return found


def _described(host: str, place: str, gone: float | None) -> str:
    """The description of a network that was made for a place, and when that is gone since when."""
    mark = "" if gone is None else f"{_GONE}{datetime.datetime.fromtimestamp(gone, datetime.UTC):%Y-%m-%d %H:%M} UTC"
    return f"{FOUND}{host}: {place}{mark}"


def _held(base: Base) -> str:
    return "too many were gone from its host at once; it stays until its place is back" if base.get("held") else ""


def _unknown(host: str, uuid: str, nic: Facts, now: float) -> Entry:
    """A line of the trail about a NIC of which nobody knows where it leads; nothing is invented for it."""
    port = f"its port {nic['interface_id']} is not known to Neutron" if nic["interface_id"] else "it names no port"
    note = f"where the card {nic['mac']} is plugged in is not known: {port}"
    return Entry(now, host, "instance", uuid, "nics", None, nic["mac"], source="scan", note=note)


def _pairs(addresses: Iterable[Mapping[str, str]]) -> set[tuple[str, str]]:
    return {(one["subnet_id"], one["ip_address"]) for one in addresses}


def _in(address: str, cidr: str) -> bool:
    network = ipaddress.ip_network(cidr)
    return ipaddress.ip_address(address) in network
