"""A node in short that has one job, backing a customer up, and is killed while it is at a step of it.

``backing_up.py ROOT [STEP]`` goes on with the job where there is one in ROOT, else begins it; prints how it ended.
The step ``full`` is none: the disk fills up while the metadata is collected.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aloft.base import files
from aloft.base.paths import Paths
from aloft.controller.context import Slot
from aloft.controller.spec import ControllerSpec
from aloft.daytwo import metadata
from aloft.daytwo.dump import Taken
from aloft.daytwo.repositories import Repositories, RepositoryRequest
from aloft.node.backups import Backups
from aloft.node.jobs import JobRequest, Jobs
from aloft.node.registry import Record, Registry

JOB = "a" * 32
SPEC = ControllerSpec(customer="acme", region="dc1", release="2026.2", domain="aloft.internal")


async def dump(targets: Mapping[str, Path]) -> Taken:
    """Stands for MariaDB: a file for each schema."""
    for schema, path in targets.items():
        path.write_text(f"-- {schema}\n" * 1000)
    return Taken({schema: {"table": "digest"} for schema in targets}, ("binlog.000001", 4))


async def dump_until_full(targets: Mapping[str, Path]) -> Taken:
    """Stands for MariaDB, beside something else that takes all room."""
    with suppress(OSError), (next(iter(targets.values())).parent / "else").open("wb", buffering=0) as everything:
        while everything.write(bytes(1 << 20)):
            pass
    return await dump(targets)


async def save_ovn(slot: Slot, target: Path) -> None:
    """Stands for OVN's databases."""
    files.folder(target)
    files.write(target / "ovn-nb.db", "northbound")


def node(paths: Paths, dumped: metadata.Dump = dump) -> tuple[Jobs, Backups]:
    """The parts of a node that take part, with a customer in slot 1, and two repositories unless some are known."""
    registry, repositories = Registry(paths), Repositories(paths)
    (paths.state / "edge-ca").mkdir(exist_ok=True)
    (paths.slot_state(1) / "keys").mkdir(parents=True, exist_ok=True)
    registry.mark(Slot(1, paths), SPEC.release, "held")
    registry.put(Record(SPEC, 1))
    if not repositories.all():
        repositories.primary()
        repositories.put("second", RepositoryRequest(url=str(paths.state / "second"), role="secondary"))
    parts: dict[str, Any] = {
        "controllers": None,
        "pool": SimpleNamespace(slot=lambda number: Slot(number, paths)),
        "database": SimpleNamespace(dump_together=dumped),
        "broker": None,
        "binlog": SimpleNamespace(server="server"),
    }
    backups = Backups(
        paths, registry=registry, repositories=repositories, edge_authority=paths.etc, domain=SPEC.domain, **parts
    )
    return Jobs(paths, {"backup": backups.backup, "copy": backups.copy}), backups


async def main(root: str, fatal: str = "") -> None:
    """Run the job to its end, or to the step that is fatal."""
    metadata.save_ovn = save_ovn
    jobs, backups = node(Paths(Path(root)), dump_until_full if fatal == "full" else dump)
    jobs.resume()
    status = jobs.put(JOB, JobRequest(kind="backup", customer="acme", arguments={"records": {"name": "acme"}}))
    while status.state == "running":
        if fatal and status.steps and status.steps[-1].name.startswith(fatal):
            os.kill(os.getpid(), signal.SIGKILL)
        status = await jobs.wait(JOB, status.revision, 30)
    told: dict[str, Any] = {"state": status.state, "result": status.result}
    if status.error is not None:
        told["error"] = status.error.message
    else:
        told["last"] = (await backups.snapshots("local", "acme"))[-1].id
        well = [name for name, trouble in status.result["copies"].items() if not trouble]
        told["copies"] = [one.original for name in well for one in await backups.snapshots(name, "acme")]
    print(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
