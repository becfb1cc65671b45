"""Carries out plans: Nova's records, Neutron's ports, Placement's allocations, and what is remembered of it all.

Every step is idempotent and what is remembered is written last, so a plan that was cut off anywhere is simply made and
carried out anew.
"""

import datetime
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from aloft.base.errors import AloftError, TemporaryError
from aloft.inside.sync.adoption import Newcomer, Place, Written
from aloft.inside.sync.allocations import Allocations, Taken
from aloft.inside.sync.clients import Clients, Projects
from aloft.inside.sync.images import Images
from aloft.inside.sync.instances import Instances
from aloft.inside.sync.networks import Networks
from aloft.inside.sync.store import Store
from aloft.sync.inventory import Inventory
from aloft.sync.plan import Scene
from aloft.sync.policy import DISCOVERED, Settings
from aloft.sync.records import Action, Entry, Known, Plan
from aloft.sync.volumes import VolumeAction

_log = logging.getLogger(__name__)

_CHUNK = 50

_PLUGGED = frozenset({"nics", "host", "project"})
"""Fields that ports depend on."""

Note = Callable[[Mapping[str, Known | None]], None]
"""Takes what is to be remembered of virtual machines; ``None`` is to forget."""


class Applier:
    """Carries out plans for one region.

    Args:
        clients: OpenStack's APIs.
        store: the service's own schema.
    """

    def __init__(self, clients: Clients, store: Store) -> None:
        self._store = store
        self._projects = Projects(clients)
        self._networks = Networks(clients, self._projects, store)
        self._images = Images(clients, store)
        self.instances = Instances(clients)
        self.allocations = Allocations(clients)
        self.failed: dict[str, str] = {}

    def apply(self, scene: Scene, plan: Plan, place: Place | None, note: Note) -> None:
        """Carry out a plan.

        Args:
            scene: that it was made from.
            plan: what to do.
            place: where the host's instances are.
            note: is told what is to be remembered, piece by piece, once it is done and in the store.

        Raises:
            TemporaryError: a service does not answer; what was done until then is in the store.
        """
        if plan.actions:
            self.instances.flavors.refresh()
            self._networks.forget_seen()
            missed = (known.uuid for known in scene.known.values() if known.standing in ("stale", "held"))
            self._networks.gone = frozenset(missed)
            self._networks.cards = {uuid: _cards(scene.known.get(uuid)) for uuid in (a.uuid for a in plan.actions)}
        for chunk in _chunks([action for action in plan.actions if action.kind == "adopt"]):
            self._keep(note, self._adopt(chunk, place))
        notes = [action for action in plan.actions if action.kind == "note"]
        self._keep(note, [(action.uuid, action.known, action.entries) for action in notes])
        for action in plan.actions:
            if action.kind == "remove" or (action.kind == "update" and not _only_ports(action)):
                self._keep(note, self._guarded(scene, action, place))
        for chunk in _chunks([action for action in plan.actions if _only_ports(action)]):
            self._keep(note, self._plugged(scene, chunk))
        for action in plan.actions:
            if action.asks:
                self.instances.ask(action.uuid)

    def follow_library(self, inventory: Inventory, host: str, now: float) -> int:
        """Bring Glance in line with a host's image library; gives how much there was to do."""
        return self._images.bring_about(host, inventory, now)

    def library_failures(self, host: str) -> dict[str, str]:
        """Images of a host's library that could not be brought about last, and why."""
        return self._images.failures(host)

    def offer(self, inventory: Inventory, host: str, now: float, shared: bool) -> None:
        """Make provider networks for all the places on a host that can be some."""
        self._networks.offer(inventory, host, now, shared)

    def make_network(self, place: str, inventory: Inventory, host: str, now: float, shared: bool) -> str:
        """Make a provider network for a place on a host; gives its identifier."""
        return self._networks.make(place, inventory, host, now, shared)

    def made_networks(self) -> dict[str, str]:
        """The identifiers of the networks that were made, by their places."""
        return self._networks.made()

    def follow_networks(self, inventory: Inventory, host: str, now: float, settings: Settings) -> float | None:
        """Take away the networks whose places are gone; gives when to look again though nothing is told."""
        return self._networks.follow(inventory, host, now, settings)

    def gone_networks(self) -> list[dict[str, Any]]:
        """Networks whose places are gone."""
        return self._networks.gone_places()

    def take_out(self, uuid: str, runs_on: bool) -> None:
        """Take an instance's records away; nothing here reaches a host.

        Args:
            uuid: the instance's.
            runs_on: whether its virtual machine is still there.
        """
        self._networks.remove(uuid, runs_on)
        self.allocations.remove(uuid, runs_on)
        self.instances.remove(uuid)

    def projects(self, wanted: Iterable[str]) -> dict[str, str]:
        """The identifiers of those of these projects that there are, by what they are named by."""
        found = {one: self._projects.ident(one) for one in wanted}
        return {one: ident for one, ident in found.items() if ident is not None}

    def _keep(self, note: Note, done: Iterable[tuple[str, Known | None, Sequence[Entry]]]) -> None:
        told = list(done)
        if told:
            fresh = {uuid: known for uuid, known, _ in told}
            self._store.remember(fresh, [entry for _, _, entries in told for entry in entries])
            note(fresh)

    def _guarded(
        self, scene: Scene, action: Action, place: Place | None
    ) -> list[tuple[str, Known | None, Sequence[Entry]]]:
        """Carry out one action; one that fails does not keep the others from being done."""
        try:
            entries = self._update(scene, action, place) if action.kind == "update" else self._remove(action)
        except TemporaryError:
            raise
        except Exception as error:
            self._note_failure(action, error)
            return []
        self.failed.pop(action.uuid, None)
        return [self._plugged_in(scene, action, entries)]

    def _note_failure(self, action: Action, error: Exception) -> None:
        self.failed[action.uuid] = (
            error.message if isinstance(error, AloftError) else f"{type(error).__name__}: {error}"
        )
        _log.warning("%s of %s failed: %s", action.kind, action.uuid, error, exc_info=not isinstance(error, AloftError))

    def _adopt(self, actions: list[Action], place: Place | None) -> list[tuple[str, Known | None, Sequence[Entry]]]:
        """Do that together; where it fails, each by itself, so that one does not hold up the others."""
        if place is None:
            return []
        try:
            done = self._adopt_all(actions, place)
        except TemporaryError:
            raise
        except Exception as error:
            if len(actions) > 1:
                return [one for action in actions for one in self._adopt([action], place)]
            self._note_failure(actions[0], error)
            return []
        for action in actions:
            self.failed.pop(action.uuid, None)
        return done

    def _adopt_all(self, actions: list[Action], place: Place) -> list[tuple[str, Known | None, Sequence[Entry]]]:
        owned = {action.uuid: self._owned(action) for action in actions}
        newcomers = [
            Newcomer(action.domain, dict(action.facts), owned[action.uuid][0])
            for action in actions
            if action.domain is not None
        ]
        written = self.instances.adopt(newcomers, place)
        self.allocations.write({uuid: _taken(one, place, owned[uuid][0]) for uuid, one in written.items()})
        done: list[tuple[str, Known | None, Sequence[Entry]]] = []
        for action in actions:
            project, note = owned[action.uuid]
            known = replace(action.known, project=project) if action.known else None
            told = [replace(entry, note=entry.note + note) for entry in action.entries]
            told += _of_volumes(action.entries[0], action.uuid, written[action.uuid].volumes)
            done.append((action.uuid, known, tuple(told)))
        return done

    def _plugged(self, scene: Scene, actions: list[Action]) -> list[tuple[str, Known | None, Sequence[Entry]]]:
        """Do that; where it fails for all together, for each by itself, so that one does not hold up the others."""
        try:
            done = self._plug(scene, actions)
        except TemporaryError:
            raise
        except Exception as error:
            if len(actions) > 1:
                return [one for action in actions for one in self._plugged(scene, [action])]
            self._note_failure(actions[0], error)
            return []
        for action in actions:
            self.failed.pop(action.uuid, None)
        return [self._plugged_in(scene, action, entries) for action, (_, _, entries) in zip(actions, done, strict=True)]

    def _plugged_in(
        self, scene: Scene, action: Action, entries: Sequence[Entry]
    ) -> tuple[str, Known | None, Sequence[Entry]]:
        """What to remember of an instance: its cards as they were before, while Neutron does not take them as they are.

        So they are tried again, and the trail tells once why, and of the change itself when that is done.
        """
        why = self._networks.refused.get(action.uuid)
        if why is None or action.known is None or not _PLUGGED & set(action.fields):
            return action.uuid, action.known, entries
        self.failed[action.uuid] = why
        base = {name: value for name, value in action.known.base.items() if name != "nics"}
        before = scene.known.get(action.uuid)
        if before is not None and "nics" in before.base:
            base["nics"] = before.base["nics"]
        kept = [entry for entry in entries if entry.field != "nics" or entry.lost]
        return action.uuid, replace(action.known, base=base), kept

    def _plug(self, scene: Scene, actions: list[Action]) -> list[tuple[str, Known | None, Sequence[Entry]]]:
        """Bring the ports of many instances in line with their NICs."""
        wanted = {action.uuid: (scene.views[action.uuid].project, dict(action.facts)) for action in actions}
        shared = scene.policy.settings.shared_networks
        ports, told = self._networks.bring_about(scene.host, wanted, scene.inventory, scene.now, shared)
        self.instances.show_ports(ports)
        return [
            (action.uuid, action.known, (*action.entries, *(entry for entry in told if entry.object == action.uuid)))
            for action in actions
        ]

    def _owned(self, action: Action) -> tuple[str, str]:
        """The project that the instance goes to, and a note where it is not the one that was meant."""
        wanted = action.known.project if action.known else DISCOVERED
        found = self._projects.ident(wanted, make=wanted == DISCOVERED)
        if found is not None:
            return found, ""
        note = f"; there is no project {wanted}, so it is in {DISCOVERED}"
        return self._projects.ident(DISCOVERED, make=True) or "", note

    def _update(self, scene: Scene, action: Action, place: Place | None) -> Sequence[Entry]:
        facts, fields = dict(action.facts), set(action.fields)
        project = scene.views[action.uuid].project
        entries = list(action.entries)
        if "project" in fields and action.known is not None:
            project = action.known.project
            self.instances.reassign(action.uuid, project)
        before = scene.known[action.uuid].base.get("disks", ())
        written = self.instances.update(action.uuid, facts, fields, place, project, before)
        entries += _of_volumes(scene.entry(action.uuid, "disks", None, None), action.uuid, written.volumes)
        if fields & _PLUGGED and action.domain is not None:
            wanted = {action.uuid: (project, facts)}
            shared = scene.policy.settings.shared_networks
            ports, told = self._networks.bring_about(scene.host, wanted, scene.inventory, scene.now, shared)
            self.instances.show_ports(ports)
            entries += [entry for entry in told if entry.kind == "instance"]
        if "project" in fields:
            self.instances.flavors.share(written.flavor, project)
        if place is not None and (written.resized or fields & {"host", "project"}):
            self.allocations.write({action.uuid: _taken(written, place, project)})
        if "standing" in fields and action.known is not None:
            since = action.known.stale_since
            told_since = None if since is None else datetime.datetime.fromtimestamp(since, datetime.UTC).isoformat()
            self.instances.mark(action.uuid, stale_since=told_since)
        return entries

    def _remove(self, action: Action) -> Sequence[Entry]:
        self.take_out(action.uuid, runs_on=action.domain is not None)
        return action.entries


def _taken(written: Written, place: Place, project: str) -> Taken:
    """What an instance takes of its host."""
    resources = {"VCPU": written.flavor.vcpus, "MEMORY_MB": written.flavor.memory_mb, "DISK_GB": written.space}
    return Taken(resources, place.provider, project)


def _of_volumes(told: Entry, uuid: str, actions: Iterable[VolumeAction]) -> list[Entry]:
    """Lines of the trail about an instance's volumes; ``told`` has when and where, and who, as far as known."""
    return [
        replace(
            told,
            kind="volume",
            object=action.volume,
            field="instance",
            before=uuid if action.kind == "detach" else None,
            after=None if action.kind == "detach" else uuid,
            note=action.note,
            lost=action.kind == "tell",
        )
        for action in actions
    ]


def _cards(known: Known | None) -> frozenset[str]:
    """MACs of the cards that an instance had when both sides agreed last."""
    return frozenset(nic["mac"] for nic in known.base.get("nics", ())) if known else frozenset()


def _only_ports(action: Action) -> bool:
    return action.kind == "update" and action.fields == ("nics",)


def _chunks(actions: list[Action]) -> Iterator[list[Action]]:
    return (actions[start : start + _CHUNK] for start in range(0, len(actions), _CHUNK))
