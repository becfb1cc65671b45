"""What brings a controller's parts together again that were restored as they were at different moments."""

import asyncio

from aloft.base.errors import PermanentError
from aloft.controller.context import Context

LAST_LINES = 5


async def sync_ovn(context: Context) -> None:
    """Make OVN's northbound database what Neutron's database says, by Neutron's own command.

    Raises:
        PermanentError: it failed; the error has its last lines.
    """
    process = await asyncio.create_subprocess_exec(
        str(context.environment / "bin/neutron-ovn-db-sync-util"),
        "--config-file",
        str(context.conf / "neutron/neutron.conf"),
        "--config-file",
        str(context.conf / "neutron/ml2_conf.ini"),
        "--ovn-neutron_sync_mode",
        "repair",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        user=context.slot.user,
        group=context.slot.user,
        extra_groups=[],
        cwd=context.slot.state,
        env={
            "PATH": f"{context.environment}/bin:/usr/bin:/bin",
            "HOME": str(context.slot.state),
            "TMPDIR": str(context.slot.state / "tmp"),
            "OVS_RUNDIR": str(context.slot.run),
            "PYTHONWARNINGS": "ignore",
        },
    )
    said, _ = await process.communicate()
    if process.returncode:
        last = "\n".join(said.decode(errors="replace").splitlines()[-LAST_LINES:])
        raise PermanentError(f"OVN of {context.spec.key} could not be brought to what Neutron's database says:\n{last}")
