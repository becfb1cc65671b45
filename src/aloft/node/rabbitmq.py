"""The node's RabbitMQ: one broker for all customers, each in its own virtual host.

``initialise`` lays out what the broker needs, ``process`` declares it. What is done in the running broker (virtual
hosts, users) is in :mod:`aloft.node.broker`.

Starting is the slow part of RabbitMQ, and every client waits for it after a crash. It is started differently from its
package, which takes 9 s on a 2-core machine:

- Erlang looks for each module in every folder of its code path. Here that path holds links to the libraries that are
  needed instead of all of the package's plugins.
- RabbitMQ loads some 1,500 modules one by one, and each load copies Erlang's export tables. Here they are loaded by
  the hundred first.
- Erlang's port mapper (epmd) is not used, as the only node there is has a fixed port. RabbitMQ sees to the port mapper
  only when it starts Erlang's distribution itself, so the virtual machine starts it.
"""

import hashlib
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from aloft.base import files
from aloft.base.accounts import account
from aloft.base.errors import PermanentError
from aloft.base.paths import Paths
from aloft.base.rendering import render
from aloft.supervise.spec import Probe, ProcessSpec

ADMINISTRATOR = "aloft"
_USER = "rabbitmq"
_ERLANG = Path("/usr/lib/erlang")
_PACKAGE = Path("/usr/lib/rabbitmq/lib")
_MIB = 1024 * 1024
_PRELOADED_OTP = (
    "asn1",
    "compiler",
    "crypto",
    "inets",
    "mnesia",
    "os_mon",
    "public_key",
    "ssl",
    "syntax_tools",
    "xmerl",
)
_BATCH = 100
_ALLOCATORS = (
    "+W", "w", "+MBas", "ageffcbf", "+MHas", "ageffcbf", "+MBlmbcs", "512", "+MHlmbcs", "512", "+MMmcs", "30",
)  # fmt: skip
# RabbitMQ would start another Erlang each minute to see to it that the port mapper runs.
_WITHOUT_PORT_MAPPER = "supervisor:terminate_child(rabbit_sup, rabbit_epmd_monitor_sup)."
_NO_BUSY_WAITING = ("+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none")


@dataclass(frozen=True)
class Settings:
    """How the broker is run; all ports are on 127.0.0.1.

    Args:
        amqp_port: for clients.
        management_port: HTTP API.
        distribution_port: Erlang's own, for ``rabbitmqctl``.
        node: Erlang's name of it.
        memory_mib: publishers are held back above this.
        schedulers: threads that run Erlang code.
        log_level: least severe level that is logged.
    """

    amqp_port: int = 7672
    management_port: int = 7673
    distribution_port: int = 7674
    node: str = "aloft@localhost"
    memory_mib: int = 1024
    schedulers: int = 2
    log_level: str = "warning"

    @classmethod
    def for_machine(cls) -> "Settings":
        """Dimensions that fit this machine: 1/8 of its memory (512 MiB to 8 GiB), at most 8 schedulers."""
        memory_mib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MIB
        return cls(memory_mib=min(8192, max(512, memory_mib // 8)), schedulers=min(8, os.cpu_count() or 1))


def initialise(paths: Paths, settings: Settings) -> None:
    """Make folders, cookie, configuration and the administrator's password; idempotent, to be called before each start.

    Raises:
        PermanentError: the package is missing.
    """
    owner = account(_USER)
    for above in (paths.state, paths.run, paths.log):
        files.folder(above, mode=0o711)
    home, run = _home(paths), _run(paths)
    files.folder(home, mode=0o700, owner=owner.user, group=owner.group)
    files.folder(run, mode=0o755)
    cookie = home / ".erlang.cookie"
    if not cookie.exists():
        files.write(cookie, secrets.token_hex(32), mode=0o400, owner=owner.user, group=owner.group)
    _drop_empty_cluster_files(home / "mnesia")
    text = render(
        "aloft.node", "rabbitmq.conf.j2", settings=settings, administrator=ADMINISTRATOR, password=_new_password(paths)
    )
    files.write(_configuration_file(paths), text, mode=0o640, group=owner.group)
    files.write(run / "enabled_plugins", "[rabbitmq_management].\n", mode=0o644)
    _link_libraries(run / "plugins")


def process(paths: Paths, settings: Settings) -> ProcessSpec:
    """Declare the broker. It stops politely on SIGTERM and answers AMQP when it is ready."""
    owner = account(_USER)
    return ProcessSpec(
        name="rabbitmq",
        log=paths.log / "rabbitmq.log",
        command=_command(settings),
        user=owner.user,
        group=owner.group,
        env=_environment(paths, settings),
        cwd=_home(paths),
        ready=Probe("tcp", f"127.0.0.1:{settings.amqp_port}"),
        start_timeout=120.0,
        stop_timeout=30.0,
        oom_score_adj=-500,
    )


def administrator_password(paths: Paths) -> str:
    """The password of the broker's administrator.

    Raises:
        PermanentError: ``initialise`` has not been called.
    """
    try:
        return _secret_file(paths).read_text()
    except FileNotFoundError as error:
        raise PermanentError("The broker has no administrator's password yet.", "Start the node.") from error


def _command(settings: Settings) -> tuple[str, ...]:
    port, schedulers = str(settings.distribution_port), str(settings.schedulers)
    return (
        str(_ERLANG / "bin/erl"), "-noinput", "-boot", "start_sasl",
        "-eval", _preload(), "-s", "rabbit", "boot", "-eval", _WITHOUT_PORT_MAPPER,
        "-sname", settings.node, "-start_epmd", "false", "-erl_epmd_port", port,
        "-kernel", "inet_dist_listen_min", port, "inet_dist_listen_max", port,
        "-kernel", "inet_dist_use_interface", "{127,0,0,1}", "-kernel", "prevent_overlapping_partitions", "false",
        "-syslog", "logger", "[]", "-syslog", "syslog_error_logger", "false",
        *_ALLOCATORS, *_NO_BUSY_WAITING, "+P", "1048576", "+t", "5000000", "+stbt", "u", "+zdbbl", "128000",
        "+S", f"{schedulers}:{schedulers}",
    )  # fmt: skip


def _preload() -> str:
    """An Erlang expression that loads the modules of RabbitMQ's and some of Erlang's libraries, many at a time.

    A batch is loaded by a process of its own, whose memory is given back; all in one batch would keep 90 MB for good.
    """
    wanted = "/plugins/|" + "|".join(f"/{name}-[0-9]" for name in _PRELOADED_OTP)
    return (
        "Load = fun(_, []) -> ok; (Next, Modules) -> "
        f"{{Batch, Rest}} = lists:split(min({_BATCH}, length(Modules)), Modules), "
        "{_, Loader} = spawn_monitor(fun() -> code:ensure_modules_loaded(Batch) end), "
        "receive {'DOWN', Loader, _, _, _} -> Next(Next, Rest) end end, "
        'Load(Load, [list_to_atom(filename:basename(File, ".beam")) || Folder <- code:get_path(), '
        f're:run(Folder, "{wanted}") =/= nomatch, File <- filelib:wildcard("*.beam", Folder)]).'
    )


def _environment(paths: Paths, settings: Settings) -> dict[str, str]:
    home, run = _home(paths), _run(paths)
    template = render("aloft.node", "rabbitmq.conf.j2", settings=settings, administrator=ADMINISTRATOR, password="")
    return {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C.UTF-8",
        "HOME": str(home),
        "ERL_LIBS": str(run / "plugins"),
        "ERL_MAX_ETS_TABLES": "50000",
        "ERL_MAX_PORTS": "65536",
        "ERL_CRASH_DUMP_BYTES": "0",
        "ERL_EPMD_PORT": "1",
        "SYS_PREFIX": "",
        "RUNNING_UNDER_SYSTEMD": "true",
        "RABBITMQ_NODENAME": settings.node,
        "RABBITMQ_DIST_PORT": str(settings.distribution_port),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_CONFIG_FILE": str(_configuration_file(paths)),
        "RABBITMQ_CONFIG_FILES": str(run / "none"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(run / "none.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(run / "enabled_plugins"),
        "RABBITMQ_PLUGINS_DIR": str(run / "plugins"),
        "RABBITMQ_MNESIA_BASE": str(home),
        "RABBITMQ_MNESIA_DIR": str(home / "mnesia"),
        "RABBITMQ_FEATURE_FLAGS_FILE": str(home / "feature_flags"),
        "RABBITMQ_PID_FILE": str(home / "pid"),
        "RABBITMQ_LOGS": "-",
        "ALOFT_CONFIGURATION": hashlib.sha256(template.encode()).hexdigest()[:16],
    }


def _home(paths: Paths) -> Path:
    return paths.state / "rabbitmq"


def _run(paths: Paths) -> Path:
    return paths.run / "rabbitmq"


def _configuration_file(paths: Paths) -> Path:
    return paths.state / "rabbitmq.conf"


def _secret_file(paths: Paths) -> Path:
    return paths.state / "rabbitmq.secret"


def _new_password(paths: Paths) -> str:
    """The administrator's password, made if there is none yet."""
    target = _secret_file(paths)
    if not target.exists():
        files.write(target, secrets.token_hex(24), mode=0o600)
    return target.read_text()


def _drop_empty_cluster_files(mnesia: Path) -> None:
    """A power cut may leave these empty, and RabbitMQ refuses to start with them; without them it makes them again."""
    for name in ("cluster_nodes.config", "nodes_running_at_shutdown"):
        file = mnesia / name
        if file.is_file() and file.stat().st_size == 0:
            file.unlink()


def _link_libraries(target: Path) -> None:
    """Make a folder of links to the libraries that RabbitMQ and its management plugin need, and to no others."""
    needed = _needed(_libraries())
    files.folder(target, mode=0o755)
    for link in target.iterdir():
        if link.name not in needed or link.readlink() != needed[link.name]:
            link.unlink()
    for name, library in needed.items():
        if not (target / name).is_symlink():
            (target / name).symlink_to(library)


def _libraries() -> dict[str, Path]:
    """The libraries of the package by their names without version."""
    found = {
        folder.name.rsplit("-", 1)[0]: folder for folder in sorted(_PACKAGE.glob("rabbitmq_server-*/plugins/*-[0-9]*"))
    }
    if "rabbit" not in found:
        raise PermanentError("RabbitMQ is not installed.", "Install the package rabbitmq-server.")
    return found


def _needed(libraries: dict[str, Path]) -> dict[str, Path]:
    """Follow the dependencies that each library's ``.app`` file names; link name to folder."""
    needed: dict[str, Path] = {}
    waiting = ["rabbit", "rabbitmq_management"]
    while waiting:
        name = waiting.pop()
        library = libraries.get(name)
        if library is None or library.name in needed:
            continue
        needed[library.name] = library
        declared = re.search(r"\{applications,\s*\[(.*?)\]", (library / f"ebin/{name}.app").read_text(), re.DOTALL)
        waiting += [word.strip() for word in declared.group(1).split(",")] if declared else []
    return needed
