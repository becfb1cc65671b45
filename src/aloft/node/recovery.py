"""A node that is to take over all customers of one that is lost, from what it left in a repository.

First it is seen what lies there, and the node takes over the authority of the edge, so that hosts and users find here
what they trust. The customers themselves are then restored one by one (:mod:`aloft.node.backups`).
"""

import json
import shutil
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aloft.base import files
from aloft.base.errors import Conflict, NotFound
from aloft.base.paths import Paths
from aloft.daytwo.repositories import Repositories
from aloft.daytwo.restic import Restic, Snapshot
from aloft.daytwo.retention import in_order
from aloft.node.backups import KIND
from aloft.node.binlog import Binlog
from aloft.node.jobs import Work
from aloft.node.registry import Registry
from aloft.node.settings import NodeSettings

AUTHORITY = "edge-ca"
"""The folder in every backup that holds the edge's CA."""


class Recovery:
    """Takes over what a lost node left.

    Args:
        paths: where everything lies.
        settings: of the node.
        registry: the controllers that there are already.
        repositories: where backups are kept.
        binlog: reads which customers there were.
        replace_authority: makes a CA in a folder that of the edge.
    """

    def __init__(
        self,
        paths: Paths,
        settings: NodeSettings,
        registry: Registry,
        repositories: Repositories,
        binlog: Binlog,
        replace_authority: Callable[[Path], Awaitable[None]],
    ) -> None:
        self._paths = paths
        self._settings = settings
        self._registry = registry
        self._repositories = repositories
        self._binlog = binlog
        self._replace_authority = replace_authority

    async def survey(self, work: Work) -> dict[str, Any]:
        """See which customers a ``repository`` can bring back, and take over the authority of their edge.

        Returns:
            In ``snapshots`` the newest backup of each customer that there was at the end, in ``missing`` those that
            there was none of, in ``gone`` those that had been deleted before.

        Raises:
            NotFound: no backup lies there.
            Conflict: it is of another domain, or this node serves customers under another authority.
        """
        opened = self._repositories.open(self._repositories.get(work.arguments["repository"]))
        async with work.step(f"see what lies in {opened.repository.name}"):
            lying = await opened.snapshots(KIND)
            if not lying:
                raise NotFound(f"No backup lies in {opened.repository.name}.", "Name the repository that has them.")
            ids = await self._binlog.customers_in(opened)
            if ids is None:
                ids = {one.tags["customer"]: "" for one in lying}
            newest = {one.tags["customer"]: one for one in lying if of_one_that_is_there(one, ids)}
        async with work.step("take over the edge's authority") as remark:
            youngest = in_order(lying, datetime.now(UTC))[-1]
            remark(await self._take_over_authority(opened, youngest))
        return {
            "snapshots": {name: one.id for name, one in sorted(newest.items())},
            "missing": sorted(ids.keys() - newest.keys()),
            "gone": sorted({one.tags["customer"] for one in lying} - ids.keys()),
        }

    async def _take_over_authority(self, opened: Restic, snapshot: Snapshot) -> str:
        manifest = json.loads(await opened.read(snapshot.id, "/manifest.json"))
        domains = {part["record"]["spec"]["domain"] for part in manifest["regions"].values()}
        if domains != {self._settings.domain}:
            told = ", ".join(sorted(domains))
            raise Conflict(
                f"The customers' names are below {told}, and this node's are below {self._settings.domain}.",
                f"Bring this machine up with that domain: aloft up --no-demo --domain {told}",
            )
        target = self._paths.state / "backup/staging/authority"
        shutil.rmtree(target, ignore_errors=True)
        files.folder(target.parent, mode=0o700)
        files.folder(target, mode=0o700)
        try:
            await opened.restore(snapshot.id, target, (f"/{AUTHORITY}",))
            found = (target / AUTHORITY / "ca.crt").read_bytes()
            if found == (self._paths.state / AUTHORITY / "ca.crt").read_bytes():
                return "is the same"
            if self._registry.all():
                raise Conflict(
                    "This node serves customers under another authority, which their hosts trust.",
                    "Restore all on a machine without customers, or one customer here: aloft backup restore NAME "
                    f"--repository {opened.repository.name}",
                )
            await self._replace_authority(target / AUTHORITY)
        finally:
            shutil.rmtree(target, ignore_errors=True)
        return ""


def of_one_that_is_there(backup: Snapshot, ids: Mapping[str, str]) -> bool:
    """Whether a backup is of one of these customers (id by name), and not of one that had its name before. Pure."""
    known = ids.get(backup.tags["customer"])
    return known is not None and known in ("", backup.tags.get("id"))
