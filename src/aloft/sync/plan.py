"""From a host's inventory, what is remembered and what OpenStack has, to what is to be done: a pure function.

The plan is level-triggered: it looks at how things are, not at what happened, so that the same call repairs a crash at
any point, and has nothing to do when nothing differs. Deltas only say which virtual machines to look at, when a change
came about, and who told it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from aloft.sync.evidence import UNSURE_SECONDS, absent
from aloft.sync.facts import FOLLOWED, SETTLED, Facts, facts
from aloft.sync.inventory import Delta, Domain, Inventory
from aloft.sync.made import made
from aloft.sync.policy import DISCOVERED, Policy, excluded, owner
from aloft.sync.records import PRESENT, Action, Entry, Known, Origin, Plan, View
from aloft.sync.settle import settle

BUSY_SECONDS = 2.0
"""Until an instance that OpenStack is working on is looked at again."""


@dataclass(frozen=True)
class Scene:
    """All that a plan is made from.

    Args:
        host: whose inventory it is.
        inventory: as it is now.
        known: what is remembered, by uuid: of this host, and of every domain in the inventory.
        views: likewise what OpenStack has.
        policy: rules, exclusions and settings.
        now: seconds since 1970.
        ready: whether Nova knows the host as a hypervisor.
        aggregates: names of those that the host is in.
        elsewhere: domains that another host has as well: uuid → that host and the domain there.
        told: what was told last of each domain, by uuid.
        actors: who asked OpenStack last to change an instance, by uuid.
        only: virtual machines to look at; ``None`` for all.
        projects: identifiers of the projects that rules name, and of the one for what nobody owns, by what they are
            named by; those that there are not are left out.
    """

    host: str
    inventory: Inventory
    known: Mapping[str, Known]
    views: Mapping[str, View]
    policy: Policy
    now: float
    ready: bool = True
    aggregates: tuple[str, ...] = ()
    elsewhere: Mapping[str, tuple[str, Domain]] = field(default_factory=dict)
    told: Mapping[str, Delta] = field(default_factory=dict)
    actors: Mapping[str, str] = field(default_factory=dict)
    only: frozenset[str] | None = None
    projects: Mapping[str, str] = field(default_factory=dict)

    def unowned(self, project: str) -> bool:
        """Whether what is in a project (its identifier, or name) is nobody's yet."""
        return project in ("", DISCOVERED, self.projects.get(DISCOVERED))

    def entry(self, uuid: str, name: str, before: object, after: object, **about: object) -> Entry:
        """A line of the trail about a change on the host, or, where ``about`` names the source so, in OpenStack.

        libvirt does not say who changed something, so all that is known of a change on a host is where it was made.
        """
        delta = self.told.get(uuid)
        source = (f"libvirt {delta.cause}" if delta.cause else delta.origin) if delta else "scan"
        told: dict[str, object] = {
            "at": delta.at if delta else self.now,
            "host": self.host,
            "kind": "instance",
            "object": uuid,
            "field": name,
            "before": before,
            "after": after,
            "who": (delta.who if delta else "") or f"somebody on {self.host}",
            "source": source,
        }
        if about.get("source") == "openstack":
            told["who"] = self.actors.get(uuid, "")
        return Entry(**{**told, **about})  # type: ignore[arg-type]  # the names are Entry's own


def plan(scene: Scene) -> Plan:
    """What is to be done for one host."""
    actions: list[Action] = []
    waiting: dict[str, str] = {}
    present = {domain.uuid: domain for domain in scene.inventory.domains}
    for uuid, domain in present.items():
        if scene.only is None or uuid in scene.only:
            found = _present(scene, domain, waiting)
            if found is not None:
                actions.append(found)
    gone, due = absent(scene, present.keys())
    actions += gone
    if waiting:
        due = min(due or scene.now + BUSY_SECONDS, scene.now + BUSY_SECONDS)
    return Plan(tuple(actions), due, waiting)


def _present(scene: Scene, domain: Domain, waiting: dict[str, str]) -> Action | None:
    """What to do about a domain that is on the host."""
    uuid, known, view = domain.uuid, scene.known.get(domain.uuid), scene.views.get(domain.uuid)
    if view is not None and view.busy:
        waiting[uuid] = "OpenStack is working on it"
        return None
    if known is not None and known.standing == "unmanaged":
        return None
    if known is not None and view is not None and view.deleted and known.standing != "excluded":
        return _deleted(scene, known)
    alive = view is not None and not view.deleted
    reason = "" if domain.made_by_nova and alive else excluded(
        scene.policy.exclusions, domain, scene.host, scene.inventory.pools
    )  # fmt: skip
    if reason:
        return _keep_out(scene, domain, known, alive, reason)
    if known is not None and known.standing == "deleted":
        return None
    if not alive:
        if not scene.ready:
            waiting[uuid] = f"Nova does not know {scene.host} as a hypervisor yet"
            return None
        return _adopt(scene, domain, known)
    assert view is not None  # noqa: S101  # alive says so
    if known is None or known.standing == "excluded":
        return _recognise(scene, domain, view)
    if known.host != scene.host and not _moved_here(scene, domain, known):
        return None
    if _unsure(scene, domain, known, view):
        waiting[uuid] = "OpenStack has changed it, and the host has not told of that yet"
        return None
    return _follow(scene, domain, known, view)


def _deleted(scene: Scene, known: Known) -> Action | None:
    if known.standing == "deleted":
        return None
    after = replace(known, standing="deleted", since=scene.now, reason="it was deleted in OpenStack")
    entry = scene.entry(known.uuid, "standing", known.standing, "deleted", source="openstack", at=scene.now)
    return Action("note", known.uuid, after, entries=(entry,))


def _keep_out(scene: Scene, domain: Domain, known: Known | None, alive: bool, reason: str) -> Action | None:
    """Leave a domain to itself; an instance that there is goes, and the virtual machine runs on."""
    if known is not None and known.standing == "excluded" and not alive:
        return None
    after = Known(
        domain.uuid,
        scene.host,
        "excluded",
        project=known.project if known else "",
        since=scene.now,
        reason=reason,
        base={"name": domain.title or domain.name},
    )
    before = known.standing if known else None
    entry = scene.entry(domain.uuid, "standing", before, "excluded", note=reason)
    return Action("remove" if alive else "note", domain.uuid, after, domain, entries=(entry,))


def _adopt(scene: Scene, domain: Domain, known: Known | None) -> Action:
    """Make a domain an instance: one that is new here, comes back from exclusion, or whose record has been lost.

    Its ports, which take longer, are not made at once: what is remembered lacks them, and the next plan makes them.
    """
    told = facts(domain, scene.host, scene.inventory)
    project, reason = made(domain).project, "as Nova wrote"
    if known is not None and not scene.unowned(known.project):
        project, reason = known.project, "as before"
    if not project:
        project, reason = _owner(scene, domain)
    origin: Origin = known.origin if known else "made here" if domain.made_by_nova else "discovered"
    base = {name: value for name, value in told.items() if name != "nics" or not value}
    after = Known(domain.uuid, scene.host, "adopted", origin, project, base, scene.now, None, reason)
    note = f"project {project}: {reason}"
    if known is not None and known.standing in PRESENT:
        note = f"OpenStack had lost its record; {note}"
    before = known.standing if known else None
    entry = scene.entry(domain.uuid, "standing", before, "adopted", note=note)
    return Action("adopt", domain.uuid, after, domain, told, entries=(entry,))


def _owner(scene: Scene, domain: Domain) -> tuple[str, str]:
    """Whose a domain is by the rules, and why."""
    return owner(scene.policy.rules, domain, scene.host, scene.aggregates, scene.inventory.pools)


def _recognise(scene: Scene, domain: Domain, view: View) -> Action | None:
    """Remember an instance that OpenStack has already: it made it, or what was remembered has been lost."""
    if view.host not in ("", scene.host):
        return None
    told = facts(domain, scene.host, scene.inventory)
    origin: Origin = "made here" if domain.made_by_nova else "discovered"
    base = {**told, **({} if origin == "discovered" else {"name": view.name, "description": view.description})}
    after = Known(domain.uuid, scene.host, "adopted", origin, view.project, base, scene.now)
    return Action("note", domain.uuid, after, domain, told)


def _unsure(scene: Scene, domain: Domain, known: Known, view: View) -> bool:
    """Whether OpenStack says otherwise than the host only because the host has not told yet of what was done to it."""
    if scene.now - view.done_at > UNSURE_SECONDS:
        return False
    told = facts(domain, scene.host, scene.inventory, known.base)
    return any(told[name] == known.base.get(name) and _drifted(view, name, told[name]) for name in FOLLOWED)


def _moved_here(scene: Scene, domain: Domain, known: Known) -> bool:
    """Whether a domain that is remembered on another host is to be taken for this one's.

    While it is moved both hosts have it; the one where it runs is right. When neither runs it, it stays where it was.
    """
    other = scene.elsewhere.get(domain.uuid)
    if other is None or other[0] != known.host:
        return True
    return domain.state == "running" and other[1].state != "running"


def _follow(scene: Scene, domain: Domain, known: Known, view: View) -> Action | None:
    """Bring an instance in line with its domain, field by field."""
    told = facts(domain, scene.host, scene.inventory, known.base)
    if known.origin == "made here":
        told |= _of_nova(domain, known, view)
    changed, entries = _followed(scene, known, view, told)
    base: Facts = {**told, "asked": known.asked}
    asked: list[str] = []
    for name in SETTLED:
        outcome = settle(scene, known, view, name, told[name])
        base[name] = outcome.base
        entries += outcome.entries
        base["asked"] = {k: v for k, v in base["asked"].items() if k != name} | dict(outcome.asked)
        if outcome.update:
            changed.append(name)
            told[name] = outcome.value
        if outcome.ask:
            asked.append(name)
    if not base["asked"]:
        del base["asked"]
    if known.standing != "adopted":
        entries.append(scene.entry(known.uuid, "standing", known.standing, "adopted", note="it is back"))
        changed += ["standing", *(["nics"] if told["nics"] and "nics" not in changed else [])]
    project, why = _wanted(scene, domain, known, view)
    if project != view.project:
        changed.append("project")
        entries.append(scene.entry(known.uuid, "project", view.project, project, source="rule", at=scene.now, note=why))
    after = Known(
        known.uuid,
        scene.host,
        "adopted",
        known.origin,
        project,
        base,
        known.since if known.standing == "adopted" else scene.now,
        None,
        why or (known.reason if known.standing == "adopted" else ""),
    )
    if not changed and not asked and after == known:
        return None
    kind: Literal["update", "note"] = "update" if changed else "note"
    return Action(kind, known.uuid, after, domain, told, tuple(changed), tuple(asked), tuple(entries))


def _wanted(scene: Scene, domain: Domain, known: Known, view: View) -> tuple[str, str]:
    """The identifier of the project that an instance shall be in, and why when it is in another one.

    Who owns it keeps it. What nobody owns follows the rules, also those that came, or whose project came, since.
    """
    project = known.project or view.project
    if project != view.project:
        return project, known.reason
    if domain.made_by_nova or not scene.unowned(project):
        return project, ""
    wanted, reason = _owner(scene, domain)
    found = scene.projects.get(wanted, project)
    return found, reason if found != project else ""


def _of_nova(domain: Domain, known: Known, view: View) -> Facts:
    """Name and description of an instance that Nova made: the domain's own name is Nova's and means nothing."""
    before = known.base
    return {
        "name": domain.title or before.get("name", view.name),
        "description": domain.description or before.get("description", view.description),
    }


def _followed(scene: Scene, known: Known, view: View, told: Facts) -> tuple[list[str], list[Entry]]:
    """The fields in which OpenStack follows the host, as far as they differ, and what the trail says of them."""
    changed: list[str] = []
    entries: list[Entry] = []
    for name in FOLLOWED:
        before, after = known.base.get(name), told[name]
        differs, drifted = before != after, _drifted(view, name, after)
        if not differs and not drifted:
            continue
        already = name in _SEEN and not drifted
        if not already:
            changed.append(name)
        if differs and name in known.base:
            about = {"source": "openstack"} if already else {}
            entries.append(scene.entry(known.uuid, name, before, after, **about))
        elif drifted:
            note = "OpenStack's record said otherwise"
            shown = getattr(view, name)
            entries.append(scene.entry(known.uuid, name, shown, after, note=note, source="scan", at=scene.now))
    return changed, entries


_SEEN = ("state", "vcpus", "memory_mib", "host")
"""Those of the fields that OpenStack's record shows."""


def _drifted(view: View, name: str, told: Any) -> bool:
    """Whether OpenStack's record says otherwise than the host."""
    if name not in _SEEN or getattr(view, name) == told:
        return False
    return not (name == "state" and _means_same(view.state, told))


def _means_same(nova: str, state: str) -> bool:
    """States of Nova's that say more than the host can: they stay while the host does not contradict them."""
    extra = {"rescued": ("active",), "resized": ("active", "stopped"), "shelved": ("stopped",), "error": ()}
    return state in extra.get(nova, ())
