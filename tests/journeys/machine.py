"""Processes of the node and of the agent on this machine, by name."""

import json
from pathlib import Path

from aloft.base.paths import Paths
from aloft.ground.layout import Layout

from ..running import PATHS, node, run

DAEMONS = {"node": "aloft-node", "agent": "aloft-agent"}
"""The processes that look after all others, and what keeps them: a systemd unit, or a keeper with this pid file."""


def pids() -> dict[str, int]:
    """Process ids of all that runs on the node, by the name of the process; the node must answer."""
    return {one["name"]: one["pid"] for one in states() if one["pid"]}


def states() -> list[dict[str, str | int]]:
    """What the node says of its processes."""
    answer = node("/v1/processes")
    assert answer.status_code == 200, answer.text
    return list(answer.json())


def host_pids() -> dict[str, int]:
    """Process ids of all that the agent runs on this host."""
    folder = Layout.of(Paths()).run / "processes"
    told = [json.loads(file.read_text()) for file in folder.glob("*.json")]
    return {one["name"]: one["pid"] for one in told}


def daemon_pid(name: str) -> int:
    """Process id of the node's or the agent's own process."""
    file = PATHS.run / f"{DAEMONS[name]}.pid"
    if file.exists():
        return int(file.read_text().split()[1])
    return int(run("systemctl", "show", "--property", "MainPID", "--value", DAEMONS[name]).out)


def lives(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def guests() -> dict[str, int]:
    """Process ids of the virtual machines on this host, by their domain's name."""
    found = {}
    for name in run("virsh", "list", "--name").out.split():
        found[name] = int((PATHS.root / f"run/libvirt/qemu/{name}.pid").read_text())
    return found
