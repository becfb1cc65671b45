"""What brings a controller's parts together again that were restored as they were at different moments, or are lost."""

import json

from aloft.base.errors import PermanentError
from aloft.controller import programs
from aloft.controller.context import Context
from aloft.controller.services import sync

LAST_LINES = 5


async def sync_ovn(context: Context) -> None:
    """Make OVN's northbound database what Neutron's database says, by Neutron's own command.

    Raises:
        PermanentError: it failed; the error has its last lines.
    """
    neutron, ml2 = _neutron_files(context)
    command = ("neutron-ovn-db-sync-util", "--config-file", neutron, "--config-file", ml2)
    await _run(context, "OVN could not be brought to what Neutron's database says", *command, *_REPAIR)


async def networks_from_ovn(context: Context) -> dict[str, int]:
    """Fill Neutron's empty database from OVN's northbound one (:mod:`aloft.inside.rebuild`); how many of each kind.

    Raises:
        PermanentError: it failed; the error has its last lines.
    """
    northbound, config = str(context.slot.socket("ovn-nb")), str(context.conf / sync.CONFIG)
    command = ("python", "-m", "aloft.inside.rebuild", northbound, config, *_neutron_files(context))
    said = await _run(context, "Networks could not be read back from OVN", *command)
    return dict(json.loads(said.splitlines()[-1]))


_REPAIR = ("--ovn-neutron_sync_mode", "repair")


def _neutron_files(context: Context) -> tuple[str, str]:
    return str(context.conf / "neutron/neutron.conf"), str(context.conf / "neutron/ml2_conf.ini")


async def _run(context: Context, trouble: str, program: str, *arguments: str) -> str:
    """Run a program of the release; what it printed."""
    ended = await programs.run(context, program, *arguments)
    if ended.code:
        raise PermanentError(f"{context.spec.key}: {trouble}:\n{ended.last(LAST_LINES)}")
    return ended.output
