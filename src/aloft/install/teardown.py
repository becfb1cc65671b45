"""``aloft down`` and ``aloft destroy``: stop Aloft, or remove all that ``up`` made.

``down`` asks the agent and the node to end; they stop what is theirs in order, and leave instances, libvirt and Open
vSwitch running. ``destroy`` then ends those too, and removes data, settings, environments and every trace outside of
Aloft's own folders. Debian packages stay.
"""

import asyncio
import logging
import shutil
from collections.abc import Iterable
from pathlib import Path

from aloft.base.invoke import answer, invoke, succeeds
from aloft.base.paths import Paths
from aloft.ground import machine, plan
from aloft.ground.layout import Layout
from aloft.install import account, clouds, daemons, packages, trust
from aloft.install.installation import DEMO_CUSTOMER
from aloft.install.steps import Step
from aloft.node.hosts_file import with_block
from aloft.supervise.cgroup import Cgroups
from aloft.supervise.supervisor import Supervisor

NOVA_MARK = "http://openstack.org/xmlns/libvirt/nova/"
"""The XML namespace that Nova marks its domains with; followed by a version."""

HOSTS_FILE = Path("/etc/hosts")
NAMESPACE_PREFIX = "ovnmeta-"


def down_steps(paths: Paths, log: Path) -> list[Step]:
    """Stop the agent, then the node."""
    return [
        Step("Stop the agent", lambda: daemons.stop(daemons.AGENT, paths, log)),
        Step("Stop the node", lambda: daemons.stop(daemons.NODE, paths, log)),
    ]


def destroy_steps(paths: Paths, log: Path, keep_environments: bool) -> list[Step]:
    """Remove everything.

    Args:
        paths: where everything lies.
        log: the log of this run, outside of Aloft's folders.
        keep_environments: leave the programs in ``/opt/aloft``, so that the next ``up`` is quick.
    """
    return [
        Step("Stop the agent", lambda: daemons.stop(daemons.AGENT, paths, log)),
        Step("Remove instances", lambda: remove_instances(Layout.of(paths))),
        Step("Remove networks", lambda: remove_networks(paths)),
        Step("Stop the node", lambda: daemons.stop(daemons.NODE, paths, log)),
        Step("Stop what still runs", lambda: stop_rest(paths)),
        Step("Undo changes to the system", lambda: undo(paths, log)),
        Step("Remove data and settings", lambda: remove_files(paths, keep_environments)),
    ]


def remove_instances(layout: Layout) -> str:
    """End and forget every virtual machine that Nova made on this machine; others are left alone.

    Where libvirt does not run, its files are what says which there are: a definition that stayed would be there again
    with the next libvirt.
    """
    if shutil.which("virsh") and (layout.libvirt_run / "libvirt-sock").exists():
        removed = _undefine()
    else:
        removed = _forget_definitions(layout)
    return f"removed {removed}" if removed else "there are none"


def _undefine() -> int:
    """Ask libvirt to remove Nova's machines."""
    names = [
        n for n in answer(["virsh", "list", "--all", "--name"]).split() if NOVA_MARK in answer(["virsh", "dumpxml", n])
    ]
    for name in names:
        answer(["virsh", "destroy", name])
        succeeds(["virsh", "undefine", name, "--managed-save", "--nvram"])
    return len(names)


def _forget_definitions(layout: Layout) -> int:
    """Remove Nova's machines without libvirt: what still runs of them, and their files."""
    definitions = [file for file in layout.libvirt_definitions.glob("*.xml") if NOVA_MARK in file.read_text()]
    for file in definitions:
        pid = layout.libvirt_run / f"qemu/{file.stem}.pid"
        if pid.exists() and file.stem in answer(["ps", "-o", "args=", "-p", pid.read_text().strip()]):
            succeeds(["kill", "-KILL", pid.read_text().strip()])
        for trace in (pid, pid.with_suffix(".xml"), file.parent / "autostart" / file.name, file):
            trace.unlink(missing_ok=True)
    return len(definitions)


def remove_networks(paths: Paths) -> str:
    """Take Aloft's bridges, its entries in Open vSwitch and the metadata namespaces off the machine."""
    layout = Layout.of(paths)
    if seen := machine.switch_state(layout):
        for step in plan.unwire((), seen, layout):
            answer([*step.command])
    for line in answer(["ip", "netns", "list"]).splitlines():
        if line.startswith(NAMESPACE_PREFIX):
            _remove_namespace(line.split()[0])
    return ""


def _remove_namespace(name: str) -> None:
    """Remove a network namespace and who lives in it: the metadata agent's proxies are daemons of their own."""
    if inhabitants := answer(["ip", "netns", "pids", name]).split():
        succeeds(["kill", "-KILL", *inhabitants])
    answer(["ip", "netns", "delete", name])


def stop_rest(paths: Paths) -> str:
    """End every process that the node or the agent started and left running (libvirt and Open vSwitch among them)."""

    async def settle(supervisor: Supervisor) -> None:
        await supervisor.settle()
        await supervisor.detach()

    logging.getLogger(Supervisor.__module__).setLevel(logging.ERROR)  # it warns of each stray, which all are here
    agent, node = Layout.of(paths).run / "processes", paths.run / "node"
    if agent.exists():
        asyncio.run(settle(Supervisor(agent, Cgroups.none())))
    if node.exists():
        asyncio.run(settle(Supervisor(node, Cgroups.detect("aloft-node"))))
    return ""


def undo(paths: Paths, log: Path) -> str:
    """Take Aloft out of the files of the system that it was written into."""
    for daemon in (daemons.AGENT, daemons.NODE):
        daemons.forget(daemon)
    text = HOSTS_FILE.read_text()
    cleaned = plan.merged_hosts(with_block(text, ()), ())
    if cleaned != text:
        HOSTS_FILE.write_text(cleaned)
    clouds.put(clouds.SYSTEM_FILE, DEMO_CUSTOMER, None)
    trust.distrust(log)
    trust.unlink_programs(paths)
    unmask(packages.installed_by_aloft(paths.state / "packages.json"), log)
    account.remove(log)
    return ""


def unmask(installed: Iterable[str], log: Path) -> None:
    """Give Debian's units back that were masked when Aloft installed their packages; they stay disabled."""
    units = packages.units_to_mask(installed)
    if units and packages.systemd_runs():
        invoke(["systemctl", "unmask", *units], log=log, timeout=60)


def remove_files(paths: Paths, keep_environments: bool) -> str:
    """Remove Aloft's folders; those of the programs only when they are not to be kept."""
    folders = [paths.etc, paths.state, paths.run, paths.log]
    for folder in [*folders, *([] if keep_environments else [paths.opt])]:
        shutil.rmtree(folder, ignore_errors=True)
    return ""


def remains(paths: Paths) -> bool:
    """Whether there is anything to destroy."""
    return any(folder.exists() for folder in (paths.etc, paths.state, paths.run, paths.opt))
