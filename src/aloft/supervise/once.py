"""Run a function once in a child of a zygote and wait for it: work that belongs beside a service, not into it."""

import asyncio
from dataclasses import replace
from pathlib import Path

from aloft.base.errors import TemporaryError
from aloft.supervise.logs import tail
from aloft.supervise.process import Record, ask_zygote, launch, request_for
from aloft.supervise.spec import ProcessSpec

_LOOK = 0.05
_LOG_LINES = 10


async def run_once(spec: ProcessSpec, within: float) -> None:
    """Fork ``spec`` from its zygote, outside any supervisor's care, and wait until it has ended well.

    Args:
        spec: a specification with ``zygote`` and ``entry``; what is to be emptied, sockets, ``after`` and
            probes do not count.
        within: seconds.

    Raises:
        TemporaryError: the zygote does not answer, or the function did not end well in time; the error has the last
            lines of its log.
    """
    request = replace(request_for(spec, Record.of(spec, None), Path()), record="", listen=())  # nobody shall adopt it
    pid, start = await launch(request, spec.zygote)
    until = asyncio.get_running_loop().time() + within
    status: object = None
    while status is None and asyncio.get_running_loop().time() < until:
        await asyncio.sleep(_LOOK)
        status = (await ask_zygote(spec.zygote, {"op": "exit", "pid": pid, "start": start})).get("status")
    if status != 0:
        end = "\n".join(tail(spec.log, _LOG_LINES))
        ended = "has not ended" if status is None else f"ended with exit code {status}"
        raise TemporaryError(f"{spec.name} {ended} after {within:.0f} s at most. The end of {spec.log}:\n{end}")
