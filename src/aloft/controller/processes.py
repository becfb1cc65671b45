"""From declarations to process specifications, and to names at the edge: pure functions over a context."""

import hashlib
from collections.abc import Iterable

from aloft.base.builds import build
from aloft.controller.context import Context, Slot
from aloft.controller.declare import Process, Service
from aloft.controller.ports import Name, Names
from aloft.supervise.spec import Limits, ProcessSpec

SHARED = ("mariadb", "rabbitmq")
"""Names of the node's shared processes that a controller's services need."""


def zygote_name(environment: str, project: str) -> str:
    """The name of a zygote in the node's tree."""
    return f"zygotes/{environment}/{project}"


def group(slot: Slot) -> str:
    """The name of the group of a slot's processes in the node's tree."""
    return f"slots/{slot.number}"


def processes(context: Context, services: Iterable[Service]) -> tuple[ProcessSpec, ...]:
    """All processes of a controller."""
    services = tuple(services)
    present = {process.name for service in services for process in service.processes}
    return tuple(
        _specify(context, (service, *(one for one in services if one.within == service.name)), process, present)
        for service in services
        for process in service.processes
    )


def _specify(context: Context, inside: tuple[Service, ...], process: Process, present: set[str]) -> ProcessSpec:
    """What runs a process: of the first service ``inside``, and of those that live in it."""
    service, slot = inside[0], context.slot
    temporary = slot.state / "tmp" / process.name
    forked = bool(process.entry)
    after = [slot.process(name) for name in process.after if name in present]
    if forked:
        after.append(zygote_name(context.spec.environment, service.project))
    if service.schemas:
        after.append(SHARED[0])
    if service.broker:
        after.append(SHARED[1])
    return ProcessSpec(
        name=slot.process(process.name),
        log=slot.log / f"{process.name}.log",
        command=process.command(context) if process.command else (),
        zygote=str(slot.paths.zygote_socket(context.spec.environment, service.project)) if forked else "",
        entry=process.entry,
        arguments=process.arguments(context) if forked else {},
        user=slot.user,
        group=slot.user,
        env={
            "PATH": f"{context.environment}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(slot.state),
            "USER": f"slot{slot.number}",
            "LANG": "C.UTF-8",
            "TMPDIR": str(temporary),
            "OVS_RUNDIR": str(slot.run),
            **({"ALOFT_BUILD": build(context.environment)} if forked else {}),
            "ALOFT_CONFIGURATION": _digest(context, inside),
            **process.env(context),
        },
        cwd=slot.state,
        umask=0o007,
        after=tuple(after),
        ready=process.ready(context),
        stop_timeout=process.stop_timeout,
        cgroup=f"slots/{slot.number}",
        limits=Limits(context.spec.limits.memory_mib, context.spec.limits.cpu_cores, 2000),
        clear=(temporary,),
        listen=tuple(slot.socket(name) for name in process.listens),
    )


def _digest(context: Context, services: Iterable[Service]) -> str:
    """What the services' config files hold, in short: when that changes, their processes are replaced."""
    files = sorted(file for service in services for file in service.files(context).items())
    return hashlib.sha256(repr(files).encode()).hexdigest()[:16]


def open_sockets(context: Context, services: Iterable[Service]) -> dict[str, tuple[str, ...]]:
    """Sockets, by their process, that the edge must be able to connect to though the program makes them private."""
    return {
        context.slot.process(process.name): tuple(str(context.slot.socket(name)) for name in process.sockets)
        for service in services
        for process in service.processes
        if process.sockets
    }


LINKS = ("agent", "amqp", "db")
"""Names of each region that the edge serves for its hosts and that are not services of the controller."""


def names(context: Context, services: Iterable[Service], library: str = "") -> Names:
    """All names of a controller at the edge.

    Args:
        context: the controller.
        services: those that are on.
        library: where the region's image library takes image data, or empty.
    """
    slot = context.slot
    served = [
        Name(context.host(endpoint.label), slot.number, endpoint.label, str(slot.socket(endpoint.process)))
        for service in services
        for endpoint in service.endpoints
    ]
    served += [Name(context.host(label), slot.number, label) for label in LINKS]
    return Names(
        context.spec.customer, context.spec.region, slot.number, tuple(served), slot.state / "ca" / "ca.crt", library
    )


def endpoints(context: Context, services: Iterable[Service]) -> dict[str, str]:
    """Public URLs by catalog type."""
    return {
        endpoint.type: context.public(endpoint.label, endpoint.path)
        for service in services
        for endpoint in service.endpoints
        if endpoint.type
    }
