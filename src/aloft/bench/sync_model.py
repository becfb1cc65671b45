"""Both sides of sync as a model: hosts with domains, OpenStack with instances, the plan between them.

What the region's service does to OpenStack, and nova-compute's driver to a domain, is done to plain values here, so
that thousands of random changes from both sides can be tried in a second; hosts' domains may also be libvirt's
(:mod:`aloft.bench.sync_libvirt`). Messages from hosts arrive late and in batches, are lost, and hosts move domains
between each other; the plan is the real one.
"""

import random
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field, replace

from aloft.sync.inventory import Delta, Domain, DomainState, Inventory, compare, follow
from aloft.sync.plan import Scene, plan
from aloft.sync.policy import DISCOVERED, Policy, Settings
from aloft.sync.records import Entry, Known, View

GRACE = 50.0
STATES: tuple[DomainState, ...] = ("running", "shutoff", "paused")


@dataclass
class Host:
    """A host: its domains, what the region holds of it, and whether its libvirt can be looked at."""

    domains: MutableMapping[str, Domain] = field(default_factory=dict)
    held: Inventory = field(default_factory=lambda: Inventory(0.0))
    told: dict[str, Delta] = field(default_factory=dict)
    sequence: int = 0
    failed: bool = False

    def inventory(self, now: float) -> Inventory:
        """What a scan finds."""
        if self.failed:
            return replace(self.held, taken_at=now, failed={"domains": "libvirt does not answer"})
        return Inventory(now, domains=tuple(sorted(self.domains.values(), key=lambda one: one.uuid)))


@dataclass
class Model:
    """Both sides and what lies between them.

    Args:
        chance: what is random about it.
        hosts: by name.
        instances: OpenStack's side.
        known: what the service remembers.
        trail: everything that it has told.
        changes: values that somebody gave to a name or description: (uuid, field, value).
    """

    chance: random.Random
    hosts: dict[str, Host] = field(default_factory=lambda: {"h1": Host(), "h2": Host()})
    instances: dict[str, View] = field(default_factory=dict)
    known: dict[str, Known] = field(default_factory=dict)
    trail: list[Entry] = field(default_factory=list)
    changes: set[tuple[str, str, str]] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    now: float = 1000.0
    _number: int = 0

    def step(self) -> None:
        """Do one random thing, on either side or between them."""
        self.now += 1.0
        deeds: tuple[Callable[[], None], ...] = (
            self.define,
            self.undefine,
            self.set_state,
            self.rename_outside,
            self.describe_outside,
            self.resize_outside,
            self.migrate,
            self.rename_inside,
            self.describe_inside,
            self.stop_inside,
            self.delete_inside,
            self.tell,
            self.tell,
            self.obey,
            self.fail_or_heal,
        )
        self.chance.choice(deeds)()

    # What administrators do on hosts

    def define(self) -> None:
        """A new domain."""
        self._number += 1
        uuid = f"00000000-0000-0000-0000-{self._number:012d}"
        host = self.chance.choice(sorted(self.hosts))
        self.hosts[host].domains[uuid] = Domain(
            uuid, f"vm{self._number}", self.chance.choice(STATES), vcpus=1, memory_kib=1 << 20
        )

    def undefine(self) -> None:
        """A domain goes."""
        if found := self._some_domain():
            del found[0].domains[found[1].uuid]

    def set_state(self) -> None:
        """A domain is started, stopped or paused."""
        self._change(state=self.chance.choice(STATES))

    def rename_outside(self) -> None:
        """A domain gets another title."""
        self._value("name", "title", "outside")

    def describe_outside(self) -> None:
        """A domain gets another description."""
        self._value("description", "description", "outside")

    def resize_outside(self) -> None:
        """A domain gets more or less memory and processors."""
        vcpus, memory = self.chance.randint(1, 8), self.chance.randint(1, 8) << 20
        self._change(vcpus=vcpus, memory_kib=memory)

    def migrate(self) -> None:
        """A domain moves to the other host."""
        if found := self._some_domain():
            host, domain = found
            other = next(one for one in self.hosts.values() if one is not host)
            other.domains[domain.uuid] = host.domains.pop(domain.uuid)

    def fail_or_heal(self) -> None:
        """A host's libvirt stops answering, or answers again."""
        host = self.chance.choice(list(self.hosts.values()))
        host.failed = not host.failed and self.chance.random() < 0.3

    # What users do in OpenStack

    def rename_inside(self) -> None:
        """A user gives an instance another name."""
        self._inside("name")

    def describe_inside(self) -> None:
        """A user gives an instance another description."""
        self._inside("description")

    def stop_inside(self) -> None:
        """A user starts or stops an instance; its driver does it to the domain, and Nova writes it down."""
        if (view := self._some_instance()) and (found := self._where(view.uuid)):
            state = self.chance.choice(STATES[:2])
            found.domains[view.uuid] = replace(found.domains[view.uuid], state=state)
            shown = "active" if state == "running" else "stopped"
            self.instances[view.uuid] = replace(view, state=shown, updated_at=self.now)

    def delete_inside(self) -> None:
        """A user deletes an instance; its driver undefines the domain."""
        if (view := self._some_instance()) and (found := self._where(view.uuid)):
            del found.domains[view.uuid]
            self.instances[view.uuid] = replace(view, deleted=True, updated_at=self.now)

    # What lies between

    def tell(self, name: str | None = None) -> None:
        """A host's changes reach the region, as deltas or as a snapshot after some were lost; it plans and acts."""
        name = name or self.chance.choice(sorted(self.hosts))
        host = self.hosts[name]
        fresh = host.inventory(self.now)
        deltas = []
        for part, key, entry, error in compare(host.held, fresh):
            host.sequence += 1
            value = None if entry is None else entry.to_json()
            deltas.append(Delta(host.sequence, self.now, part, key, value, error, "event", "define/updated", "root"))
        if self.chance.random() < 0.2:
            host.held, host.told = fresh, {}
            self.plan(name, None)
            return
        host.held = follow(host.held, deltas)
        host.told = {delta.key: delta for delta in deltas if delta.key}
        self.plan(name, None if any(not delta.key for delta in deltas) else frozenset(host.told))

    def plan(self, name: str, only: frozenset[str] | None) -> None:
        """Plan for a host and do what the plan says."""
        host = self.hosts[name]
        present = {domain.uuid: domain for domain in host.held.domains}
        others = {
            domain.uuid: (other, domain)
            for other, one in self.hosts.items()
            if other != name
            for domain in one.held.domains
        }
        scene = Scene(
            name,
            host.held,
            {uuid: known for uuid, known in self.known.items() if known.host == name or uuid in present},
            dict(self.instances),
            Policy(settings=Settings(grace_seconds=GRACE, gone_least=10**6)),
            self.now,
            elsewhere=others,
            told=host.told,
            only=only,
        )
        for action in plan(scene).actions:
            self.trail += action.entries
            self.asked += [action.uuid] if action.asks else []
            facts = action.facts
            if action.kind == "adopt":
                self.instances[action.uuid] = View(
                    action.uuid,
                    facts["name"],
                    facts["description"],
                    facts["state"],
                    facts["vcpus"],
                    facts["memory_mib"],
                    name,
                    DISCOVERED,
                    updated_at=self.now,
                )
            elif action.kind == "update":
                view = self.instances[action.uuid]
                shown = {one: facts[one] for one in action.fields if hasattr(view, one)}
                self.instances[action.uuid] = replace(view, **shown, updated_at=self.now)
            elif action.kind == "remove":
                del self.instances[action.uuid]
            if action.known is None:
                self.known.pop(action.uuid, None)
            else:
                self.known[action.uuid] = action.known

    def obey(self) -> None:
        """Drivers bring domains in line with what was asked of them, some time later."""
        asked, self.asked = self.asked, []
        for uuid in asked:
            view, host = self.instances.get(uuid), self._where(uuid)
            known = self.known.get(uuid)
            if view is None or view.deleted or host is None or known is None:
                continue
            wanted = {
                "title" if name == "name" else name: value
                for name, (value, _) in known.asked.items()
                if getattr(view, name) == value
            }
            host.domains[uuid] = replace(host.domains[uuid], **wanted)

    def settle(self) -> None:
        """Let everything arrive, and the time of grace pass."""
        for host in self.hosts.values():
            host.failed = False
        for _ in range(4):
            for name in sorted(self.hosts):
                self.now += 1.0
                self.tell(name)
                self.plan(name, None)
                self.obey()
        self.now += GRACE + 1
        for name in sorted(self.hosts):
            self.plan(name, None)

    def diverged(self) -> list[str]:
        """Where both sides differ though everything has arrived; nothing, if sync is right."""
        found = []
        domains = {uuid: (name, one) for name, host in self.hosts.items() for uuid, one in host.domains.items()}
        alive = {uuid: view for uuid, view in self.instances.items() if not view.deleted}
        found += [f"{uuid} is on a host and not in OpenStack" for uuid in domains.keys() - alive.keys()]
        found += [f"{uuid} is in OpenStack and on no host" for uuid in alive.keys() - domains.keys()]
        shown = {"running": "active", "shutoff": "stopped", "paused": "paused"}
        for uuid in domains.keys() & alive.keys():
            name, domain = domains[uuid]
            view = alive[uuid]
            theirs = (
                domain.title or domain.name, domain.description, shown[domain.state], domain.vcpus,
                domain.memory_kib // 1024, name,
            )  # fmt: skip
            ours = (view.name, view.description, view.state, view.vcpus, view.memory_mib, view.host)
            if theirs != ours:
                found.append(f"{uuid}: the host has {theirs}, OpenStack {ours}")
        return found

    def lost(self) -> list[str]:
        """Values that somebody gave to a name or description and that the trail does not know of."""
        told = {(entry.object, entry.field, entry.after) for entry in self.trail}
        return [f"{uuid}: {name} {value!r}" for uuid, name, value in sorted(self.changes - told)]

    def _some_domain(self) -> tuple[Host, Domain] | None:
        every = [(host, domain) for host in self.hosts.values() for domain in host.domains.values()]
        return self.chance.choice(every) if every else None

    def _some_instance(self) -> View | None:
        every = [view for _, view in sorted(self.instances.items()) if not view.deleted]
        return self.chance.choice(every) if every else None

    def _where(self, uuid: str) -> Host | None:
        return next((host for host in self.hosts.values() if uuid in host.domains), None)

    def _change(self, **values: object) -> None:
        if found := self._some_domain():
            host, domain = found
            host.domains[domain.uuid] = replace(domain, **values)  # type: ignore[arg-type]  # fields of a domain

    def _value(self, shown: str, attribute: str, side: str) -> None:
        if found := self._some_domain():
            host, domain = found
            host.domains[domain.uuid] = replace(domain, **{attribute: f"{side} {self.now:.0f}"})  # type: ignore[arg-type]

    def _inside(self, name: str) -> None:
        """A user's change, which Nova's API has the service look at, at once."""
        view = self._some_instance()
        if view is None:
            return
        value = f"inside {self.now:.0f}"
        self.instances[view.uuid] = replace(view, **{name: value}, updated_at=self.now)  # type: ignore[arg-type]
        known = self.known.get(view.uuid)
        if known is not None and view.uuid in self.hosts[known.host].held.entries("domains"):
            self.changes.add((view.uuid, name, value))
            self.plan(known.host, frozenset({view.uuid}))
