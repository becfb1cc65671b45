"""Separate machines on one: namespaces of their own for mounts, network, processes and names, with cables between."""

import os
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path

from aloft.base.errors import PermanentError


class Machine:
    """A machine: a process that holds the namespaces, and commands in them.

    Args:
        folder: where its own files lie.
        name: its host name.
        private: folders, relative to the root, that are its own and empty at first; others are shared with this one.
    """

    def __init__(self, folder: Path, name: str, private: Iterable[str]) -> None:
        self.root = folder
        self.name = name
        for path in private:
            (self.root / path).mkdir(parents=True)
        mounts = "\n".join(f"mkdir -p /{path}; mount --bind {self.root}/{path} /{path}" for path in private)
        # /etc is overlaid by a copy, so that /etc/hosts can be replaced by a rename
        script = f"""
            set -e
            mkdir {self.root}/etc
            cp -a /etc/. {self.root}/etc/
            rm -rf {self.root}/etc/openvswitch {self.root}/etc/libvirt/qemu {self.root}/etc/aloft
            mkdir {self.root}/etc/openvswitch {self.root}/etc/libvirt/qemu
            echo '127.0.0.1 localhost {name}' >{self.root}/etc/hosts
            echo {name} >{self.root}/etc/hostname
            head -c 16 /dev/urandom | md5sum | cut -c 1-32 >{self.root}/etc/machine-id
            mount --bind {self.root}/etc /etc
            {mounts}
            hostname {name}
            ip link set lo up
            echo up
            # as the namespace's first process it has to bury orphans, which a wait does
            while :; do sleep 3600 & wait $! || :; done
        """
        self.holder = subprocess.Popen(
            ["unshare", "-m", "-n", "-u", "-p", "-f", "--mount-proc", "--propagation", "private", "sh", "-c", script],
            stdout=subprocess.PIPE,
            text=True,
        )
        if self.holder.stdout is None or self.holder.stdout.readline() != "up\n":
            raise PermanentError(f"The machine {name} could not be made.", "Making machines needs root.")
        children = Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children").read_text().split()
        self.pid = int(children[0])

    def command(self, *command: str) -> list[str]:
        """A command line that runs a command in the machine."""
        return ["nsenter", f"--target={self.pid}", "-m", "-n", "-u", "-p", "--", *command]

    def run(self, *command: str, check: bool = True, seconds: float = 60.0, **env: str) -> str:
        """Run a command in the machine, and give what it printed; ``env`` is added to the environment.

        Raises:
            PermanentError: it failed, unless ``check`` is off.
        """
        done = subprocess.run(
            self.command(*command),
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
            env={**os.environ, **env},
        )
        if check and done.returncode:
            raise PermanentError(f"{' '.join(command)} failed on {self.name}: {done.stdout}{done.stderr}")
        return done.stdout

    def close(self) -> None:
        """End everything in the machine."""
        os.kill(self.pid, signal.SIGKILL)
        self.holder.wait()
        if self.holder.stdout:
            self.holder.stdout.close()


def cable(machine: Machine, card: str, address: str, near: str, near_address: str = "", bridge: str = "") -> None:
    """Give a machine a network card that leads here: to the device ``near``, which may be a port of a bridge.

    One that is left of a machine that was not switched off makes way. An empty address is none.
    """
    subprocess.run(["ip", "link", "delete", near], check=False, capture_output=True)
    ip("link", "add", near, "type", "veth", "peer", "name", card, "netns", str(machine.pid))
    if bridge:
        ip("link", "set", near, "master", bridge)
    if near_address:
        ip("address", "add", near_address, "dev", near)
    ip("link", "set", near, "up")
    if address:
        machine.run("ip", "address", "add", address, "dev", card)
    machine.run("ip", "link", "set", card, "up")


def ip(*arguments: str) -> None:
    """Run iproute2 here."""
    subprocess.run(["ip", *arguments], check=True)
