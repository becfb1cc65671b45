"""Jobs: long work that the plane asks of a node, on record until it has ended and the plane has taken its result over.

A job has an id of the plane's choosing; asking again for the same changes nothing. A job that the node's end
interrupted is begun again when the node starts: from the start, as its steps are idempotent, or with the journal that
it kept of a point from which it must not start over. Jobs of one customer run one after another, and so do those that
leave all customers alone.
"""

import asyncio
import contextlib
import json
import logging
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from aloft.base import files
from aloft.base.errors import AloftError, Conflict, InvalidInput, NotFound, TemporaryError
from aloft.base.paths import Paths
from aloft.controller.spec import Problem, Step

_log = logging.getLogger(__name__)
Result = TypeVar("Result")
_ID = re.compile(r"[0-9a-f]{8,64}")


class JobRequest(BaseModel):
    """What to do: the kind of work, the customer that it changes or reads (or empty), and what it needs to know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    customer: str
    arguments: dict[str, Any] = Field(default_factory=dict)


OF_NODES = frozenset({"arrive"})
"""Kinds of jobs that other nodes ask for, each under the id of the plane's job that it is a part of."""


class JobStatus(BaseModel):
    """How far a job has come; ``revision`` grows with every change since the node started."""

    id: str
    kind: str
    customer: str
    state: Literal["running", "succeeded", "failed"] = "running"
    steps: tuple[Step, ...] = ()
    error: Problem | None = None
    result: dict[str, Any] = Field(default_factory=dict)
    revision: int = 0


class Work:
    """A job at work, as its handler sees it."""

    def __init__(
        self,
        job: str,
        request: JobRequest,
        touch: Callable[[], None],
        journal: Mapping[str, Any] | None = None,
        keep: Callable[[Mapping[str, Any]], None] = lambda journal: None,
    ) -> None:
        self.id = job
        self.customer = request.customer
        self.arguments = request.arguments
        self.steps: list[Step] = []
        self.journal = dict(journal or {})
        self._touch = touch
        self._keep = keep
        self._aborted = asyncio.Event()

    def note(self, journal: Mapping[str, Any]) -> None:
        """Write down how far the job is: its ``journal`` when it is begun again after an end of the node.

        It is on the disk when this returns.
        """
        self.journal = dict(journal)
        self._keep(self.journal)

    @contextlib.asynccontextmanager
    async def step(self, name: str) -> AsyncIterator[Callable[[str], None]]:
        """A named step for as long as the block lasts; gives a function that adds a remark to it."""
        place = len(self.steps)
        self.steps.append(Step(name=name, state="running", started=time.time()))
        self._touch()

        def remark(detail: str) -> None:
            self._change(place, detail=detail)

        try:
            yield remark
        except BaseException as error:
            self._change(place, state="failed", ended=time.time(), detail=str(error)[:500])
            raise
        self._change(place, state="done", ended=time.time())

    def _change(self, place: int, **values: Any) -> None:
        self.steps[place] = self.steps[place].model_copy(update=values)
        self._touch()

    def abort(self) -> None:
        """Ask for the end of what may still be given up."""
        self._aborted.set()

    async def unless_aborted(self, part: Coroutine[Any, Any, Result]) -> Result:
        """Do a part of the work that may be given up, cleaning up after itself when it is cancelled.

        Raises:
            Conflict: it was given up because somebody asked for that.
        """
        doing, asked = asyncio.ensure_future(part), asyncio.ensure_future(self._aborted.wait())
        try:
            await asyncio.wait({doing, asked}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asked.cancel()
            if not doing.done():
                doing.cancel()
                await asyncio.wait({doing})
        if doing.cancelled():
            raise Conflict("It was aborted before it changed anything.")
        return doing.result()


Handler = Callable[[Work], Awaitable[dict[str, Any]]]


@dataclass
class _Job:
    request: JobRequest
    status: JobStatus
    journal: dict[str, Any] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    work: Work | None = None

    def change(self, **values: Any) -> None:
        values["revision"] = self.status.revision + 1
        self.status = self.status.model_copy(update=values)
        self.changed.set()
        self.changed = asyncio.Event()


class Jobs:
    """The node's jobs.

    Args:
        paths: where they are remembered.
        handlers: what does each kind of work.
    """

    def __init__(self, paths: Paths, handlers: Mapping[str, Handler]) -> None:
        self._folder = paths.state / "node/jobs"
        self._handlers = dict(handlers)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._jobs: dict[str, _Job] = {}
        files.folder(self._folder, mode=0o700)
        for file in sorted(self._folder.glob("*.json")):
            told = json.loads(file.read_text())
            request, status = JobRequest.model_validate(told["request"]), JobStatus(**told["status"])
            self._jobs[file.stem] = _Job(request, status, told["journal"])

    def put(self, job: str, request: JobRequest) -> JobStatus:
        """Begin a job; one that is known already is left alone.

        Raises:
            InvalidInput: the id or the kind is not possible.
            TemporaryError: it cannot be written down; it is not begun then.
        """
        if not _ID.fullmatch(job) or request.kind not in self._handlers:
            raise InvalidInput(f"There is no job of kind '{request.kind}' with the id '{job}'.")
        if job not in self._jobs:
            self._jobs[job] = _Job(request, JobStatus(id=job, kind=request.kind, customer=request.customer))
            try:
                self._save(job)
            except OSError as error:
                del self._jobs[job]
                raise TemporaryError(
                    f"{self._folder} cannot be written: {error.strerror}.", "Free some space on that file system."
                ) from error
            self._begin(job)
        return self._jobs[job].status

    def resume(self) -> None:
        """Go on with every job that has not ended, but those of other nodes: after a start of the node."""
        for job, known in list(self._jobs.items()):
            if known.request.kind in OF_NODES and known.task is None:  # who asked has lost sight of it
                self._drop(job)
            elif known.status.state == "running" and known.task is None:
                self._begin(job)

    def journals(self, kind: str) -> tuple[dict[str, Any], ...]:
        """What jobs of one kind that have not ended have written down."""
        running = (known for known in self._jobs.values() if known.status.state == "running")
        return tuple(known.journal for known in running if known.request.kind == kind)

    def knows(self, job: str) -> bool:
        """Whether there is a job of this id that the plane asked for; another node's may have the id of the plane's."""
        known = self._jobs.get(job)
        return known is not None and known.request.kind not in OF_NODES

    def status(self, job: str) -> JobStatus:
        """How far a job has come.

        Raises:
            NotFound: there is none of that id.
        """
        return self._get(job).status

    async def wait(self, job: str, known: int, seconds: float) -> JobStatus:
        """The status once its revision differs from ``known``, or after ``seconds``."""
        until = time.monotonic() + seconds
        while (found := self._get(job)).status.revision == known and (left := until - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(found.changed.wait(), left)
        return self._get(job).status

    def abort(self, job: str) -> None:
        """Ask a job to give up what may still be given up; how it ends tells whether that was so.

        Raises:
            NotFound: there is none of that id.
        """
        if (work := self._get(job).work) is not None:
            work.abort()

    async def forget(self, job: str) -> None:
        """Forget a job that has ended, or end it; returns when its handler has cleaned up what that cleans up."""
        known = self._drop(job)
        if known is not None and known.task is not None:
            known.task.cancel()
            await asyncio.wait({known.task})

    def _drop(self, job: str) -> _Job | None:
        (self._folder / f"{job}.json").unlink(missing_ok=True)
        return self._jobs.pop(job, None)

    def _get(self, job: str) -> _Job:
        if job not in self._jobs:
            raise NotFound(f"There is no job '{job}' on this node.")
        return self._jobs[job]

    def _begin(self, job: str) -> None:
        self._jobs[job].task = asyncio.create_task(self._run(job), name=f"job {job}")

    async def _run(self, job: str) -> None:
        known = self._jobs[job]
        request = known.request

        def keep(journal: Mapping[str, Any]) -> None:
            known.journal = dict(journal)
            self._save(job)

        work = known.work = Work(job, request, lambda: known.change(steps=tuple(work.steps)), known.journal, keep)
        if known.journal:
            work.steps += [step for step in known.status.steps if step.state == "done"]
        try:
            async with self._locks[request.customer]:
                result = await self._handlers[request.kind](work)
            known.change(state="succeeded", result=result)
        except OSError as error:
            _log.exception("%s of %s", request.kind, request.customer)
            where = f" ({error.filename})" if error.filename else ""
            problem = f"This machine refused something: {error.strerror or error}{where}."
            known.change(state="failed", error=Problem(message=problem, remedy="See to its disk, then try again."))
        except AloftError as error:
            _log.warning("%s of %s: %s", request.kind, request.customer, error)
            known.change(state="failed", error=Problem(message=error.message, remedy=error.remedy))
        except Exception as error:
            _log.exception("%s of %s", request.kind, request.customer)
            problem = f"An unexpected fault: {type(error).__name__}: {error}"
            known.change(state="failed", error=Problem(message=problem, remedy="See the node's log."))
        with contextlib.suppress(OSError):  # unwritten, it is gone through once more after the next start
            self._save(job)

    def _save(self, job: str) -> None:
        """Write a job down; what it was given and has written down is dropped when it has ended."""
        known = self._jobs.get(job)
        if known is None:
            return
        request, journal = known.request, known.journal
        if known.status.state != "running":
            request, journal = request.model_copy(update={"arguments": {}}), {}
        told = {
            "request": request.model_dump(mode="json"),
            "status": known.status.model_dump(mode="json"),
            "journal": journal,
        }
        files.write(self._folder / f"{job}.json", json.dumps(told), mode=0o600)
