"""The effects: looking at the host and carrying out steps. Everything here blocks; the agent calls it from a thread."""

import contextlib
import json
import os
import stat
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from aloft.base import files
from aloft.base.accounts import group as account_group
from aloft.base.errors import PermanentError, TemporaryError
from aloft.ground.facts import cards
from aloft.ground.layout import Layout
from aloft.ground.plan import BridgeState, Install, Observed, Provide, Run, Step, SwitchState, Write
from aloft.ground.roles.model import Device, File, Folder, Role
from aloft.ground.roles.switch import VSCTL

_COMMAND_TIMEOUT = 60
_INSTALL_TIMEOUT = 1200


def observe(role: Role, *, systemd: bool) -> Observed:
    """See how far what a role needs before its processes is there."""
    return Observed(
        installed=_installed(role.packages),
        units=_running_units([unit.name for unit in role.units]) if systemd else frozenset(),
        folders=frozenset(folder.path for folder in role.folders if _folder_is(folder)),
        files=frozenset(file.path for file in role.files if _file_is(file)),
        made=frozenset(made.path for made in role.made if made.path.exists()),
        devices=frozenset(device.path for device in role.devices if _device_is(device)),
    )


def carry_out(step: Step) -> None:
    """Do a step.

    Raises:
        TemporaryError: it may succeed another time.
        PermanentError: it will not by itself.
    """
    match step:
        case Install():
            _install(step.packages)
        case Provide(folder):
            files.folder(folder.path, mode=folder.mode, owner=folder.owner, group=folder.group)
        case Write(file):
            files.write(file.path, file.content, mode=file.mode, owner=file.owner, group=file.group)
        case Run():
            outcome = _run(step.command)
            if outcome.returncode:
                raise TemporaryError(f"{step.text} failed: {_complaint(outcome)}", "The agent tries again.")


def attempt(commands: Sequence[tuple[str, ...]]) -> None:
    """Run commands until one succeeds. What a program did that is not on the machine needs not be taken back.

    Raises:
        TemporaryError: none did; it says what the last one complained of.
    """
    complaint = ""
    for command in commands:
        if not Path(command[0]).exists():
            continue
        try:
            outcome = _run(command)
        except TemporaryError as error:
            complaint = error.message.rstrip(".")
            continue
        if outcome.returncode == 0:
            return
        complaint = f"{Path(command[0]).name} failed: {_complaint(outcome).rstrip('.')}"
    if complaint:
        raise TemporaryError(f"{complaint}.", "The agent tries again.")


def switch_state(layout: Layout) -> SwitchState | None:
    """Open vSwitch as it is; ``None`` while it does not answer."""
    if not layout.switch_socket.exists():
        return None
    base = (*VSCTL[:1], "--timeout=3", f"--db=unix:{layout.switch_socket}", "--format=json")
    try:
        ids = _table(_run((*base, "--columns=external_ids", "list", "Open_vSwitch")))
        rows = _table(_run((*base, "--columns=name,datapath_type,fail_mode,external_ids", "list", "Bridge")))
        ports = {row["name"]: _run((*base[:3], "list-ports", row["name"])).stdout.split() for row in rows}
        links = {card.name: card for card in cards(_run(("/usr/sbin/ip", "-json", "address", "show")).stdout)}
        up = _up_links()
    except (TemporaryError, ValueError):
        return None
    return SwitchState(
        external_ids=ids[0]["external_ids"] if ids else {},
        bridges={
            row["name"]: BridgeState(
                datapath=row["datapath_type"] or "system",
                secure=row["fail_mode"] == "secure",
                ports=frozenset(ports[row["name"]]),
                addresses=frozenset(links[row["name"]].addresses) if row["name"] in links else frozenset(),
                up=row["name"] in up,
                made=row["external_ids"].get("aloft") == "made",
            )
            for row in rows
        },
    )


def running_instances() -> int | None:
    """How many virtual machines libvirt runs on this host; ``None`` when it does not answer and QEMU runs."""
    try:
        outcome = _run(("/usr/bin/virsh", "--connect", "qemu:///system", "--readonly", "list", "--name"))
    except TemporaryError:
        outcome = None
    if outcome is not None and outcome.returncode == 0:
        return len(outcome.stdout.split())
    return None if any(is_emulator(arguments) for arguments in _command_lines()) else 0


def is_emulator(arguments: bytes) -> bool:
    """Whether a process runs a virtual machine, by its command line as ``/proc/PID/cmdline`` has it."""
    program, *rest = arguments.split(b"\0")
    return program.rpartition(b"/")[2].startswith((b"qemu-system", b"qemu-kvm", b"kvm")) and b"-name" in rest


def _command_lines() -> Iterator[bytes]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            yield path.read_bytes()


def plain(value: Any) -> Any:
    """A value of OVSDB's JSON notation (RFC 7047, section 5.1) as Python has it."""
    if isinstance(value, list) and len(value) == 2:
        kind, content = value
        if kind == "map":
            return {plain(key): plain(item) for key, item in content}
        if kind == "set":
            return plain(content[0]) if len(content) == 1 else [plain(item) for item in content]
        if kind == "uuid":
            return content
    return value


def _table(outcome: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    if outcome.returncode:
        raise TemporaryError(f"Open vSwitch does not answer: {_complaint(outcome)}")
    table = json.loads(outcome.stdout)
    return [dict(zip(table["headings"], map(plain, row), strict=True)) for row in table["data"]]


def _up_links() -> set[str]:
    outcome = _run(("/usr/sbin/ip", "-json", "link", "show", "up"))
    return {link["ifname"] for link in json.loads(outcome.stdout or "[]") if "ifname" in link}


def _installed(packages: Sequence[str]) -> frozenset[str]:
    if not packages:
        return frozenset()
    outcome = _run(("dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *packages))
    pairs = (line.split() for line in outcome.stdout.splitlines())
    return frozenset(name for name, status in pairs if status == "installed")


def _running_units(names: Sequence[str]) -> frozenset[str]:
    return frozenset(name for name in names if _run(("systemctl", "is-active", "--quiet", name)).returncode == 0)


def _folder_is(folder: Folder) -> bool:
    try:
        found = folder.path.stat()
    except OSError:
        return False
    wanted = (folder.mode, folder.owner, folder.group)
    return stat.S_ISDIR(found.st_mode) and (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == wanted


def _device_is(device: Device) -> bool:
    try:
        found = device.path.stat()
    except OSError:
        return True
    everybody = found.st_mode & 0o006 == 0o006
    return everybody or (found.st_gid == account_group(device.group) and found.st_mode & 0o060 == 0o060)


def _file_is(file: File) -> bool:
    try:
        found = file.path.stat()
        same = (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (file.mode, file.owner, file.group)
        return same and file.path.read_text() == file.content
    except OSError:
        return False


def _install(packages: tuple[str, ...]) -> None:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ("apt-get", "install", "--yes", "--no-install-recommends", *packages)
    outcome = _run(command, timeout=_INSTALL_TIMEOUT, env=env)
    if outcome.returncode:
        _run(("apt-get", "update"), timeout=_INSTALL_TIMEOUT, env=env)
        outcome = _run(command, timeout=_INSTALL_TIMEOUT, env=env)
    if outcome.returncode:
        raise TemporaryError(
            f"The packages {', '.join(packages)} could not be installed: {_complaint(outcome)}",
            "See that the package archive can be reached, and try `apt-get install` by hand.",
        )


def _run(
    command: Sequence[str],
    timeout: float = _COMMAND_TIMEOUT,
    env: dict[str, str] | None = None,
) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout, env=env)
    except FileNotFoundError as error:
        raise TemporaryError(f"The program {command[0]} is not installed.") from error
    except subprocess.TimeoutExpired as error:
        raise TemporaryError(f"{Path(command[0]).name} did not end within {timeout:.0f} s.") from error
    except OSError as error:
        raise PermanentError(f"The program {command[0]} cannot be run: {error.strerror}.") from error


def _complaint(outcome: "subprocess.CompletedProcess[str]") -> str:
    lines = (outcome.stderr or outcome.stdout).strip().splitlines()
    return " ".join(lines[-3:]) or f"exit code {outcome.returncode}"
