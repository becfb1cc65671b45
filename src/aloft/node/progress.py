"""How far something has come that the node brings about in steps."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from aloft.controller.spec import Phase, Problem, Step


@dataclass
class Progress:
    """How far a controller has come; changed in place, each change raising ``revision``."""

    phase: Phase = "building"
    steps: list[Step] = field(default_factory=list)
    error: Problem | None = None
    revision: int = 1
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def touch(self) -> None:
        """Tell those who wait that something changed."""
        self.revision += 1
        self.changed.set()
        self.changed = asyncio.Event()

    @contextlib.asynccontextmanager
    async def step(self, name: str) -> AsyncIterator[None]:
        """Count what is done within as a step: done when it ends, failed when it raises."""
        place = len(self.steps)
        self.steps.append(Step(name=name, state="running", started=time.time()))
        self.touch()
        try:
            yield
        except BaseException as error:
            self.steps[place] = self.steps[place].model_copy(
                update={"state": "failed", "ended": time.time(), "detail": str(error)[:500]}
            )
            raise
        self.steps[place] = self.steps[place].model_copy(update={"state": "done", "ended": time.time()})
        self.touch()
