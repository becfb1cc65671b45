"""A second datacenter on this machine: a machine of its own, with an Aloft that knows nothing of the first one's.

It shares the installed programs with this machine, so that it comes up without installing anything. It keeps backups of
others as a second datacenter shall: behind an SSH server, for a key with which things can be added and not deleted.
"""

import json
import shutil
import subprocess
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
UP_SECONDS = 600.0
RESTORE_SECONDS = 1800.0

SSHD = """
ListenAddress {address}:22
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized
StrictModes no
UsePAM no
PidFile none
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
        self.machine = Machine(folder / "machine", NAME, PRIVATE)
        cable(self.machine, CARD, f"{ADDRESS}/24", NEAR, near_address=NEAR_ADDRESS)
        # the control groups there are the first one's
        self.machine.run("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", "/sys/fs/cgroup")

    def keep_backups(self) -> Shelf:
        """Have room for another's backups, to which it can add.

        Raises:
            Conflict: this machine lacks what that needs.
        """
        if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
            raise Conflict(
                f"This machine has no {', '.join(missing)}.", "Install them: apt-get install openssh-server rclone"
            )
        shelf = self._folder / "shelf"
        shelf.mkdir()
        for name in ("key", "host"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", shelf / name], check=True)
        command = f"rclone serve restic --stdio --append-only {shelf / 'data'}"
        (shelf / "authorized").write_text(f'restrict,command="{command}" ' + (shelf / "key.pub").read_text())
        (shelf / "known").write_text(f"{ADDRESS} {(shelf / 'host.pub').read_text()}")
        (shelf / "sshd.conf").write_text(SSHD.format(address=ADDRESS, folder=shelf))
        self.machine.run("mkdir", "-p", "/run/sshd")
        self.machine.run("/usr/sbin/sshd", "-f", str(shelf / "sshd.conf"))
        url = f"append:root@{ADDRESS}:{shelf / 'data'}"
        return Shelf(url, shelf / "data", shelf / "key", shelf / "known")

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

    def close(self) -> None:
        """Switch everything off."""
        self.machine.close()
        subprocess.run(["ip", "link", "delete", NEAR], check=False, capture_output=True)
