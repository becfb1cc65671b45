"""The region's state and its one worker: who has told what, what is to be looked at, and when.

Inventory is kept in memory: a service that was started anew asks hosts for snapshots, and plans from those. There is
one worker, so nothing has to be locked but the state that requests and worker share; it sleeps until something is told
or due.
"""

import contextlib
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from aloft.base.errors import AloftError, TemporaryError
from aloft.sync.inventory import Answer, Delta, Domain, Inventory, Report, follow
from aloft.sync.plan import Scene, plan
from aloft.sync.policy import DISCOVERED, Policy
from aloft.sync.records import Action, Entry, Known, Plan

if TYPE_CHECKING:
    from aloft.inside.sync.adoption import Place
    from aloft.inside.sync.applier import Applier
    from aloft.inside.sync.store import Store

_log = logging.getLogger(__name__)

_AT_ONCE = 100
"""Actions that are carried out before it is looked whether something more urgent was told."""

PROJECTS_SECONDS = 60.0
"""How long until it is asked again whether there is a project by now that a rule names."""

PRUNE_SECONDS = 600.0
"""How often old entries of the trail are looked for."""

_DAY = 86400.0

RETRY_SECONDS = (1.0, 2.0, 5.0, *[15.0] * 8, 60.0)

AWAY_SECONDS = 15.0
"""The longest pause until it is looked whether a service that did not answer is back."""

ACTOR_SECONDS = 300.0
"""How long a change in OpenStack is taken for one of whoever asked last for something."""


@dataclass
class Host:
    """What a host has told.

    Args:
        epoch: of its account.
        sequence: number of the last delta.
        inventory: as of then.
        heard: when it was heard of last.
        told: the delta that told last of each domain, until it has been dealt with.
        pending: domains to look at; ``None`` for all.
        due: when to look at it again by itself.
        failures: how often in a row a plan could not be carried out.
        waiting: domains, images and other work that cannot be dealt with yet, and why.
        problem: why the last plan could not be carried out.
        working: whether the worker is at it.
    """

    epoch: str = ""
    sequence: int = 0
    inventory: Inventory = field(default_factory=lambda: Inventory(0.0))
    heard: float = 0.0
    told: dict[str, Delta] = field(default_factory=dict)
    pending: set[str] | None = field(default_factory=set)
    due: float | None = None
    failures: int = 0
    waiting: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    working: bool = False

    @property
    def wanted(self) -> bool:
        """Whether there is something to look at."""
        return self.pending is None or bool(self.pending)


class Region:
    """One region's sync.

    Args:
        store: the service's own schema.
        applier: carries out plans.
        tell: is called with the name of a host when what administrators see of it has changed, and with ``policy`` when
            they have decided something for all; it must not throw.
        clock: seconds since 1970.
    """

    def __init__(
        self, store: "Store", applier: "Applier", tell: Callable[[str], None], clock: Callable[[], float] = time.time
    ) -> None:
        self.store = store
        self.applier = applier
        self.tell = tell
        self.clock = clock
        self.policy: Policy = store.policy()
        self.known: dict[str, Known] = store.known()
        self.hosts: dict[str, Host] = {}
        self._actors: dict[str, tuple[str, float]] = {}
        self._where: dict[str, dict[str, Domain]] = {}
        self._projects: tuple[float, frozenset[str], dict[str, str]] = (0.0, frozenset(), {})
        self._changed = threading.Condition()
        self._turn = threading.RLock()
        self._ended = False
        self._began = clock()
        self._pruned = 0.0
        self._worker = threading.Thread(target=self._work, name="sync", daemon=True)

    # What requests do

    def start(self) -> None:
        """Begin to work."""
        self._worker.start()

    def stop(self) -> None:
        """Finish what is under way, and end."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._worker.join(10.0)

    def receive(self, name: str, report: Report) -> Answer:
        """Take in what a host tells."""
        with self._changed:
            host = self.hosts.setdefault(name, Host())
            host.heard = self.clock()
            if report.snapshot is not None:
                self._begin(name, host, report)
            elif report.epoch != host.epoch or report.lost:
                return Answer(report.epoch, 0, snapshot=True)
            fresh = [delta for delta in report.deltas if delta.sequence > host.sequence]
            if fresh and fresh[0].sequence != host.sequence + 1:
                return Answer(report.epoch, host.sequence, snapshot=True)
            if fresh:
                self._go_on(name, host, fresh)
            if host.wanted or host.due is not None:
                self._changed.notify_all()
            return Answer(report.epoch, host.sequence)

    def look(self, uuids: frozenset[str] | None = None) -> None:
        """Plan again for these virtual machines, or for everything (rules have changed)."""
        with self._changed:
            for name, host in self.hosts.items():
                if uuids is None:
                    host.pending = None
                elif host.pending is not None:
                    host.pending |= {uuid for uuid in uuids if self._is_of(name, uuid)}
            self._changed.notify_all()
        if uuids is None:
            self.tell("policy")

    def note_actor(self, uuid: str, who: str) -> None:
        """Take note of who asked OpenStack last to change an instance, for the trail."""
        with self._changed:
            now = self.clock()
            self._actors = {key: told for key, told in self._actors.items() if now - told[1] < ACTOR_SECONDS}
            self._actors[uuid] = (who, now)

    def _is_of(self, name: str, uuid: str) -> bool:
        known = self.known.get(uuid)
        return name in self._where.get(uuid, {}) or (known is not None and known.host == name)

    def domain(self, uuid: str) -> tuple[str, Domain] | None:
        """Where a virtual machine is, and how."""
        with self._changed:
            places = self._where.get(uuid, {})
            known = self.known.get(uuid)
            if known is not None and known.host in places:
                return known.host, places[known.host]
            return next(iter(places.items()), None)

    def silent_since(self, name: str) -> float | None:
        """When a host was heard of last, if that is too long ago; ``None`` for one that is heard of.

        Of one that was not heard of since the service started, it is that start.
        """
        host = self.hosts.get(name)
        heard = self._began if host is None else host.heard
        return heard if self.clock() - heard > self.policy.settings.silent_seconds else None

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Keep the worker from planning meanwhile."""
        with self._turn:
            yield

    def remember(self, known: Known | None, uuid: str, entries: Iterable[Entry]) -> None:
        """Remember what an administrator decided about a virtual machine; to be called in one's turn."""
        self.store.remember({uuid: known}, entries)
        self._note({uuid: known})
        self.tell(known.host if known else uuid)

    def _note(self, changes: Mapping[str, Known | None]) -> None:
        for uuid, known in changes.items():
            if known is None:
                self.known.pop(uuid, None)
            else:
                self.known[uuid] = known

    def scene(self, name: str, only: frozenset[str] | None = None, policy: Policy | None = None) -> Scene:
        """All that a plan for a host is made from.

        Args:
            name: of the host.
            only: virtual machines to look at; ``None`` for all.
            policy: to try out instead of the one that holds.
        """
        return self._look_at(name, only, policy or self.policy)[0]

    def _look_at(self, name: str, only: frozenset[str] | None, policy: Policy) -> "tuple[Scene, Place | None]":
        with self._changed:
            host = self.hosts[name]
            inventory, told = host.inventory, dict(host.told)
            actors = {uuid: who for uuid, (who, at) in self._actors.items() if self.clock() - at < ACTOR_SECONDS}
            elsewhere = {
                uuid: next((other, found) for other, found in places.items() if other != name)
                for uuid, places in self._where.items()
                if len(places) > (name in places)
            }
        present = {domain.uuid for domain in inventory.domains}
        here = {uuid: known for uuid, known in self.known.items() if known.host == name or uuid in present}
        looked = {uuid for uuid in here if uuid not in present} | (present if only is None else present & only)
        place = self.applier.instances.place(name)
        scene = Scene(
            host=name,
            inventory=inventory,
            known=here,
            views=self.applier.instances.views(looked),
            policy=policy,
            now=self.clock(),
            ready=place is not None,
            aggregates=self.applier.instances.aggregates(name) if any(r.aggregate for r in policy.rules) else (),
            elsewhere=elsewhere,
            told=told,
            actors=actors,
            only=only,
            projects=self._named(policy),
        )
        return scene, place

    def _named(self, policy: Policy) -> dict[str, str]:
        """The identifiers of the projects that a policy names, and of the one for what nobody owns.

        Keystone tells of none that is made: those that are missing are asked for again from time to time.
        """
        names = frozenset({DISCOVERED, *(rule.project for rule in policy.rules)})
        asked, before, found = self._projects
        if names != before or (names - found.keys() and self.clock() >= asked + PROJECTS_SECONDS):
            had, found = found, self.applier.projects(names)
            self._projects = (self.clock(), names, found)
            if names == before and found.keys() - had.keys() - {DISCOVERED}:
                self.look()
        return found

    # What the worker does

    def step(self, name: str, only: frozenset[str] | None) -> int:
        """Plan for a host and carry it out; gives how much there was to do.

        Raises:
            TemporaryError: a service does not answer.
        """
        scene, place = self._look_at(name, only, self.policy)
        whole = plan(scene)
        made = replace(whole, actions=tuple(sorted(whole.actions, key=_urgency)[:_AT_ONCE]))
        if made.actions:
            self.applier.apply(scene, made, place, self._note)
        failed, again = self._keep_in_line(name, scene, quiet=not made.actions)
        if any(rule.project not in scene.projects for rule in scene.policy.rules):
            again = min(again or math.inf, scene.now + PROJECTS_SECONDS)
        self._finish(self.hosts[name], scene, made, failed, again)
        self._prune(scene.now)
        later = {action.uuid for action in whole.actions} - {action.uuid for action in made.actions}
        later |= {action.uuid for action in made.actions if action.kind == "adopt" and action.facts["nics"]}
        if later:
            self.look(frozenset(later))
        return len(made.actions)

    def _prune(self, now: float) -> None:
        """Forget what is too old of the trail, which grows only when something is done."""
        if now >= self._pruned + PRUNE_SECONDS:
            self._pruned = now
            self.store.prune(now - self.policy.settings.trail_days * _DAY)

    def _keep_in_line(self, name: str, scene: Scene, quiet: bool) -> tuple[dict[str, str], float | None]:
        """See to images, networks and what was refused before; what fails of that does not keep the rest from it.

        Args:
            name: of the host.
            scene: see there.
            quiet: there is nothing more urgent to do.

        Returns:
            What failed, and why; and when to look at networks again.

        Raises:
            TemporaryError: a service does not answer.
        """
        inventory, now, settings = scene.inventory, scene.now, self.policy.settings
        again: list[float | None] = []
        chores: dict[str, Callable[[], object]] = {
            "image library": lambda: self.applier.follow_library(inventory, name, now),
            "networks": lambda: again.append(self.applier.follow_networks(inventory, name, now, settings)),
        }
        if settings.networks == "all":
            chores["offers"] = lambda: self.applier.offer(inventory, name, now, settings.shared_networks)
        if quiet:
            chores["allocations"] = self.applier.allocations.retry
        failed: dict[str, str] = {}
        for what, do in chores.items():
            try:
                do()
            except TemporaryError:
                raise
            except Exception as error:
                failed[what] = str(error)[:500]
                _log.warning("%s of host %s: %s", what, name, error, exc_info=not isinstance(error, AloftError))
        return {**failed, **self.applier.library_failures(name)}, next(iter(again), None)

    def _finish(self, host: Host, scene: Scene, made: Plan, failed: Mapping[str, str], others: float | None) -> None:
        """Note what is left to be done, and when to look at it again, or at networks and projects (``others``)."""
        of_actions = {action.uuid: self.applier.failed[action.uuid] for action in made.actions if self._failed(action)}
        short = {uuid: why for uuid, why in self.applier.allocations.reasons().items() if uuid in scene.known}
        open_ends = {**made.waiting, **failed, **of_actions, **short}
        with self._changed:
            for uuid, delta in scene.told.items():
                if host.told.get(uuid) is delta and uuid not in open_ends:
                    del host.told[uuid]
            host.waiting = open_ends
            host.failures = host.failures + 1 if open_ends else 0
            again = self.clock() + _pause(host.failures) if open_ends else None
            meanwhile = host.due  # it was taken away when this work began
            host.due = min((at for at in (made.due, others, again, meanwhile) if at is not None), default=None)

    def _failed(self, action: Action) -> bool:
        return action.uuid in self.applier.failed

    def _work(self) -> None:
        while (name := self._wait()) is not None:
            with self._changed:
                host = self.hosts[name]
                only = None if host.pending is None else frozenset(host.pending | host.waiting.keys())
                host.pending, host.due, host.working = set(), None, True
                before = host.problem, host.waiting
            with self._turn:
                done = self._deal_with(name, host, only)
            host.working = False
            if done or (host.problem, host.waiting) != before:
                self.tell(name)

    def _wait(self) -> str | None:
        """The next host to look at, once there is one; ``None`` when the service ends."""
        with self._changed:
            while not self._ended:
                now = self.clock()
                for name, host in self.hosts.items():
                    if host.wanted or (host.due is not None and host.due <= now):
                        return name
                dues = [host.due for host in self.hosts.values() if host.due is not None]
                self._changed.wait(max(0.05, min(dues) - now) if dues else None)
        return None

    def _deal_with(self, name: str, host: Host, only: frozenset[str] | None) -> int:
        """How much there was to do."""
        try:
            done = self.step(name, only)
            host.problem = ""
            return done
        except Exception as error:
            host.failures, host.problem = host.failures + 1, str(error)[:500]
            wait, passing = min(_pause(host.failures), AWAY_SECONDS), isinstance(error, TemporaryError)
            _log.warning("Host %s is tried again in %.0f s: %s", name, wait, error, exc_info=not passing)
            with self._changed:
                host.due = self.clock() + wait
                host.waiting = {**host.waiting, **dict.fromkeys(only or {d.uuid for d in host.inventory.domains}, "")}
            return 0

    # The hosts' accounts

    def _begin(self, name: str, host: Host, report: Report) -> None:
        assert report.snapshot is not None  # noqa: S101  # the caller has looked
        for domain in host.inventory.domains:
            self._where.get(domain.uuid, {}).pop(name, None)
        for domain in report.snapshot.domains:
            self._where.setdefault(domain.uuid, {})[name] = domain
        host.epoch, host.sequence, host.inventory = report.epoch, 0, report.snapshot
        host.told, host.pending = {}, None

    def _go_on(self, name: str, host: Host, deltas: list[Delta]) -> None:
        host.inventory, host.sequence = follow(host.inventory, deltas), deltas[-1].sequence
        for delta in deltas:
            if delta.part != "domains" or not delta.key:
                host.pending = None if delta.part == "pools" or not delta.key else host.pending
                host.due = self.clock() if host.pending is not None else host.due
                continue
            places = self._where.setdefault(delta.key, {})
            entry = delta.entry()
            if isinstance(entry, Domain):
                places[name] = entry
            else:
                places.pop(name, None)
            host.told[delta.key] = delta
            if host.pending is not None:
                host.pending.add(delta.key)
            for other in places.keys() - {name}:
                rest = self.hosts[other].pending
                if rest is not None:
                    rest.add(delta.key)


def _urgency(action: Action) -> int:
    """What people see first comes first: changes of what is there, then what is new, then ports."""
    if action.kind == "adopt":
        return 1
    return 2 if action.fields == ("nics",) else 0


def _pause(failures: int) -> float:
    """Seconds until something that did not work, or has to wait for OpenStack, is tried again."""
    return RETRY_SECONDS[min(max(failures, 1), len(RETRY_SECONDS)) - 1]
