"""The node's MariaDB: one server for all customers, reached by a unix socket only.

``initialise`` lays out the folders, the configuration and, once, the data; ``process`` declares the server. What is
done in the running server (schemas, users, loading) is in :mod:`aloft.node.database`.

The system's ``root`` is the server's ``root`` (unix_socket authentication): there is no administrator's password. Every
other account is made by :class:`aloft.node.database.Database`.
"""

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from aloft.base import files
from aloft.base.accounts import account
from aloft.base.errors import PermanentError
from aloft.base.paths import Paths
from aloft.base.rendering import render
from aloft.supervise.spec import Probe, ProcessSpec

_USER = "mysql"
_SERVER = "/usr/sbin/mariadbd"
_INSTALL = "/usr/bin/mariadb-install-db"
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Settings:
    """How the server is dimensioned.

    Args:
        connections: most connections at once, of all customers.
        tables: how many tables stay open, and have their definition in memory (490 for each customer and warm clone).
        buffer_pool_mib: InnoDB's cache.
        redo_log_mib: InnoDB's log; larger means smoother writing and longer recovery.
    """

    connections: int = 2000
    tables: int = 16000
    buffer_pool_mib: int = 512
    redo_log_mib: int = 256

    @classmethod
    def for_machine(cls) -> "Settings":
        """Dimensions that fit this machine's memory: 1/32 of it for the buffer pool, 128 MiB to 8 GiB."""
        memory_mib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MIB
        return cls(buffer_pool_mib=min(8192, max(128, memory_mib // 32)))


def data_folder(paths: Paths) -> Path:
    """Where the server's data lies."""
    return paths.state / "mariadb"


def log_end(paths: Paths) -> tuple[int, int]:
    """How far the binary log goes, in which all that was committed is: the number of its file, and that one's bytes.

    It is told without the server, which may not run; zeros when there is no log yet.
    """
    index = data_folder(paths) / "binlog.index"
    if not index.exists() or not (names := index.read_text().split()):
        return 0, 0
    newest = data_folder(paths) / Path(names[-1]).name
    return int(newest.suffix[1:]), newest.stat().st_size if newest.exists() else 0


def configuration(paths: Paths, settings: Settings) -> str:
    """The server's configuration file."""
    run = paths.database_socket.parent
    return render(
        "aloft.node", "mariadb.cnf.j2", datadir=data_folder(paths), socket=paths.database_socket, run=run, user=_USER,
        settings=settings,
    )  # fmt: skip


def initialise(paths: Paths, settings: Settings) -> None:
    """Make folders, configuration and, where there is none yet, the data; idempotent, to be called before each start.

    The data is made beside its place and moved there when it is whole, so that an attempt that was cut short is redone.
    Blocks for about 3 s the first time.

    Raises:
        PermanentError: the package is missing, or the data cannot be made.
    """
    owner = account(_USER)
    run = paths.database_socket.parent
    files.folder(paths.state, mode=0o711)
    files.folder(paths.run, mode=0o711)
    files.folder(paths.log, mode=0o711)
    files.folder(run, mode=0o755, owner=owner.user, group=owner.group)
    files.folder(run / "tmp", mode=0o700, owner=owner.user, group=owner.group)
    files.write(_configuration_file(paths), configuration(paths, settings), mode=0o640, group=owner.group)
    data = data_folder(paths)
    if data.exists():
        return
    attempt = data.with_name("mariadb.new")
    shutil.rmtree(attempt, ignore_errors=True)
    files.folder(attempt, mode=0o700, owner=owner.user, group=owner.group)
    _install(attempt)
    attempt.rename(data)
    files.flush_folder(data.parent)


def process(paths: Paths, settings: Settings) -> ProcessSpec:
    """Declare the server. It starts as root to raise its limit of open files, and then becomes ``mysql``."""
    digest = hashlib.sha256(configuration(paths, settings).encode()).hexdigest()
    return ProcessSpec(
        name="mariadb",
        log=paths.log / "mariadb.log",
        command=(_SERVER, f"--defaults-file={_configuration_file(paths)}"),
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "ALOFT_CONFIGURATION": digest[:16]},
        ready=Probe("unix", str(paths.database_socket)),
        start_timeout=120.0,
        stop_timeout=60.0,
        clear=(paths.database_socket.parent / "tmp",),
        oom_score_adj=-600,
    )


def _configuration_file(paths: Paths) -> Path:
    return paths.state / "mariadb.cnf"


def _install(target: Path) -> None:
    command = [
        _INSTALL, "--no-defaults", f"--datadir={target}", f"--user={_USER}", "--skip-test-db", "--skip-name-resolve",
        "--auth-root-authentication-method=socket", "--auth-root-socket-user=root",
    ]  # fmt: skip
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    except FileNotFoundError as error:
        raise PermanentError("MariaDB is not installed.", "Install the package mariadb-server.") from error
    except subprocess.CalledProcessError as error:
        last = " ".join((error.stderr or error.stdout).split()[-40:])
        raise PermanentError(
            f"MariaDB's data could not be made in {target}: {last}", "Check the disk's space."
        ) from error
