"""A release's own programs, run on a controller as its user."""

import asyncio
from dataclasses import dataclass

from aloft.controller.context import Context


@dataclass(frozen=True)
class Ended:
    """How a program ended, and what it said on its standard output and as complaints."""

    code: int
    output: str
    complaints: str

    def last(self, lines: int) -> str:
        """The last lines of all that it said."""
        return "\n".join((self.output + self.complaints).splitlines()[-lines:])


async def run(context: Context, program: str, *arguments: str) -> Ended:
    """Run a program of the release's environment as the slot's user; one that is not waited for any more is killed."""
    process = await asyncio.create_subprocess_exec(
        str(context.environment / "bin" / program),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
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
    try:
        output, complaints = (part.decode(errors="replace") for part in await process.communicate())
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    return Ended(process.returncode or 0, output, complaints)
