"""Control groups (cgroup v2, see the kernel's ``admin-guide/cgroup-v2.rst``): who is together, and what they may use.

Every process that names a control group gets a leaf of its own below it, so that the whole of one process, whatever it
forked, can be ended at once; the limits are set on the named group::

    <base>/slots/3                      limits of the controller in slot 3
    <base>/slots/3/:slots:3:nova-api    one process and its descendants

Where the hierarchy can be written but has no controllers (they may be in use by version 1), grouping works and limits
do not. Where it cannot be written, processes are told apart by their sessions. Under systemd everything lies below our
own unit's group, which has to be delegated (``Delegate=yes``); the supervisor itself moves to a leaf there, because a
group that hands controllers to its children may hold no processes.
"""

import contextlib
import logging
import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from aloft.base.errors import InvalidInput
from aloft.supervise.spec import Limits, ProcessSpec

_log = logging.getLogger(__name__)

_CPU_PERIOD = 100_000
"""Microseconds."""

_WANTED = ("cpu", "memory", "pids")
_SUPERVISOR_LEAF = "supervisor"


@dataclass(frozen=True)
class Surroundings:
    """What a machine offers.

    Args:
        mount: where cgroup v2 is mounted, if it is.
        own: our own group, relative to the mount, ``/`` for the root.
        systemd: the machine was booted with systemd.
        delegated: systemd gave our own group to us.
        writable: our own group can be written.
        controllers: the controllers that our own group can hand on.
    """

    mount: Path | None
    own: str = "/"
    systemd: bool = False
    delegated: bool = False
    writable: bool = False
    controllers: frozenset[str] = frozenset()

    @classmethod
    def look(cls) -> "Surroundings":
        """Look at this machine."""
        mount = find_mount(Path("/proc/self/mounts").read_text())
        if mount is None:
            return cls(None)
        own = own_group(Path("/proc/self/cgroup").read_text())
        unit = own.removesuffix(f"/{_SUPERVISOR_LEAF}") or "/"
        folder = mount / unit.lstrip("/")
        try:
            controllers = frozenset((folder / "cgroup.controllers").read_text().split())
        except OSError:
            controllers = frozenset()
        return cls(
            mount=mount,
            own=unit,
            systemd=Path("/run/systemd/system").is_dir(),
            delegated=_delegated(folder),
            writable=_writable(folder),
            controllers=controllers,
        )


@dataclass(frozen=True)
class Placement:
    """Where control groups go.

    Args:
        base: the folder below which all are made, or ``None`` if there can be none.
        supervisor: the leaf that the supervisor has to move to first, if it has to.
        reason: why there is no base, or why limits are not enforced; empty if all is well.
        missing: limits that are not enforced: of ``cpu``, ``memory``, ``pids``.
    """

    base: Path | None
    supervisor: Path | None = None
    reason: str = ""
    missing: tuple[str, ...] = _WANTED


@dataclass(frozen=True)
class LimitsEnforced:
    """Whether limits hold; true if all do.

    Args:
        missing: the controllers whose limits do not hold.
        reason: why, for a person.
    """

    missing: tuple[str, ...]
    reason: str

    def __bool__(self) -> bool:
        """Whether all limits hold."""
        return not self.missing


def find_mount(mounts: str) -> Path | None:
    """Where cgroup v2 is mounted, from the text of ``/proc/mounts``."""
    for line in mounts.splitlines():
        _, target, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(target)
    return None


def own_group(text: str) -> str:
    """The caller's own v2 group, from the text of ``/proc/self/cgroup``; ``/`` if none is told."""
    for line in text.splitlines():
        if line.startswith("0::"):
            return line[3:]
    return "/"


def place(around: Surroundings, name: str) -> Placement:
    """Decide where the groups of the supervisor called ``name`` go."""
    if around.mount is None:
        return Placement(None, reason="cgroup v2 is not mounted on this machine")
    if around.systemd and not around.delegated:
        return Placement(None, reason=f"systemd has not delegated {around.own} (Delegate=yes in the unit)")
    if not around.writable:
        return Placement(None, reason=f"the control group {around.own} cannot be written")
    folder = around.mount / around.own.lstrip("/")
    missing = tuple(item for item in _WANTED if item not in around.controllers)
    reason = f"cgroup v2 has no {', '.join(missing)} controller here (version 1 may hold it)" if missing else ""
    supervisor = None if around.own == "/" else folder / _SUPERVISOR_LEAF
    return Placement(folder / name, supervisor, reason, missing)


def settings(limits: Limits) -> dict[str, dict[str, str]]:
    """What to write to enforce limits: files and contents by controller."""
    cores = limits.cpu_cores
    return {
        "memory": {"memory.max": "max" if limits.memory_mib is None else str(limits.memory_mib * 1024 * 1024)},
        "cpu": {"cpu.max": f"{'max' if cores is None else int(cores * _CPU_PERIOD)} {_CPU_PERIOD}"},
        "pids": {"pids.max": "max" if limits.processes is None else str(limits.processes)},
    }


def merge(several: Iterable[Limits]) -> Limits:
    """The limits of a group from what its processes say: who says nothing follows the others.

    Raises:
        InvalidInput: two of them disagree.
    """
    merged: dict[str, int | float] = {}
    for limits in several:
        for item in fields(Limits):
            value = getattr(limits, item.name)
            if value is not None and merged.setdefault(item.name, value) != value:
                raise InvalidInput(
                    f"processes of one control group disagree on {item.name}: {merged[item.name]}, {value}."
                )
    return Limits(**merged)  # type: ignore[arg-type]  # each value comes from the field of the same name


def leaf_name(spec: ProcessSpec) -> str | None:
    """The leaf of a process below the base, or ``None`` if it wants none.

    A zygote's child always gets one: it would stay in the zygote's group otherwise, and end with it.
    """
    group = spec.cgroup or ("loose" if spec.zygote else "")
    return f"{group}/:{spec.name.replace('/', ':')}" if group else None


class Cgroups:
    """The control groups of one supervisor.

    Args:
        placement: where they are.
    """

    def __init__(self, placement: Placement) -> None:
        self.base = placement.base
        self._placement = placement
        self._trouble = ""

    @classmethod
    def detect(cls, name: str) -> "Cgroups":
        """Use what this machine offers; ``name`` keeps supervisors apart, two may not share one."""
        return cls(place(Surroundings.look(), name))

    @classmethod
    def none(cls, reason: str = "control groups are not wanted") -> "Cgroups":
        """Do without."""
        return cls(Placement(None, reason=reason))

    @property
    def limits_enforced(self) -> LimitsEnforced:
        """Whether limits hold on this machine, and if not, why."""
        if self._trouble:
            return LimitsEnforced(_WANTED, self._trouble)
        return LimitsEnforced(self._placement.missing, self._placement.reason)

    def prepare_base(self) -> None:
        """Make the base and, where we must, step out of the way into a leaf."""
        if self.base is None:
            return
        try:
            if self._placement.supervisor:
                self._placement.supervisor.mkdir(exist_ok=True)
                (self._placement.supervisor / "cgroup.procs").write_text("0")
            self.base.mkdir(exist_ok=True)
        except OSError as error:
            _log.warning("Control groups cannot be used: %s", error)
            self._placement = Placement(None, reason=f"{self.base} cannot be used: {error.strerror}")
            self.base = None

    def leaf(self, spec: ProcessSpec) -> Path | None:
        """The folder of a process's own group, if it has one."""
        name = leaf_name(spec)
        return self.base / name if self.base and name else None

    def prepare(self, spec: ProcessSpec, limits: Limits) -> Path | None:
        """Make a process's leaf and set the limits of the group that it is in.

        Raises:
            OSError: the leaf cannot be made.
        """
        leaf = self.leaf(spec)
        if leaf is None:
            return None
        leaf.mkdir(parents=True, exist_ok=True)
        if spec.cgroup:
            self.limit(spec.cgroup, limits)
        return leaf

    def limit(self, group: str, limits: Limits) -> None:
        """Set the limits of a group that exists, as far as the machine enforces them."""
        if self.base is None or not (folder := self.base / group).is_dir():
            return
        wanted = {key: files for key, files in settings(limits).items() if key not in self._placement.missing}
        try:
            for ancestor in self._ancestors(folder):
                _hand_on(ancestor, wanted)
            for files in wanted.values():
                for file, text in files.items():
                    if (folder / file).read_text().strip() != text:
                        (folder / file).write_text(text)
            self._trouble = ""
        except OSError as error:
            self._trouble = f"limits of {folder} cannot be set: {error.strerror}"
            _log.warning("Limits are not enforced: %s", self._trouble)

    def _ancestors(self, folder: Path) -> Iterator[Path]:
        """From the base's parent down to the parent of ``folder``."""
        base = self.base
        if base is None:
            return
        for ancestor in reversed(folder.parents):
            if ancestor == base.parent or ancestor.is_relative_to(base):
                yield ancestor

    def leaves(self) -> list[Path]:
        """All leaves, those of vanished supervisors included."""
        return [folder for folder in self.base.rglob("*:*") if folder.is_dir()] if self.base else []

    def discard(self, leaf: Path) -> None:
        """Remove an empty leaf, and the groups above it that it leaves empty."""
        with contextlib.suppress(OSError):
            while self.base and leaf != self.base and leaf.is_relative_to(self.base):
                leaf.rmdir()
                leaf = leaf.parent

    def discard_base(self) -> None:
        """Remove the base if nothing is left in it."""
        with contextlib.suppress(OSError):
            if self.base:
                self.base.rmdir()


def members(leaf: Path) -> list[int]:
    """Process ids in a group; none if it does not exist."""
    try:
        return [int(pid) for pid in (leaf / "cgroup.procs").read_text().split()]
    except OSError:
        return []


def kill(leaf: Path) -> None:
    """Kill everything in a group at once."""
    try:
        (leaf / "cgroup.kill").write_text("1")
    except FileNotFoundError:  # no such group, or a kernel before 5.14
        for pid in members(leaf):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _hand_on(folder: Path, controllers: Iterable[str]) -> None:
    file = folder / "cgroup.subtree_control"
    active = set(file.read_text().split())
    if lacking := sorted(set(controllers) - active):
        file.write_text(" ".join(f"+{name}" for name in lacking))


def _delegated(folder: Path) -> bool:
    """See systemd's CGROUP_DELEGATION.md: it marks delegated groups with an extended attribute."""
    for attribute in ("trusted.delegate", "user.delegate"):
        with contextlib.suppress(OSError):
            if os.getxattr(folder, attribute) == b"1":
                return True
    return False


def _writable(folder: Path) -> bool:
    """Root's access checks always pass, so a folder is made and removed."""
    attempt = folder / f"aloft-attempt-{os.getpid()}"
    try:
        attempt.mkdir()
        attempt.rmdir()
    except OSError:
        return False
    return True
