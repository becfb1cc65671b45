"""How the agent gives way to another build of itself, and how the former one comes back when that does not do.

The other build is unpacked in the place of the present one, which is kept beside it, and the agent ends at once, as if
killed: what it looks after runs on, and the next agent adopts it. Whatever starts the agent runs a script that lies
outside of both (:func:`script`). A build on trial that has been started :data:`STARTS` times without having reached the
plane is taken back by that script, and is not fetched again until the plane has wanted something else.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path

from aloft.base import files
from aloft.base.builds import build
from aloft.base.errors import AloftError
from aloft.base.paths import Paths
from aloft.ground import packages
from aloft.ground.installer import TOOL
from aloft.ground.layout import Layout
from aloft.ground.plan import RoleState
from aloft.ground.retries import Retries
from aloft.ground.uplink import Uplink

STARTS = 3
TRIAL_SECONDS = 150.0
"""How long a build on trial may take to reach the plane; with the starts, less than the plane's patience."""

_STEP = "Installing the agent"

_SCRIPT = """\
#!/bin/sh
# Written by Aloft. Starts the agent; a build of it that is on trial and does not do gives way to the former one.
trial={trial}
if [ -f "$trial" ]; then
    read -r build starts <"$trial"
    if [ "$starts" -ge {starts} ] && [ -d {former} ]; then
        echo "$build" >{refused}
        rm -rf {failed}
        [ ! -d {tool} ] || mv {tool} {failed}
        mv {former} {tool}
        rm -rf "$trial" {failed}
        echo "$(date '+%F %T') start: the agent's build $build did not do; the former one is back"
    else
        echo "$build $((starts + 1))" >"$trial"
    fi
fi
exec {tool}/bin/python -m aloft.ground run
"""

_log = logging.getLogger(__name__)


def script_path(paths: Paths) -> Path:
    """Where the script that starts the agent lies."""
    return paths.state / "start-agent.sh"


def script(paths: Paths) -> str:
    """The script that starts the agent."""
    layout, tool = Layout.of(paths), paths.opt / TOOL
    return _SCRIPT.format(
        trial=_trial(layout),
        refused=_refused(layout),
        tool=tool,
        former=packages.former_of(tool),
        failed=packages.failed_of(tool),
        starts=STARTS,
    )


class Succession:
    """The agent's own build.

    Args:
        layout: where things lie.
        leave: ends the agent at once, leaving alone what it looks after.
    """

    def __init__(self, layout: Layout, leave: Callable[[], None] = lambda: os._exit(0)) -> None:
        self._layout = layout
        self._leave = leave
        self._prefix = layout.paths.opt / TOOL
        self._fault = ""

    @property
    def warning(self) -> str:
        """What keeps the host from the agent that it shall have; empty when nothing does."""
        return self._fault

    @property
    def refused(self) -> dict[str, str]:
        """The build of the agent that was tried and did not do, as the plane is told; empty when there is none."""
        mark = _refused(self._layout)
        return {TOOL: mark.read_text().strip()} if mark.exists() else {}

    async def follow(self, wanted: str, connect: Callable[[], Uplink], retries: Retries) -> None:
        """Become the wanted build, unless this is it.

        Args:
            wanted: the build; empty for whichever it is.
            connect: makes a connection to the plane.
            retries: of the host's steps.
        """
        if wanted in ("", build(self._prefix)):
            self._fault = ""
            if not self._on_trial():
                _refused(self._layout).unlink(missing_ok=True)
            return
        if self.refused.get(TOOL) == wanted:
            self._fault = (
                f"The agent's build {wanted} was tried and did not reach the provider; the former one is back."
            )
            return
        if retries.waiting("", _STEP):
            return
        _log.info("%s %s", _STEP, wanted)
        try:
            await asyncio.to_thread(self._replace, wanted, connect)
        except AloftError as error:
            _log.warning("%s", error)
            self._fault = f"The agent cannot be brought up to date: {error.message}"
            retries.failed("", _STEP, RoleState("converging", _STEP))
            return
        _log.info("Giving way to the agent's build %s", wanted)
        logging.shutdown()
        self._leave()

    def confirm(self) -> None:
        """The plane was reached: this build does."""
        if self._on_trial():
            _log.info("This build of the agent reached the plane and stays")
            _trial(self._layout).unlink(missing_ok=True)

    async def watch(self) -> None:
        """End the agent when it is on trial and has not reached the plane in time; then it is started once more."""
        if self._on_trial():
            await asyncio.sleep(TRIAL_SECONDS)
            if self._on_trial():
                _log.error("This build of the agent is on trial and has not reached the plane in time")
                logging.shutdown()
                self._leave()
        await asyncio.Event().wait()

    def _replace(self, wanted: str, connect: Callable[[], Uplink]) -> None:
        if packages.bring(connect, TOOL, wanted, self._prefix):
            files.write(_trial(self._layout), f"{wanted} 0\n")

    def _on_trial(self) -> bool:
        return _trial(self._layout).exists()


def _trial(layout: Layout) -> Path:
    return layout.state / "trial"


def _refused(layout: Layout) -> Path:
    return layout.state / "refused"
