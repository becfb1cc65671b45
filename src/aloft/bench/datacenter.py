"""A second datacenter on this machine: a machine of its own, with an Aloft that knows nothing of the first one's.

It shares the installed programs with this machine, so that it comes up without installing anything. It keeps backups of
others as a second datacenter shall: behind an SSH server, for a key with which things can be added and not deleted.
"""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aloft.base.errors import Conflict, PermanentError
from aloft.base.paths import Paths
from aloft.bench.machines import Machine, cable

PRIVATE = ("run", "var/lib/aloft", "var/log/aloft", "usr/local/share/ca-certificates", "usr/local/bin")
NAME, CARD, NEAR = "aloft-second", "eth0", "aloft-second"
ADDRESS, NEAR_ADDRESS = "10.216.0.2", "10.216.0.1/24"
PROGRAMS = ("/usr/sbin/sshd", "ssh-keygen", "rclone")
SSH_PORT = 2222
UP_SECONDS = 600.0
RESTORE_SECONDS = 1800.0

SSHD = """
ListenAddress {address}:{port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized
StrictModes no
UsePAM no
PidFile {folder}/sshd.pid
PermitRootLogin prohibit-password
"""


@dataclass(frozen=True)
class Shelf:
    """Where a datacenter keeps another's backups.

    Args:
        url: as the other reaches it.
        folder: as it lies here.
        key: file with the key that may add to it.
        known_hosts: file with the key of the far side.
    """

    url: str
    folder: Path
    key: Path
    known_hosts: Path


class Datacenter:
    """A second datacenter.

    Args:
        folder: for its files.
        paths: where the Aloft of this machine lies.
        domain: the DNS domain of both.
    """

    def __init__(self, folder: Path, paths: Paths, domain: str) -> None:
        self._folder = folder
        self._program = str(paths.opt / "tool/bin/aloft")
        self._domain = domain
        self._near = folder / "near-shelf"
        self.machine = Machine(folder / "machine", NAME, PRIVATE)
        cable(self.machine, CARD, f"{ADDRESS}/24", NEAR, near_address=NEAR_ADDRESS)
        # the control groups there are the first one's
        self.machine.run("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", "/sys/fs/cgroup")

    def keep_backups(self) -> Shelf:
        """Have room for another's backups, to which it can add.

        Raises:
            Conflict: this machine lacks what that needs.
        """
        return _shelf(self._folder / "shelf", ADDRESS, self.machine.run)

    def keep_backups_near(self) -> Shelf:
        """Have room on this machine for backups of both, to which both can add.

        Raises:
            Conflict: this machine lacks what that needs.
        """
        return _shelf(self._near, NEAR_ADDRESS.partition("/")[0], _run)

    def up(self) -> None:
        """Bring its Aloft up, as a person does on a fresh machine there.

        Raises:
            PermanentError: it does not come up.
        """
        self.machine.run(self._program, "up", "--no-demo", "--domain", self._domain, seconds=UP_SECONDS)

    def aloft(self, *words: str) -> str:
        """What a command says there.

        Raises:
            PermanentError: it fails.
        """
        return self.machine.run(self._program, *words)

    def restore_all(self, repository: str, shelf: Shelf, password: Path) -> Any:
        """Bring all customers back that lie there; what the command says, whether all came or not.

        Raises:
            PermanentError: it says nothing.
        """
        where = ("--repository", repository, "--url", str(shelf.folder), "--password-file", str(password))
        words = (self._program, "backup", "restore-all", *where, "--yes", "--json")
        said = self.machine.run(*words, check=False, seconds=RESTORE_SECONDS)
        if not said:
            raise PermanentError("The second datacenter did not restore anything.", f"See the logs in {self._folder}.")
        return json.loads(said)

    def lose(self) -> None:
        """Have nothing run there any more, and nothing come back."""
        self.machine.run("sh", "-c", "kill -9 -1", check=False)

    def close(self) -> None:
        """Switch everything off."""
        self.machine.close()
        if (pid := self._near / "sshd.pid").exists():
            os.kill(int(pid.read_text()), signal.SIGTERM)
        subprocess.run(["ip", "link", "delete", NEAR], check=False, capture_output=True)


def _shelf(folder: Path, address: str, run: Callable[..., object]) -> Shelf:
    """Keep backups behind an SSH server at an address; ``run`` starts it on its machine.

    Raises:
        Conflict: this machine lacks what that needs.
    """
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        raise Conflict(
            f"This machine has no {', '.join(missing)}.", "Install them: apt-get install openssh-server rclone"
        )
    folder.mkdir()
    for name in ("key", "host"):
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name))
    command = f"rclone serve restic --stdio --append-only {folder / 'data'}"
    (folder / "authorized").write_text(f'restrict,command="{command}" ' + (folder / "key.pub").read_text())
    (folder / "known").write_text(f"[{address}]:{SSH_PORT} {(folder / 'host.pub').read_text()}")
    (folder / "sshd.conf").write_text(SSHD.format(address=address, port=SSH_PORT, folder=folder))
    run("mkdir", "-p", "/run/sshd")
    run("/usr/sbin/sshd", "-f", str(folder / "sshd.conf"))
    url = f"append://root@{address}:{SSH_PORT}/{folder / 'data'}"
    return Shelf(url, folder / "data", folder / "key", folder / "known")


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
