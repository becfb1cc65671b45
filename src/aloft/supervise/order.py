"""What must come before what. Pure functions over specifications."""

import re
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from aloft.base.errors import InvalidInput
from aloft.supervise.spec import ProcessSpec

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]*")


def check(spec: ProcessSpec) -> None:
    """Check what types cannot say.

    Raises:
        InvalidInput: the specification contradicts itself.
    """
    for what, path in (("name", spec.name), ("control group", spec.cgroup or "none")):
        if not all(_PART.fullmatch(part) for part in path.split("/")):
            raise InvalidInput(f"The {what} {path!r} of a process has characters other than letters, digits and _.@-/.")
    if bool(spec.command) == bool(spec.zygote):
        raise InvalidInput(f"The process {spec.name} must have either a command or a zygote.")
    if spec.command and not spec.command[0].startswith("/"):
        raise InvalidInput(f"The command of {spec.name}, {spec.command[0]!r}, is not an absolute path.")
    if bool(spec.entry) != bool(spec.zygote):
        raise InvalidInput(f"The process {spec.name} must have an entry if, and only if, it has a zygote.")
    if spec.ready.kind == "command" and not spec.ready.command:
        raise InvalidInput(f"The process {spec.name} is probed by a command that is empty.")


def layers(specs: Mapping[str, ProcessSpec]) -> list[list[str]]:
    """Names in the order of starting: each layer needs only those before it. Stop in the opposite order.

    Names in ``after`` that are not among ``specs`` are left out of account.

    Raises:
        InvalidInput: processes wait for each other in a circle.
    """
    sorter: TopologicalSorter[str] = TopologicalSorter(
        {name: [other for other in spec.after if other in specs] for name, spec in specs.items()}
    )
    try:
        sorter.prepare()
    except CycleError as error:
        raise InvalidInput(f"Processes wait for each other in a circle: {' → '.join(error.args[1])}.") from error
    found: list[list[str]] = []
    while sorter.is_active():
        ready = sorter.get_ready()
        found.append(sorted(ready))
        sorter.done(*ready)
    return found


def by_name(specs: Iterable[ProcessSpec]) -> dict[str, ProcessSpec]:
    """Index checked specifications.

    Raises:
        InvalidInput: one is wrong, or two have the same name.
    """
    found: dict[str, ProcessSpec] = {}
    for spec in specs:
        check(spec)
        if spec.name in found:
            raise InvalidInput(f"Two processes are called {spec.name}.")
        found[spec.name] = spec
    return found
