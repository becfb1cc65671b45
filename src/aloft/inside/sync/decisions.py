"""What administrators see of sync and decide about it."""

from dataclasses import asdict, replace
from typing import Any

from aloft.base.errors import Conflict, InvalidInput, NotFound
from aloft.inside.sync.region import Region
from aloft.sync.evidence import ACCEPTED
from aloft.sync.facts import FOLLOWED, SETTLED
from aloft.sync.fate import fates
from aloft.sync.networks import offerable
from aloft.sync.plan import Scene, plan
from aloft.sync.policy import DISCOVERED, Exclusion, Policy, Rule, Settings
from aloft.sync.records import PRESENT, Entry, Known, Standing

Json = dict[str, Any]

_LATELY = 50
"""Entries of the trail that are shown with an instance."""

_AT_ONCE = 100
"""Instances that can be asked about in one request."""

NOWHERE = (
    ("instance", "tags, key pairs, user data, properties that users gave, locks, and the history of actions"),
    ("flavor", "those that no virtual machine has; who may use the others"),
    ("key pair", "all of them"),
    ("server group", "all of them"),
    ("host aggregate, availability zone", "all of them"),
    ("quota", "projects' limits in Nova"),
    ("volume", "what Nova knows of attachments, until an instance is adopted; Cinder's own records are untouched"),
)
"""What Nova keeps in its databases alone."""


_REMEDIES: dict[Standing, str] = {
    "adopted": "Name a project to give it to.",
    "stale": "Its virtual machine has gone, which can be accepted without a project.",
    "held": "Its virtual machine has gone, which can be accepted without a project.",
    "excluded": "Take away the exclusion that keeps it out.",
}
"""What to do about virtual machines of which nothing can be accepted, by where they stand."""


_ORDERS = {
    ("stopped", "active"): "os-start",
    ("crashed", "active"): "os-start",
    ("paused", "active"): "unpause",
    ("suspended", "active"): "resume",
    ("active", "stopped"): "os-stop",
    ("active", "paused"): "pause",
    ("active", "suspended"): "suspend",
}
"""The action of Nova's that leads from one state to another."""


class Decisions:
    """The administrators' side of a region's sync.

    Args:
        region: see there.
    """

    def __init__(self, region: Region) -> None:
        self._region = region

    def status(self) -> Json:
        """Hosts and counts, and everything that is not as it should be."""
        known = list(self._region.known.values())
        names = {one.host for one in known} | self._region.hosts.keys()
        standings = sorted({one.standing for one in known})
        return {
            "hosts": [self._host(name) for name in sorted(names)],
            "instances": {standing: sum(one.standing == standing for one in known) for standing in standings},
            "attention": [
                shown
                for one, shown in ((one, self._shown(one)) for one in known)
                if one.standing not in ("adopted", "excluded", "unmanaged") or shown["silent_since"] is not None
            ],
            "networks": self._region.applier.gone_networks(),
            "offered": [one for one in self.networks()["items"] if one["network"] is None],
        }

    def _host(self, name: str) -> Json:
        host = self._region.hosts.get(name)
        if host is None:
            return {"host": name, "state": "silent", "heard": None, "reason": "not heard of since the service started"}
        failed = host.inventory.failed
        state = (
            "silent" if self._region.silent_since(name) is not None else "failed" if failed or host.problem else "ok"
        )
        return {
            "host": name,
            "state": state,
            "heard": host.heard,
            "taken_at": host.inventory.taken_at,
            "sequence": host.sequence,
            "domains": len(host.inventory.domains),
            "hypervisor": host.inventory.hypervisor,
            "failed": dict(failed),
            "reason": host.problem,
            "waiting": dict(host.waiting),
            "working": host.working or host.wanted,
        }

    def instances(self) -> Json:
        """What is remembered of each virtual machine."""
        return {"items": [self._shown(one) for one in sorted(self._region.known.values(), key=lambda one: one.uuid)]}

    def instance(self, uuid: str, project: str | None = None) -> Json:
        """What is known of an instance: where it stands, its disks with what becomes of them, what changed lately.

        The disks are ``None`` as long as its host has not told of it.

        Args:
            uuid: the instance's.
            project: identifier of the only project whose instances may be seen; ``None`` for all.

        Raises:
            NotFound: nothing is known of it, or it is another project's.
        """
        known = self._known(uuid)
        if project not in (None, known.project):
            raise NotFound(f"Nothing is known of a virtual machine {uuid}.")
        trail = self._region.store.trail(_LATELY, object=uuid)
        return {**self._shown(known), "disks": self._disks(uuid), "trail": trail}

    def disks(self, wanted: str, project: str | None = None) -> Json:
        """What becomes of the disks of instances that are deleted.

        Args:
            wanted: their UUIDs, with commas.
            project: see :meth:`instance`. What is another project's, or not known, is left out.
        """
        found = (self._region.known.get(uuid) for uuid in wanted.split(",")[:_AT_ONCE])
        ours = [known.uuid for known in found if known is not None and project in (None, known.project)]
        disks = {uuid: self._disks(uuid) for uuid in ours}
        return {"items": [{"uuid": uuid, "disks": found} for uuid, found in disks.items() if found is not None]}

    def _disks(self, uuid: str) -> list[Json] | None:
        """What becomes of an instance's disks; ``None`` as long as its host has not told of it."""
        care, found = self._region.applier.instances.care(uuid), self._region.domain(uuid)
        if care is None or found is None:
            return None
        return [asdict(one) for one in fates(uuid, found[1].disks, care)]

    def networks(self) -> Json:
        """The places that can be provider networks, the hosts that have them, and the networks that were made."""
        made = self._region.applier.made_networks()
        hosts: dict[str, list[str]] = {}
        for name in sorted(self._region.hosts):
            for place in offerable(self._region.hosts[name].inventory, name):
                hosts.setdefault(place, []).append(name)
        return {"items": [{"place": one, "hosts": hosts[one], "network": made.get(one)} for one in sorted(hosts)]}

    def make_network(self, body: Any) -> Json:
        """Make a provider network for a place.

        Raises:
            InvalidInput: no place is named.
            NotFound: no host has it.
            Conflict: it has a network.
        """
        place = body.get("place") if isinstance(body, dict) else None
        if not isinstance(place, str):
            raise InvalidInput("A `place` is needed.", "See `aloft sync networks`.")
        with self._region.turn():
            found = next((one for one in self.networks()["items"] if one["place"] == place), None)
            if found is None:
                raise NotFound(f"No host has {place}.", "See `aloft sync networks`.")
            if found["network"] is not None:
                raise Conflict(f"{place} has the network {found['network']}.")
            host = found["hosts"][0]
            inventory, shared = self._region.hosts[host].inventory, self._region.policy.settings.shared_networks
            made = self._region.applier.make_network(place, inventory, host, self._region.clock(), shared)
        self._region.tell(host)
        return {"place": place, "network": made}

    def log(self, wanted: dict[str, str]) -> Json:
        """The trail, newest first.

        Raises:
            InvalidInput: a number is none, or there is no such filter.
        """
        if unknown := wanted.keys() - {"object", "host", "field", "kind", "since", "limit", "before"}:
            raise InvalidInput(f"The log has no {min(unknown)} to look for.")
        try:
            limit = min(int(wanted.pop("limit", "100")), 1000)
            before = int(wanted["before"]) if wanted.pop("before", None) else None
            since = float(wanted.pop("since")) if "since" in wanted else None
        except ValueError as error:
            raise InvalidInput(f"A number was expected: {error}.") from error
        return {"items": self._region.store.trail(limit, before, since=since, **wanted)}

    def diff(self) -> Json:
        """Where OpenStack and the ground differ now: what a plan would do at this moment, which is nothing, mostly.

        ``hold`` are instances whose machines have gone, which can be accepted. What a host was asked for (``ask``) has
        the ``entry`` of the trail by which it can be taken back, if OpenStack's change was the last one.
        """
        items = []
        for name in sorted(self._region.hosts):
            made = plan(self._region.scene(name))
            for action in made.actions:
                if action.kind != "note" or action.entries:
                    items += [_line(entry, action.kind) for entry in action.entries]
            items += [
                {"host": name, "object": uuid, "action": "wait", "field": "", "note": reason}
                for uuid, reason in made.waiting.items()
            ]
        for known in list(self._region.known.values()):
            if known.standing in ("stale", "held"):
                gone: Json = {"host": known.host, "object": known.uuid, "field": "standing", "before": known.standing}
                items.append({**gone, "after": None, "at": known.stale_since, "action": "hold", "note": known.reason})
            for field, (value, since) in known.asked.items():
                about: Json = {"host": known.host, "object": known.uuid, "field": field}
                about["before"] = known.base.get(field)
                told = self._region.store.trail(1, object=known.uuid, field=field)
                about["entry"] = told[0]["id"] if told and told[0]["after"] == value else None
                items.append({**about, "after": value, "at": since, "action": "ask", "note": "the host has to follow"})
        return {"items": items}

    def rebuilt(self) -> Json:
        """What came back after databases were lost and made anew, and what did not.

        ``lost`` has what cannot be rebuilt at all; ``missing`` the instances that are remembered and not back yet, with
        the reason.

        Raises:
            NotFound: the region was never rebuilt.
        """
        report = self._region.store.told("rebuilt")
        if report is None:
            raise NotFound("This region has never been rebuilt.", "See `aloft sync rebuild --help`.")
        remembered = [known for known in list(self._region.known.values()) if known.standing in PRESENT]
        views = self._region.applier.instances.views([known.uuid for known in remembered])
        missing = [
            {**self._shown(known), "reason": self._why_missing(known)}
            for known in remembered
            if known.uuid not in views
        ]
        rebuilt = {**report["rebuilt"], "instance": len(remembered) - len(missing)}
        return {
            "at": report["at"],
            "rebuilt": rebuilt,
            "missing": missing,
            "lost": [*report["lost"], *({"kind": kind, "which": "", "what": what} for kind, what in NOWHERE)],
        }

    def _why_missing(self, known: Known) -> str:
        host = self._region.hosts.get(known.host)
        if host is None:
            return f"{known.host} has not been heard of"
        return host.waiting.get(known.uuid) or host.problem or "it is about to come back"

    def accept(self, uuid: str, who: str, body: Any = None) -> Json:
        """Believe what is on the ground: that a machine has gone, or that one which was left out is to come in.

        Args:
            uuid: of the virtual machine.
            who: decides that.
            body: ``project``, by name or identifier, gives it to that project, whatever the rules say.

        Raises:
            InvalidInput: there is no such project.
            NotFound: nothing is known of it.
            Conflict: there is nothing to accept about it.
        """
        project = self._project(body)
        with self._region.turn():
            known = self._known(uuid)
            if known.standing in ("stale", "held") and not project:
                after = replace(known, reason=ACCEPTED)
            elif known.standing in ("deleted", "unmanaged"):
                reason = "it was accepted and comes in"
                after = replace(known, standing="excluded", project=project or known.project, reason=reason)
            elif known.standing == "adopted" and project:
                after = replace(known, project=project, reason=f"by {who}")
            else:
                raise Conflict(f"{uuid} is {known.standing}; there is nothing to accept.", _REMEDIES[known.standing])
            entry = self._entry(known, "standing", known.standing, after.reason, who, "accepted")
            self._region.remember(after, uuid, (entry,))
        self._region.look(frozenset({uuid}))
        return {"uuid": uuid, "standing": "accepted"}

    def _project(self, body: Any) -> str:
        """The identifier of the project that a request names; empty for none."""
        wanted = body.get("project") if isinstance(body, dict) else None
        if not wanted:
            return ""
        found = self._region.applier.projects([str(wanted)])
        if not found:
            raise InvalidInput(f"There is no project {wanted}.", "See `openstack project list`.")
        return found[str(wanted)]

    def unmanage(self, uuid: str, who: str) -> Json:
        """Take an instance out of OpenStack; its virtual machine runs on, and stays out until it is accepted again.

        Raises:
            NotFound: nothing is known of it.
            Conflict: it is not in OpenStack, or OpenStack is working on it.
        """
        with self._region.turn():
            known = self._known(uuid)
            if known.standing not in PRESENT:
                raise Conflict(f"{uuid} is {known.standing}; it is not in OpenStack.")
            view = self._region.applier.instances.views([uuid]).get(uuid)
            if view is not None and view.busy:
                raise Conflict(f"OpenStack is working on {uuid}.", "Try again when that is done.")
            after = replace(
                known, standing="unmanaged", since=self._region.clock(), reason=f"by {who}", base=known.base
            )
            self._region.applier.take_out(uuid, runs_on=True)
            entry = self._entry(known, "standing", known.standing, "unmanaged", who, "it runs on")
            self._region.remember(after, uuid, (entry,))
        return {"uuid": uuid, "standing": "unmanaged"}

    def revert(self, number: int, who: str) -> Json:
        """Put back what an entry of the trail replaced, or the change that did not hold.

        The value is written in OpenStack; where both sides have the field, the host is asked to follow. A state comes
        back by the order that leads to it; rules, exclusions and settings as they were before the entry.

        Raises:
            NotFound: there is no such entry, or its instance is no more.
            Conflict: the field follows the host alone.
        """
        told = self._region.store.entry(number)
        if told is None:
            raise NotFound(f"The trail has no entry {number}.")
        if told["kind"] == "policy":
            self.decide(told["field"], told["before"], who)
            return {"field": told["field"], "value": told["before"]}
        field, uuid = told["field"], told["object"]
        value = told["after"] if told["lost"] else told["before"]
        if field == "state":
            return self._order(uuid, value, f"entry {number} was put back", who)
        if field not in SETTLED:
            fields = ", ".join(FOLLOWED)
            raise Conflict(
                f"{field} cannot be put back from here.", f"Change it in OpenStack or on the host; {fields} follow it."
            )
        with self._region.turn():
            known = self._known(uuid)
            view = self._region.applier.instances.views([uuid]).get(uuid)
            if view is None or view.deleted:
                raise NotFound(f"There is no instance {uuid} any more.")
            self._region.applier.instances.describe(uuid, field, value)
            entry = self._entry(known, field, getattr(view, field), value, who, f"entry {number} was put back")
            base = {**known.base, "asked": {**known.asked, field: [value, entry.at]}}
            self._region.remember(replace(known, base=base), uuid, (entry,))
            self._region.applier.instances.ask(uuid)
        self._region.look(frozenset({uuid}))
        return {"uuid": uuid, "field": field, "value": value}

    def _order(self, uuid: str, state: Any, note: str, who: str) -> Json:
        """Have Nova bring an instance into a state; its host tells when it is there."""
        with self._region.turn():
            known = self._known(uuid)
            view = self._region.applier.instances.views([uuid]).get(uuid)
            if view is None or view.deleted:
                raise NotFound(f"There is no instance {uuid} any more.")
            action = _ORDERS.get((view.state, state))
            if action is None:
                raise Conflict(f"{uuid} is {view.state}; no order of Nova's makes it {state}.")
            self._region.applier.instances.order(uuid, action)
            self._region.remember(known, uuid, (self._entry(known, "state", view.state, state, who, note),))
        return {"uuid": uuid, "field": "state", "value": state}

    def policy(self, name: str) -> Json:
        """Rules, exclusions or settings."""
        held = getattr(self._region.policy, name)
        return {"items": [one.to_json() for one in held]} if isinstance(held, tuple) else _settings(held)

    def decide(self, name: str, body: Any, who: str) -> Json:
        """Replace rules, exclusions or settings, and look at everything again.

        Raises:
            InvalidInput: they are not of the right form.
        """
        before = self._region.policy
        after, value = _decided(before, name, body)
        with self._region.turn():
            old = self.policy(name)
            entry = Entry(self._region.clock(), "", "policy", name, name, old, value, who=who, source="administrator")
            self._region.store.decide(name, value, entry)
            self._region.policy = after
        self._region.look()
        return self.policy(name)

    def try_rules(self, body: Any) -> Json:
        """What rules and exclusions would do, without doing it: each virtual machine as it is now, and would be then.

        Projects are told by name, where rules name them.
        """
        policy = self._region.policy
        for name in ("rules", "exclusions"):
            if isinstance(body, dict) and name in body:
                policy, _ = _decided(policy, name, {"items": body[name]})
        items: list[Json] = []
        for name in sorted(self._region.hosts):
            items += tried(replace(self._region.scene(name, policy=policy), told={}, ready=True))
        return {"items": items}

    def _shown(self, known: Known) -> Json:
        return {
            "uuid": known.uuid,
            "name": known.base.get("name", ""),
            "host": known.host,
            "standing": known.standing,
            "origin": known.origin,
            "project": known.project,
            "since": known.since,
            "stale_since": known.stale_since,
            "silent_since": self._region.silent_since(known.host),
            "reason": known.reason,
        }

    def _known(self, uuid: str) -> Known:
        known = self._region.known.get(uuid)
        if known is None:
            raise NotFound(f"Nothing is known of a virtual machine {uuid}.", "See `aloft sync status`.")
        return known

    def _entry(self, known: Known, field: str, before: Any, after: Any, who: str, note: str) -> Entry:
        now = self._region.clock()
        return Entry(now, known.host, "instance", known.uuid, field, before, after, who, "administrator", note)


def tried(scene: Scene) -> list[Json]:
    """What the policy of a scene makes of each virtual machine on its host: how it is now, and how it would be then."""
    made = plan(scene)
    actions = {action.uuid: action.known for action in made.actions}
    names = {ident: name for name, ident in scene.projects.items() if name != ident}
    items = []
    for domain in scene.inventory.domains:
        before = scene.known.get(domain.uuid)
        after = actions.get(domain.uuid, before)
        if before is not None and before.host != scene.host and domain.uuid not in actions:
            continue  # another host has it, too
        reason = "" if after is None else after.reason
        project = after.project if after is not None and after.standing == "adopted" else None
        if project in {rule.project for rule in scene.policy.rules} - scene.projects.keys():
            project, reason = DISCOVERED, f"{reason}; there is no project {project}"
        items.append(
            {
                "host": scene.host,
                "uuid": domain.uuid,
                "name": (after.base.get("name") if after else "") or domain.title or domain.name,
                "project": names.get(project, project) if project else None,
                "standing": after.standing if after else None,
                "reason": made.waiting.get(domain.uuid, reason),
                "now": before and {"project": names.get(before.project, before.project), "standing": before.standing},
            }
        )
    return items


def _decided(policy: Policy, name: str, body: Any) -> tuple[Policy, Any]:
    if name == "settings":
        settings = Settings.from_json({**_settings(policy.settings), **(body if isinstance(body, dict) else {})})
        return replace(policy, settings=settings), settings.to_json()
    listed = body.get("items") if isinstance(body, dict) else None
    if not isinstance(listed, list):
        raise InvalidInput(f"The {name} are an object with a list `items`.")
    if name == "rules":
        rules = tuple(Rule.from_json(one) for one in listed)
        return replace(policy, rules=rules), [one.to_json() for one in rules]
    exclusions = tuple(Exclusion.from_json(one) for one in listed)
    return replace(policy, exclusions=exclusions), [one.to_json() for one in exclusions]


def _settings(settings: Settings) -> Json:
    return {name: getattr(settings, name) for name in Settings.__dataclass_fields__}


def _line(entry: Entry, action: str) -> Json:
    return {
        "host": entry.host,
        "object": entry.object,
        "field": entry.field,
        "before": entry.before,
        "after": entry.after,
        "note": entry.note,
        "action": action,
    }
