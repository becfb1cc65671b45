"""A supervisor in a process of its own: ``python node.py FOLDER CGROUP COUNT ACTION``; serves until it is killed."""

import asyncio
import signal
import sys
from pathlib import Path

from aloft.supervise.cgroup import Cgroups
from aloft.supervise.spec import Probe, ProcessSpec
from aloft.supervise.supervisor import Supervisor

PROGRAMS = Path(__file__).with_name("programs.py")


def specs(folder: Path, count: int, extra: str = "") -> list[ProcessSpec]:
    return [
        ProcessSpec(
            name=f"slots/{number}/service",
            command=(sys.executable, str(PROGRAMS), "listen", str(folder / f"{number}.sock")),
            env={"EXTRA": extra},
            log=folder / f"{number}.log",
            cgroup=f"slots/{number}",
            ready=Probe("unix", str(folder / f"{number}.sock")),
        )
        for number in range(count)
    ]


async def main(folder: Path, name: str, count: int) -> None:
    supervisor = Supervisor(folder / "records", Cgroups.detect(name))
    await supervisor.apply("slots", specs(folder, count))
    await supervisor.wait_ready([spec.name for spec in specs(folder, count)], 30)
    print("ready", flush=True)
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    await told.wait()
    await supervisor.detach()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
