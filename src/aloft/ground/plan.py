"""What to do next for a role: pure functions from what shall be and what is seen to steps, and to a role's state."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aloft.base.errors import AloftError, TemporaryError
from aloft.ground.facts import Facts
from aloft.ground.layout import Layout
from aloft.ground.roles.model import Bridge, File, Folder, Lack, Made, Role
from aloft.ground.roles.switch import INTEGRATION_BRIDGE, MADE, NAMING_IDS, OWNED_IDS, VSCTL
from aloft.supervise.spec import ProcessStatus

FAILING = ("crash-loop", "backoff", "unready")
"""States of a process that does not do its work."""

_ERROR = re.compile(r"CRITICAL|ERROR|[a-z]Error|Exception|[a-z]: error|exception\.")
_LONGEST_WORDS = 400
_BEGIN, _END = "# Aloft agent: begin", "# Aloft agent: end"


@dataclass(frozen=True)
class Install:
    """Install packages of the distribution."""

    packages: tuple[str, ...]

    @property
    def text(self) -> str:
        """What is done, for a person."""
        return f"Installing {', '.join(self.packages)}"


@dataclass(frozen=True)
class Run:
    """Run a command."""

    command: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Provide:
    """Make a folder."""

    folder: Folder

    @property
    def text(self) -> str:
        """What is done, for a person."""
        return f"Making {self.folder.path}"


@dataclass(frozen=True)
class Write:
    """Write a file."""

    file: File

    @property
    def text(self) -> str:
        """What is done, for a person."""
        return f"Writing {self.file.path}"


Step = Install | Run | Provide | Write


@dataclass(frozen=True)
class BridgeState:
    """A bridge as it is: datapath type, fail mode, ports, its own port's addresses and link state, and who made it.

    ``made`` is whether the agent did.
    """

    datapath: str
    secure: bool = False
    ports: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    up: bool = False
    made: bool = False


@dataclass(frozen=True)
class SwitchState:
    """Open vSwitch as it is."""

    external_ids: Mapping[str, str] = field(default_factory=dict)
    bridges: Mapping[str, BridgeState] = field(default_factory=dict)


@dataclass(frozen=True)
class Observed:
    """What is seen of a host before processes are looked at.

    Args:
        installed: packages that are installed, of those asked about.
        units: systemd units that run, of those asked about.
        folders: folders that are as asked.
        files: files that are as asked.
        made: files that exist, of those made by commands.
        devices: devices that need no change, of those asked about.
    """

    installed: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    folders: frozenset[Path] = frozenset()
    files: frozenset[Path] = frozenset()
    made: frozenset[Path] = frozenset()
    devices: frozenset[Path] = frozenset()


@dataclass(frozen=True)
class RoleState:
    """What the plane is told about a role; ``done`` is the share of the work, 0 to 1."""

    state: str
    step: str = ""
    done: float | None = None
    reason: str = ""
    remedy: str = ""


def problem(error: AloftError, step: str = "") -> RoleState:
    """What an error makes of a role."""
    state = "converging" if isinstance(error, TemporaryError) else "failed"
    return RoleState(state, step, reason=error.message, remedy=error.remedy)


def lacks(role: Role, facts: Facts) -> list[Lack]:
    """What the host lacks for a role."""
    return [lack for check in role.requirements if (lack := check(facts))]


def prepare(role: Role, seen: Observed, *, systemd: bool) -> list[Step]:
    """The steps before a role's processes can start: packages, folders, files, units."""
    steps: list[Step] = []
    if missing := tuple(name for name in role.packages if name not in seen.installed):
        steps.append(Install(missing))
    steps += [Provide(folder) for folder in role.folders if folder.path not in seen.folders]
    steps += [Write(file) for file in role.files if file.path not in seen.files]
    steps += [_make(made) for made in role.made if made.path not in seen.made]
    for device in role.devices:
        if device.path not in seen.devices:
            text = f"Letting the group {device.group} use {device.path}"
            steps.append(Run(("/usr/bin/chgrp", device.group, str(device.path)), text))
            steps.append(Run(("/usr/bin/chmod", "0660", str(device.path)), text))
    if systemd:
        for unit in role.units:
            if unit.running != (unit.name in seen.units):
                verb = "enable" if unit.running else "disable"
                doing = "Starting" if unit.running else "Stopping"
                steps.append(Run(("systemctl", verb, "--now", unit.name), f"{doing} {unit.name}"))
    return steps


def wire(role: Role, switch: SwitchState, layout: Layout) -> list[Step]:
    """The steps that make Open vSwitch what a role wants it to be.

    What may cut the host off, cards in bridges and bridges' own addresses, is :mod:`aloft.ground.moves`' business.
    """
    vsctl = (*VSCTL, f"--db=unix:{layout.switch_socket}")
    steps: list[Step] = []
    wrong = {key: value for key, value in role.external_ids.items() if switch.external_ids.get(key) != value}
    if wrong:
        settings = tuple(f"external_ids:{key}={json.dumps(value)}" for key, value in sorted(wrong.items()))
        steps.append(Run((*vsctl, "set", "Open_vSwitch", ".", *settings), f"Setting {', '.join(sorted(wrong))} of OVN"))
    for bridge in role.bridges:
        steps += _bridge(bridge, switch.bridges.get(bridge.name), vsctl)
    return steps


def strange(role: Role, switch: SwitchState) -> list[Lack]:
    """What keeps a role from bridges that were there before: the agent does not change how those forward."""
    own = own_bridges(switch)
    return [
        Lack(
            f"The bridge {bridge.name} was there before, with the datapath type {switch.bridges[bridge.name].datapath};"
            f" on this host the type {bridge.datapath} is needed.",
            "Name another bridge in the region's network template (--bridge), which the agent makes itself, or change"
            f" this one: ovs-vsctl set Bridge {bridge.name} datapath_type={bridge.datapath}",
        )
        for bridge in role.bridges
        if bridge.name in switch.bridges
        and bridge.name not in own
        and switch.bridges[bridge.name].datapath != bridge.datapath
    ]


def unwire(roles: Iterable[Role], switch: SwitchState, layout: Layout) -> list[Run]:
    """The steps that take away what is the agent's in Open vSwitch and what no role wants any more."""
    staying = list(roles)
    vsctl = (*VSCTL, f"--db=unix:{layout.switch_socket}")
    wanted = {key for role in staying for key in role.external_ids} | (set() if staying else NAMING_IDS)
    steps: list[Run] = []
    if gone := sorted((OWNED_IDS & switch.external_ids.keys()) - wanted):
        command = (*vsctl, "remove", "Open_vSwitch", ".", "external_ids", *gone)
        steps.append(Run(command, f"Removing {', '.join(gone)} of OVN"))
    bridges = {bridge.name for role in staying for bridge in role.bridges}
    for name in sorted(own_bridges(switch) - bridges):
        steps.append(Run((*vsctl, "--if-exists", "del-br", name), f"Removing the bridge {name}"))
    return steps


def own_bridges(switch: SwitchState) -> set[str]:
    """The bridges that the agent made, and OVN's own, which is nobody else's."""
    return {name for name, bridge in switch.bridges.items() if bridge.made or name == INTEGRATION_BRIDGE}


def last_words(lines: Sequence[str]) -> str:
    """What the end of a log says about a failure: its last line that names an error; empty when none does."""
    telling = [line.strip() for line in lines if _ERROR.search(line) and not line.rstrip().endswith((" nova", "^"))]
    return telling[-1][-_LONGEST_WORDS:] if telling else ""


def judge(
    role: Role,
    processes: Mapping[str, ProcessStatus],
    outstanding: Sequence[Step],
    words: Mapping[str, str] | None = None,
) -> RoleState:
    """A role's state when nothing failed: from the steps that are left and from its processes.

    Args:
        role: the role.
        processes: statuses by name.
        outstanding: steps that are left.
        words: what the logs of failing processes end with, by the process's name.
    """
    statuses = [processes.get(spec.name) for spec in role.processes]
    ready = sum(1 for status in statuses if status and status.state == "ready")
    total = len(statuses) + len(outstanding)
    done = round(ready / total, 2) if total else 1.0
    logs = {spec.name: spec.log for spec in role.processes}
    for status in statuses:
        if status and status.state in FAILING:
            reason = f"{status.name.removeprefix('agent/')} is in state {status.state}: {status.reason}"
            if said := (words or {}).get(status.name):
                reason += f". Its log says: {said}"
            return RoleState("degraded", done=done, reason=reason, remedy=f"Look at {logs[status.name]} on the host.")
    if outstanding:
        return RoleState("converging", outstanding[0].text, done)
    for spec, status in zip(role.processes, statuses, strict=True):
        if not status or status.state != "ready":
            return RoleState("converging", f"Starting {spec.name.removeprefix('agent/')}", done)
    return RoleState("ok", done=1.0)


def merged_hosts(text: str, names: Iterable[str]) -> str:
    """The hosts file with each of these names leading to this machine; names that others mapped are left alone."""
    others, _ = _split_hosts(text)
    lines = others
    if missing := sorted(set(names) - _mapped(others)):
        lines = [*others, _BEGIN, *(f"127.0.0.1 {name}" for name in missing), _END]
    return "".join(f"{line}\n" for line in lines)


def own_names(text: str) -> set[str]:
    """The names that a hosts file maps because of the agent."""
    return _mapped(_split_hosts(text)[1])


def _split_hosts(text: str) -> tuple[list[str], list[str]]:
    """The lines of a hosts file that are others', and those that are the agent's."""
    lines = text.splitlines()
    if _BEGIN not in lines or _END not in lines[lines.index(_BEGIN) :]:
        return lines, []
    begin = lines.index(_BEGIN)
    end = lines.index(_END, begin)
    return lines[:begin] + lines[end + 1 :], lines[begin + 1 : end]


def _mapped(lines: Iterable[str]) -> set[str]:
    return {name for line in lines for name in line.partition("#")[0].split()[1:]}


def _make(made: Made) -> Run:
    return Run(made.command, f"Making {made.path}")


def _bridge(bridge: Bridge, seen: BridgeState | None, vsctl: tuple[str, ...]) -> list[Step]:
    steps: list[Step] = []
    settings = [f"datapath_type={bridge.datapath}", *(["fail_mode=secure"] if bridge.secure else [])]
    if seen is None:
        command = (*vsctl, "add-br", bridge.name, "--", "set", "Bridge", bridge.name, *settings, MADE)
        steps.append(Run(command, f"Making the bridge {bridge.name}"))
    elif seen.datapath != bridge.datapath or (bridge.secure and not seen.secure):
        command = (*vsctl, "set", "Bridge", bridge.name, *settings)
        steps.append(Run(command, f"Setting the bridge {bridge.name} up"))
    return steps
