"""One round of convergence: look, prepare, run, wire, judge. Level-triggered: a round knows nothing of the one before.

Roles that the plane wants are built as values, what is missing before their processes is done step by step, the
processes of all roles are handed to the supervisor as one group, and Open vSwitch is set up as soon as it answers. A
role that cannot be prepared keeps the processes that it had.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple, dataclass, field
from pathlib import Path

from aloft.base import files
from aloft.base.builds import build
from aloft.base.errors import AloftError, TemporaryError
from aloft.ground import departure, link, machine, moves, packages, plan
from aloft.ground import facts as host_facts
from aloft.ground.departure import Departure, Kept
from aloft.ground.edges import Edges, Place
from aloft.ground.facts import Facts
from aloft.ground.installer import TOOL
from aloft.ground.layout import Layout
from aloft.ground.moves import Moves
from aloft.ground.plan import RoleState
from aloft.ground.retries import Retries
from aloft.ground.roles import ALL, hypervisor, image_library, switch
from aloft.ground.roles.model import Context, File, Folder, Role, Trace
from aloft.ground.settings import Desired, Settings
from aloft.ground.store import Identity, Store
from aloft.ground.succession import Succession
from aloft.ground.transfer import Change
from aloft.ground.uplink import Uplink
from aloft.supervise import logs
from aloft.supervise.spec import ProcessSpec, ProcessStatus
from aloft.supervise.supervisor import Supervisor

_log = logging.getLogger(__name__)

GROUP = "host"
START_SWITCH = "Start it on the host: systemctl start openvswitch-switch."


@dataclass
class Outcome:
    """What a round came to.

    Args:
        facts: the host as it is.
        states: each role's state.
        generation: of the desired state that it is about.
        warnings: what is not as it should be though all roles do their work.
    """

    facts: Facts
    states: dict[str, RoleState] = field(default_factory=dict)
    generation: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def settled(self) -> bool:
        """Nothing is left to do before something changes, a person's mind included."""
        return all(state.state in ("ok", "failed") for state in self.states.values())


class Convergence:
    """Brings a host to what the plane wants, one round at a time.

    Args:
        layout: where things lie.
        identity: who the host is.
        edges: where the provider's edge may be.
        supervisor: who keeps the processes.
        succession: the agent's own build.
        reach: has an answer from the plane (see :class:`aloft.ground.moves.Moves`).
        tell: told how far a round has come, before each step that takes time.
    """

    def __init__(
        self,
        layout: Layout,
        identity: Identity,
        edges: Edges,
        supervisor: Supervisor,
        succession: Succession,
        reach: moves.Reach,
        tell: Callable[[Outcome], None] = lambda outcome: None,
    ) -> None:
        self._moves = Moves(layout, reach)
        self._retries = Retries()
        self._departure = Departure(layout, Store(layout), self._retries, supervisor)
        self._tried: tuple[int, int] | None = None
        self._tell = tell
        self._layout = layout
        self._identity = identity
        self._supervisor = supervisor
        self._succession = succession
        self._store = Store(layout)
        self._edges = edges
        self._edge, self._far = Place("", 0), False
        self._strays = True

    @property
    def patience(self) -> float | None:
        """Seconds until a step that failed is tried again; ``None`` when none waits."""
        return self._retries.next()

    async def round(self, desired: Desired) -> Outcome:
        """Look at everything and take the next steps."""
        if (desired.generation, desired.attempt) != self._tried:
            self._retries.forget()
            self._tried = desired.generation, desired.attempt
        settled = await self._moves.recover()
        facts = await asyncio.to_thread(host_facts.gather, self._layout)
        outcome = Outcome(facts, generation=desired.generation)
        try:
            await asyncio.to_thread(self._find_edge)
        except AloftError as error:
            outcome.states.update({name: plan.problem(error) for name in self._departure.concerned(desired)})
            return outcome
        if self._far:
            await self._succession.follow(desired.packages.get(TOOL, ""), self._uplink, self._retries)
        if desired.settings is None:
            return outcome
        settings = self._placed(desired.settings)
        held = await asyncio.to_thread(self._kept, desired)
        roles = self._build(desired, settings, facts, held, outcome)
        if await self._fetch(desired, roles, outcome):
            facts = outcome.facts = await asyncio.to_thread(host_facts.gather, self._layout)
        if not self._departure.concerned(desired):
            await self._leave(outcome)
            return outcome
        carrier = self._link(settings, roles, facts)
        if not await self._prepare(carrier, facts, outcome):
            problem = outcome.states.pop(carrier.name)
            outcome.states.update(dict.fromkeys(self._departure.concerned(desired), problem))
            return outcome
        # once more: the link has brought the account that may use the roles' sockets
        roles = self._build(desired, settings, facts, held, outcome)
        self._departure.note(roles)
        leaving = self._departure.leaving(desired, roles)
        blocked = {name for name in roles if not await self._prepare(roles[name], facts, outcome)}
        settled = settled and not await self._waits_for_switch(desired, roles)
        if settled and not await self._give_back(desired, settings, roles, outcome):
            return outcome
        specs = self._processes(desired, carrier, roles, blocked)
        switch_alone = await self._switch_alone(desired, settings, leaving, facts, outcome)
        staying = {spec.name: spec for spec in (*switch_alone, *specs)}
        current = self._supervisor.specs()
        await self._supervisor.apply(
            GROUP, [spec for spec in staying.values() if spec.name in current or spec.name not in switch.NEED_WIRING]
        )
        await self._reload_link()
        if settled:
            left = await self._wire(desired, roles, blocked, outcome)
        else:  # Open vSwitch has to answer first, which it may do only once its processes run
            left = {name: [plan.Run((), "Putting the host's network back")] for name in roles.keys() - blocked}
        if not any(left.values()):
            await self._connect(desired, settings, roles, blocked, outcome)
        if not any(left.values()):
            await self._supervisor.apply(GROUP, list(staying.values()))
        self._judge(roles, blocked, left, outcome)
        outcome.warnings = await asyncio.to_thread(self._images_from_afar, settings, roles)
        await self._end_strays(blocked)
        if leaving and await self._depart(leaving, desired, roles, outcome, settled=settled):
            current = self._supervisor.specs()
            await self._supervisor.apply(GROUP, [spec for spec in specs if spec.name in current])
        return outcome

    # What shall be

    def _build(
        self, desired: Desired, settings: Settings, facts: Facts, held: Mapping[str, Kept], outcome: Outcome
    ) -> dict[str, Role]:
        """The roles that the host shall have, and those that it cannot lose yet."""
        context = self._context(desired, settings, facts, held)
        roles: dict[str, Role] = {}
        for name in context.roles:
            if name not in ALL:
                outcome.states[name] = RoleState(
                    "failed", reason=f"This agent does not know the role {name}.", remedy="Install a newer agent."
                )
                continue
            try:
                roles[name] = hypervisor.kept(context) if name in held else ALL[name](context)
            except AloftError as error:
                outcome.states[name] = plan.problem(error)
        for name, why in held.items():
            outcome.states[name] = RoleState("failed", reason=why.reason, remedy=why.remedy)
        return roles

    def _context(self, desired: Desired, settings: Settings, facts: Facts, held: Iterable[str] = ()) -> Context:
        return Context(
            host=self._identity.host,
            release=desired.release,
            roles=(*desired.roles, *held),
            settings=settings,
            facts=facts,
            layout=self._layout,
            source=os.environ.get("PYTHONPATH", ""),
        )

    def _kept(self, desired: Desired) -> dict[str, Kept]:
        """Roles that are no longer wanted but hold virtual machines."""
        name = hypervisor.NAME
        if desired.keep_instances or name in desired.roles or name not in self._store.applied():
            return {}
        why = departure.kept(machine.running_instances())
        return {name: why} if why else {}

    def _link(self, settings: Settings, roles: Mapping[str, Role], facts: Facts) -> Role:
        """The link as a role of its own."""
        names, far = settings.names, self._far
        carried = link.Link(
            edge=self._edge.host,
            edge_port=self._edge.port,
            tunnels=(
                link.Tunnel("amqp", link.AMQP_PORT, names.amqp),
                link.Tunnel("ovn", self._layout.southbound_socket, names.ovn),
                *((link.Tunnel("db", link.DATABASE_PORT, names.db),) if image_library.NAME in roles else ()),
            ),
            http_names=names.http(),
            http_ports=(link.HTTP_PORT, link.INTERNAL_HTTP_PORT) if far else (link.HTTP_PORT,),
            address=facts.address,
            image_library=self._image_socket(settings) if image_library.NAME in roles else None,
            disks=self._layout.disks_socket if hypervisor.NAME in roles else None,
            image_name=names.image,
            libraries=tuple(
                (peer.host, peer.address) for peer in settings.image_library.libraries if far and peer.address
            ),
        )
        hosts = self._layout.paths.root / "etc/hosts"
        return Role(
            name="link",
            packages=("haproxy",),
            folders=(
                Folder(self._layout.run),
                Folder(self._layout.run / "locks", 0o700),
                Folder(self._layout.log),
                Folder(self._layout.config, 0o700),
            ),
            files=(
                File(self._layout.config / "link.cfg", link.config(carried, self._layout)),
                File(hosts, plan.merged_hosts(hosts.read_text() if hosts.exists() else "", names.http()), 0o644),
            ),
            processes=(link.process(carried, self._layout),),
        )

    def _image_socket(self, settings: Settings) -> Path:
        listen = settings.image_library.listen
        return Path(listen) if listen else self._layout.image_socket

    def _placed(self, settings: Settings) -> Settings:
        """The settings as they are meant for this host: what is said of the provider's own node counts only there."""
        if not self._far:
            return settings
        return settings.model_copy(update={"image_library": settings.image_library.model_copy(update={"listen": None})})

    def _find_edge(self) -> None:
        """Look up the edge's address as a number; the last one known, also before a restart, while no name resolves.

        A name that the agent itself leads to the link cannot tell.

        Raises:
            TemporaryError: it is not known where the edge is.
        """
        hosts = self._layout.paths.root / "etc/hosts"
        try:
            self._edge = self._edges.numeric(plan.own_names(hosts.read_text() if hosts.exists() else ""))
            self._store.keep_edge(self._edge)
        except TemporaryError:
            known = self._edge if self._edge.host else self._store.edge()
            if known is None:
                raise
            self._edge = known
        self._far = not host_facts.is_local(self._edge.host)

    async def _fetch(self, desired: Desired, roles: Mapping[str, Role], outcome: Outcome) -> bool:
        """Have the environment that the roles run from in the build that the plane wants; whether it was renewed.

        A host that is the provider's node itself has what the node made.
        """
        wanted, prefix = desired.packages.get(desired.release, ""), self._layout.paths.present(desired.release)
        users = [name for name, role in roles.items() if role.release]
        if not users or not wanted or build(prefix) == wanted:
            return False
        if not self._far:
            return False
        step = f"Installing OpenStack {desired.release}"
        if told := self._retries.waiting("", step):
            if not build(prefix):
                outcome.states.update(dict.fromkeys(users, told))
            return False
        try:
            _log.info("%s (%s)", step, wanted)
            outcome.states.update(dict.fromkeys(users, RoleState("converging", step, 0.1)))
            self._tell(outcome)
            await asyncio.to_thread(packages.bring, self._uplink, desired.release, wanted, prefix)
        except AloftError as error:
            _log.warning("%s", error)
            told = self._retries.failed("", step, plan.problem(error, step))
            if not build(prefix):
                outcome.states.update(dict.fromkeys(users, told))
            return False
        self._retries.done("", step)
        for name in users:
            del outcome.states[name]
        return True

    def _uplink(self) -> Uplink:
        return Uplink(self._layout, self._identity.agent_name, self._edge.host, self._edge.port)

    # Bringing it about

    async def _prepare(self, role: Role, facts: Facts, outcome: Outcome) -> bool:
        """Do what must be done before a role's processes start; whether that is complete."""
        if role.name in outcome.states and role.release and role.release not in facts.releases:
            return False
        lacks = plan.lacks(role, facts)
        if lacks:
            outcome.states[role.name] = RoleState(
                "failed",
                reason=" ".join(lack.reason for lack in lacks),
                remedy=" ".join(dict.fromkeys(lack.remedy for lack in lacks)),
            )
            return False
        seen = await asyncio.to_thread(machine.observe, role, systemd=facts.systemd)
        if facts.systemd:
            self._departure.note_units(role, seen.units)
        steps = plan.prepare(role, seen, systemd=facts.systemd)
        for number, step in enumerate(steps):
            if role.name not in outcome.states and isinstance(step, plan.Install):
                share = round(0.2 + 0.3 * number / len(steps), 2)
                outcome.states[role.name] = RoleState("converging", step.text, share)
                self._tell(outcome)
                del outcome.states[role.name]
            if not await self._take(step, role, outcome):
                return False
        return True

    async def _take(self, step: plan.Step, role: Role, outcome: Outcome) -> bool:
        if told := self._retries.waiting(role.name, step.text):
            outcome.states[role.name] = told
            return False
        _log.info("%s: %s", role.name, step.text)
        try:
            await asyncio.to_thread(machine.carry_out, step)
        except AloftError as error:
            _log.warning("%s: %s", role.name, error)
            outcome.states[role.name] = self._retries.failed(role.name, step.text, plan.problem(error, step.text))
            return False
        self._retries.done(role.name, step.text)
        return True

    async def _waits_for_switch(self, desired: Desired, roles: Mapping[str, Role]) -> bool:
        """Whether cards are to be given back, which they can be only once Open vSwitch runs."""
        if self._departure.unclear(desired, roles) or not self._moves.surplus(_connections(roles.values())):
            return False
        return await asyncio.to_thread(machine.switch_state, self._layout) is None

    async def _give_back(
        self, desired: Desired, settings: Settings, roles: Mapping[str, Role], outcome: Outcome
    ) -> bool:
        """Take out of bridges what no role wants there any more; whether the round may go on."""
        if self._departure.unclear(desired, roles):
            return True
        try:
            await self._moves.give_back(_connections(roles.values()), _wish(desired, settings))
        except AloftError as error:
            _log.error("%s", error)
            told = plan.problem(error, "Giving network cards back")
            outcome.states.update(dict.fromkeys(self._departure.concerned(desired), told))
            return False
        return True

    async def _connect(
        self, desired: Desired, settings: Settings, roles: Mapping[str, Role], blocked: set[str], outcome: Outcome
    ) -> None:
        """Bring cards into the bridges of the roles that were wired, and give those their addresses."""
        users = {name: role for name, role in roles.items() if role.bridges and name not in blocked}
        wanted = _connections(users.values())
        if not wanted:
            return
        seen = await asyncio.to_thread(machine.switch_state, self._layout)
        if seen is None:
            return
        problems = await self._moves.bring(wanted, seen, _wish(desired, settings))
        for name, role in users.items():
            for bridge in role.bridges:
                if bridge.name in problems and name not in outcome.states:
                    outcome.states[name] = problems[bridge.name]

    def _processes(
        self, desired: Desired, carrier: Role, roles: Mapping[str, Role], blocked: Iterable[str]
    ) -> list[ProcessSpec]:
        """The processes of the link and all roles; those of a blocked role as they were before.

        While a role that the host has cannot be made out, all that runs stays: some of it is that role's.
        """
        current = self._supervisor.specs()
        specs = {
            **(current if self._departure.unclear(desired, roles) else {}),
            **{spec.name: spec for spec in carrier.processes},
        }
        for name in blocked:
            specs.update({spec.name: current[spec.name] for spec in roles[name].processes if spec.name in current})
        for name, role in roles.items():
            if name not in blocked:
                specs.update({spec.name: spec for spec in role.processes})
        return list(specs.values())

    async def _reload_link(self) -> None:
        """Have HAProxy read its files again when they changed while it ran."""
        pid, _ = self._supervisor.pids(link.PROCESS)
        if not pid:
            return
        digest = await asyncio.to_thread(link.digest, self._layout)
        mark = f"{pid} {digest}"
        path = self._layout.run / "link.loaded"
        before = path.read_text() if path.exists() else ""
        if before.startswith(f"{pid} ") and before != mark:
            _log.info("link: reading its configuration again")
            try:
                await asyncio.to_thread(link.turn, self._layout, self._edge)
            except TemporaryError as error:
                _log.warning("%s", error)
            os.kill(pid, signal.SIGUSR2)
        files.write(path, mark)

    async def _wire(
        self, desired: Desired, roles: Mapping[str, Role], blocked: set[str], outcome: Outcome
    ) -> dict[str, list[plan.Step]]:
        """Set Open vSwitch up for each role; returns what is left to do."""
        users = {name: role for name, role in roles.items() if role.bridges and name not in blocked}
        if not users:
            return {}
        seen = await asyncio.to_thread(machine.switch_state, self._layout)
        if seen is None:
            return {name: [plan.Run((), "Waiting for Open vSwitch")] for name in users}
        left: dict[str, list[plan.Step]] = {}
        for name, role in users.items():
            steps = plan.wire(role, seen, self._layout)
            if strange := plan.strange(role, seen):
                reason, remedy = (" ".join(texts) for texts in zip(*map(astuple, strange), strict=True))
                outcome.states[name] = RoleState("failed", reason=reason, remedy=remedy)
                left[name] = steps
                continue
            if steps:
                while steps and await self._take(steps[0], role, outcome):
                    del steps[0]
                # what one role made, the next finds there
                seen = await asyncio.to_thread(machine.switch_state, self._layout) or seen
            left[name] = steps
        if set(roles) >= set(desired.roles):
            for step in plan.unwire(roles.values(), seen, self._layout):
                await self._take(step, next(iter(users.values())), outcome)
        return left

    def _images_from_afar(self, settings: Settings, roles: Mapping[str, Role]) -> tuple[str, ...]:
        """What is to be said when images come across the link though the site has a library."""
        if hypervisor.NAME not in roles or not self._supervisor.pids(link.PROCESS)[0]:
            return ()
        try:
            silent = link.silent(self._layout, settings.names.image)
        except TemporaryError:
            return ()
        text = f"No image library of the site answers ({', '.join(silent)}): images come across the link."
        return (text,) if silent else ()

    async def _switch_alone(
        self, desired: Desired, settings: Settings, leaving: Mapping[str, Trace], facts: Facts, outcome: Outcome
    ) -> tuple[ProcessSpec, ...]:
        """The processes of Open vSwitch while the last roles that used it leave."""
        if not any(trace.wired for trace in leaving.values()):
            return ()
        role = switch.alone(self._context(desired, settings, facts))
        if await self._prepare(role, facts, outcome):
            return role.processes
        problem = outcome.states.pop(role.name)
        outcome.states.update(dict.fromkeys(leaving, problem))
        return ()

    async def _depart(
        self,
        leaving: Mapping[str, Trace],
        desired: Desired,
        roles: Mapping[str, Role],
        outcome: Outcome,
        *,
        settled: bool,
    ) -> bool:
        """Take away what the agent put there for roles that leave; whether all of it is gone.

        Those of which something is left are told of.
        """
        if leaving.keys() & outcome.states.keys():
            return False
        if not settled:
            outcome.states.update(dict.fromkeys(leaving, RoleState("converging", "Putting the host's network back")))
            return False
        unclear = self._departure.unclear(desired, roles)
        staying = {**unclear, **{name: role.trace for name, role in roles.items()}}
        told = await self._departure.carry_out(
            leaving, staying, systemd=outcome.facts.systemd, keep_units=desired.keep_instances
        )
        outcome.states.update(told)
        if not any(trace.wired for trace in staying.values()):
            for name in [name for name, trace in leaving.items() if trace.wired and name not in told]:
                await self._clear_switch(name, outcome)
        if not staying and not desired.roles and not outcome.states:
            await self._leave(outcome, leaving)
        self._departure.forget({name: trace for name, trace in leaving.items() if name not in outcome.states})
        return not leaving.keys() & outcome.states.keys()

    async def _clear_switch(self, name: str, outcome: Outcome) -> None:
        """Take away what is the agent's in Open vSwitch, for a role that leaves."""
        step = "Waiting for Open vSwitch"
        if not self._layout.switch_database.exists():
            return
        seen = await asyncio.to_thread(machine.switch_state, self._layout)
        if seen is None:
            told = RoleState("converging", step, reason="Open vSwitch does not answer.", remedy=START_SWITCH)
            outcome.states[name] = self._retries.waiting(name, step) or self._retries.failed(name, step, told)
            return
        self._retries.done(name, step)
        for command in plan.unwire((), seen, self._layout):
            await self._take(command, Role(name), outcome)

    async def _leave(self, outcome: Outcome, leaving: Iterable[str] = ()) -> None:
        """End all that is left once the host has no role; the last ones that leave are told of what does not end."""
        await self._supervisor.apply(GROUP, [])
        await self._end_strays(set())
        try:
            await self._departure.ended()
        except AloftError as error:
            _log.warning("%s", error)
            outcome.states.update(dict.fromkeys(leaving, plan.problem(error, departure.STEP)))
            return
        await asyncio.to_thread(self._departure.leave_link)

    def _judge(
        self, roles: Mapping[str, Role], blocked: set[str], left: Mapping[str, list[plan.Step]], outcome: Outcome
    ) -> None:
        statuses = {status.name: status for status in self._supervisor.status()}
        words = {
            spec.name: plan.last_words(logs.tail(spec.log, 60))
            for spec in self._supervisor.specs().values()
            if spec.name in statuses and statuses[spec.name].state in plan.FAILING
        }
        for name, role in roles.items():
            if name in blocked:
                _soften(outcome, role, statuses)
            elif name not in outcome.states:
                outcome.states[name] = plan.judge(role, statuses, left.get(name, []), words)

    async def _end_strays(self, blocked: set[str]) -> None:
        """End what an earlier agent left running and no role wants, once it is sure what all roles want."""
        if self._strays and not blocked:
            await self._supervisor.settle()
            self._strays = False


def _soften(outcome: Outcome, role: Role, statuses: Mapping[str, ProcessStatus]) -> None:
    """A role that cannot be prepared but whose processes run is degraded, not failed."""
    state = outcome.states[role.name]
    if state.state == "failed" and any(spec.name in statuses for spec in role.processes):
        outcome.states[role.name] = RoleState("degraded", state.step, state.done, state.reason, state.remedy)


def _connections(roles: Iterable[Role]) -> dict[str, Change]:
    """The network cards that shall be in bridges, and then the addresses of bridges, by what they are about."""
    bridges = [bridge for role in roles for bridge in role.bridges]
    cards = [Change(one.interface, one.name, one.datapath) for one in bridges if one.interface]
    addresses = [Change("", one.name, one.datapath, address=one.address) for one in bridges if one.address]
    return {change.key: change for change in (*cards, *addresses)}


def _wish(desired: Desired, settings: Settings) -> str:
    networks = {name: network.model_dump() for name, network in settings.network.physical_networks.items()}
    return moves.wish_of(networks, desired.attempt)
