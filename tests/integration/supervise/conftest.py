"""A supervisor with real processes in a temporary folder, quick to lose patience."""

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import aloft
from aloft.supervise.backoff import Policy
from aloft.supervise.cgroup import Cgroups
from aloft.supervise.spec import Probe, ProcessSpec, ProcessStatus
from aloft.supervise.supervisor import Supervisor
from aloft.supervise.unit import Health

PROGRAMS = Path(__file__).parent / "programs"
SOURCE = Path(aloft.__file__).parents[1]
QUICK = Policy(first=0.01, cap=0.05, stable=60.0)
WATCHFUL = Health(interval=0.02, command_interval=0.02, failures=2, unready_limit=0.05)
PATIENCE = 20.0


@dataclass
class Bench:
    """Makes specifications and supervisors, and waits for events.

    Args:
        folder: for sockets, logs and records.
        cgroup: name of the control groups' base, unlike any other.
    """

    folder: Path
    cgroup: str
    supervisor: Supervisor

    def another(self, policy: Policy = QUICK, health: Health = WATCHFUL, **options: int) -> Supervisor:
        self.supervisor = Supervisor(
            self.folder / "records", Cgroups.detect(self.cgroup), policy=policy, health=health, **options
        )
        return self.supervisor

    def daemon(self, name: str, program: str = "listen", *arguments: str, **changes: object) -> ProcessSpec:
        """A command that listens on a socket named after it, unless told otherwise."""
        command = (sys.executable, str(PROGRAMS / "programs.py"), program, *(arguments or (self.socket(name),)))
        spec = ProcessSpec(
            name=name,
            command=command,
            log=self.log(name),
            cgroup="tests",
            ready=Probe("unix", self.socket(name)),
            stop_timeout=5.0,
        )
        return replace(spec, **changes)  # type: ignore[arg-type]  # tests name fields that there are

    def zygote(self, preload: str = "programs:preload", **changes: object) -> ProcessSpec:
        command = (
            sys.executable,
            "-m",
            "aloft.supervise.zygote",
            "--socket",
            self.socket("zygote"),
            "--preload",
            preload,
        )
        env = {"PYTHONPATH": f"{SOURCE}:{PROGRAMS}", "FROM_ZYGOTE": "yes"}
        return self.daemon("zygote", command=command, env=env, **changes)

    def forked(self, name: str, entry: str = "listen", **changes: object) -> ProcessSpec:
        """A child of the zygote."""
        return self.daemon(
            name,
            **{
                "command": (),
                "zygote": self.socket("zygote"),
                "entry": f"programs:{entry}",
                "arguments": {"path": self.socket(name)},
                "after": ("zygote",),
                **changes,
            },
        )

    def socket(self, name: str) -> str:
        return str(self.folder / f"{name.replace('/', '-')}.sock")

    def log(self, name: str) -> Path:
        return self.folder / f"{name.replace('/', '-')}.log"

    def status(self, name: str) -> ProcessStatus:
        return next(status for status in self.supervisor.status() if status.name == name)

    def pid(self, name: str) -> int:
        pid = self.supervisor.pids(name)[0]
        assert pid
        return pid

    async def until(self, seen: Callable[[ProcessStatus], bool]) -> ProcessStatus:
        """The first status from now on that is as wanted."""
        found: asyncio.Future[ProcessStatus] = asyncio.get_running_loop().create_future()

        def look(status: ProcessStatus) -> None:
            if not found.done() and seen(status):
                found.set_result(status)

        stop = self.supervisor.subscribe(look)
        try:
            async with asyncio.timeout(PATIENCE):
                return await found
        finally:
            stop()

    async def run(self, *specs: ProcessSpec, group: str = "all") -> None:
        """Apply and wait until all are ready."""
        await self.supervisor.apply(group, specs)
        await self.supervisor.wait_ready([spec.name for spec in specs], PATIENCE)


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def eventually(true: Callable[[], bool]) -> None:
    """Wait for what no event tells."""
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110 - it happens in other processes
            await asyncio.sleep(0.01)


async def gone(pid: int) -> None:
    """Wait until a process has ended, whoever its parent is."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(pidfd, ended.set)
    try:
        async with asyncio.timeout(PATIENCE):
            await ended.wait()
    finally:
        asyncio.get_running_loop().remove_reader(pidfd)
        os.close(pidfd)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """A bench whose supervisor is shut down in the end, with everything that it runs."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    name = f"aloft-test-{uuid.uuid4().hex[:8]}"
    made = Bench(tmp_path, name, Supervisor(tmp_path / "records", Cgroups.none()))
    made.another()
    yield made
    last = made.supervisor if made.supervisor.is_open else made.another()
    await last.open()
    await last.remove("all")
    await last.settle()
    await last.shutdown()
    assert not last.cgroups.base or not last.cgroups.base.exists()
