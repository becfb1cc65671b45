"""How a service is declared: processes, databases, endpoints, config and health check, in one value.

Adding a service to Aloft is adding one :class:`Service` to :data:`aloft.controller.services.ALL`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aloft.controller.context import Context, Slot
from aloft.supervise.spec import ALIVE, Probe

Files = Mapping[str, str]
"""Config files: name below the controller's ``conf`` folder → content."""


@dataclass(frozen=True)
class Endpoint:
    """An entry of the catalog and a name at the edge.

    Args:
        type: service type in Keystone's catalog; empty for a name that is not in the catalog.
        label: first label of the DNS name.
        process: whose unix socket answers.
        path: path that the catalog's URL ends with.
        description: the catalog's description.
        check: path of a cheap authenticated list call that shows that the service works; empty for none.
    """

    label: str
    process: str
    type: str = ""
    path: str = ""
    description: str = ""
    check: str = ""


@dataclass(frozen=True)
class Process:
    """One process of a service.

    Either ``entry`` (forked from the zygote of the service's project) or ``command`` is given.

    Args:
        name: the process's and its socket's name.
        entry: ``package.module:function`` in the release's environment.
        arguments: keyword arguments of ``entry``.
        command: argument vector of a program.
        env: additions to the environment.
        after: names of the controller's processes that must be ready before.
        ready: how readiness is told.
        listens: names of the unix sockets that it is handed, which outlive it.
        sockets: unix sockets that it makes, by name, that the edge may connect to though the program makes them
            private.
        stop_timeout: seconds.
    """

    name: str
    entry: str = ""
    arguments: Callable[[Context], dict[str, str]] = lambda _: {}
    command: Callable[[Context], tuple[str, ...]] | None = None
    env: Callable[[Context], dict[str, str]] = lambda _: {}
    after: tuple[str, ...] = ()
    ready: Callable[[Context], Probe] = lambda _: Probe()
    listens: tuple[str, ...] = ()
    sockets: tuple[str, ...] = ()
    stop_timeout: float = 10.0


@dataclass(frozen=True)
class Service:
    """A service of a controller.

    Args:
        name: the project's usual name; also of its database, broker and Keystone users.
        project: which zygote its processes are forked from; empty when none is.
        within: the service whose process does its work too; empty when it has processes of its own.
        schemas: databases.
        copies: schemas that are copies of another one: ``{"nova_cell0": "nova"}``.
        migrate: commands that make the schemas, run in the release's environment, ``{conf}`` being the config folder.
        upgrade: by schema the command that brings it to the release later, where that is not the one in ``migrate``.
        online: commands that carry rows over to a newer release's form, for when the schemas are migrated.
        status: the command that tells whether a controller can be upgraded to its release.
        rows: statements, by schema, that make a slot's copy of a database its own; each may be run again.
        broker: whether it has a broker user.
        roles: Keystone roles of its user in the service project; empty when it has no user.
        endpoints: catalog and edge.
        processes: what runs.
        files: config files.
        prepare: makes what must lie in the slot's folders before the first start; runs as root, idempotent.
        scope: ``customer`` services run once, in the region that hosts the customer's Keystone.
        optional: may be switched off.
        default: whether an optional service is on when nobody says.
    """

    name: str
    project: str = ""
    within: str = ""
    schemas: tuple[str, ...] = ()
    copies: Mapping[str, str] = field(default_factory=dict)
    migrate: tuple[tuple[str, ...], ...] = ()
    upgrade: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    online: tuple[tuple[str, ...], ...] = ()
    status: tuple[str, ...] = ()
    rows: Callable[[Slot], Mapping[str, tuple[str, ...]]] = lambda _: {}
    broker: bool = False
    roles: tuple[str, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    processes: tuple[Process, ...] = ()
    files: Callable[[Context], Files] = lambda _: {}
    prepare: Callable[[Context], None] = lambda _: None
    scope: str = "region"
    optional: bool = False
    default: bool = True


def accepts(name: str) -> Callable[[Context], Probe]:
    """Ready when the process's unix socket accepts connections."""
    return lambda context: Probe("unix", str(context.slot.socket(name)))


def answers(name: str) -> Callable[[Context], Probe]:
    """Ready when requests on the process's unix socket are taken from the queue and answered.

    That it accepts connections would tell nothing of a socket that outlives the process.
    """
    return lambda context: Probe("http-unix", f"{context.slot.socket(name)}:{ALIVE}")
