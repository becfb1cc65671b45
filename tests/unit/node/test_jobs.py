"""Jobs are begun once, gone on with after an end of the node, and one at a time for each customer."""

import asyncio
import errno
import os

import pytest

from aloft.base.errors import Conflict, InvalidInput, NotFound, PermanentError, TemporaryError
from aloft.base.paths import Paths
from aloft.node.jobs import JobRequest, Jobs, Work

ID = "a" * 32


class Handlers:
    """Work that waits until it is let go on."""

    def __init__(self):
        self.gate = asyncio.Event()
        self.begun: list[str] = []
        self.error: Exception | None = None

    async def work(self, work):
        self.begun.append(work.customer)
        async with work.step("wait") as remark:
            remark("for the gate")
            await self.gate.wait()
            if self.error:
                raise self.error
        return {"given": work.arguments}

    def jobs(self, paths):
        return Jobs(paths, {"work": self.work})


def request(customer="acme", **arguments):
    return JobRequest(kind="work", customer=customer, arguments=arguments)


async def ended(jobs, job=ID):
    while (status := jobs.status(job)).state == "running":
        status = await jobs.wait(job, status.revision, 5)
    return status


async def test_a_job_runs_once_and_keeps_its_result(tmp_path):
    handlers = Handlers()
    jobs = handlers.jobs(Paths(tmp_path))
    jobs.put(ID, request(a=1))
    jobs.put(ID, request(a=2))
    handlers.gate.set()
    status = await ended(jobs)
    assert (status.state, status.result) == ("succeeded", {"given": {"a": 1}})
    assert [(step.name, step.state, step.detail) for step in status.steps] == [("wait", "done", "for the gate")]
    assert handlers.begun == ["acme"]
    again = handlers.jobs(Paths(tmp_path))
    again.resume()
    assert again.status(ID).result == {"given": {"a": 1}}
    assert handlers.begun == ["acme"]


async def test_what_was_interrupted_is_begun_again(tmp_path):
    handlers = Handlers()
    first = handlers.jobs(Paths(tmp_path))
    first.put(ID, request(a=1))
    await asyncio.sleep(0)
    second = handlers.jobs(Paths(tmp_path))
    second.resume()
    handlers.gate.set()
    assert (await ended(second)).result == {"given": {"a": 1}}


async def test_what_kept_a_journal_goes_on_with_it(tmp_path):
    seen, noted, gate = [], asyncio.Event(), asyncio.Event()

    async def work(work):
        seen.append(work.journal)
        if not work.journal:
            async with work.step("load"):
                work.note({"at": "half"})
            noted.set()
        await gate.wait()
        return {}

    first = Jobs(Paths(tmp_path), {"work": work})
    first.put(ID, request())
    await noted.wait()
    second = Jobs(Paths(tmp_path), {"work": work})
    assert second.journals("prove") == () and second.journals("work") == ({"at": "half"},)
    second.resume()
    gate.set()
    await ended(second)
    assert seen == [{}, {"at": "half"}]
    assert second.journals("work") == () and Jobs(Paths(tmp_path), {}).journals("work") == ()


@pytest.mark.parametrize("error", [PermanentError("No room.", "Make some."), ValueError("odd")])
async def test_a_failure_says_why(tmp_path, error):
    handlers = Handlers()
    handlers.error = error
    handlers.gate.set()
    jobs = handlers.jobs(Paths(tmp_path))
    jobs.put(ID, request())
    status = await ended(jobs)
    assert status.state == "failed" and status.error is not None
    assert str(error).partition(".")[0] in status.error.message and status.error.remedy
    assert status.steps[0].state == "failed"


async def test_one_customer_has_one_job_at_a_time(tmp_path):
    handlers = Handlers()
    jobs = handlers.jobs(Paths(tmp_path))
    for number, customer in enumerate(("acme", "acme", "other")):
        jobs.put(str(number) * 32, request(customer))
    for _ in range(20):
        await asyncio.sleep(0)
    assert sorted(handlers.begun) == ["acme", "other"]
    handlers.gate.set()
    for number in range(3):
        await ended(jobs, str(number) * 32)
    assert sorted(handlers.begun) == ["acme", "acme", "other"]


async def test_what_is_forgotten_is_gone(tmp_path):
    handlers = Handlers()
    jobs = handlers.jobs(Paths(tmp_path))
    jobs.put(ID, request())
    await jobs.forget(ID)
    with pytest.raises(NotFound):
        jobs.status(ID)
    with pytest.raises(NotFound):
        handlers.jobs(Paths(tmp_path)).status(ID)


async def test_what_is_ended_has_cleaned_up_when_it_is_forgotten(tmp_path):
    done, begun = [], asyncio.Event()

    async def work(work):
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            done.append("cleaned up")

    jobs = Jobs(Paths(tmp_path), {"work": work})
    jobs.put(ID, request())
    await begun.wait()
    await jobs.forget(ID)
    assert done == ["cleaned up"]


async def test_what_began_before_the_node_went_on_is_not_begun_twice(tmp_path):
    handlers = Handlers()
    jobs = handlers.jobs(Paths(tmp_path))
    jobs.put(ID, request())
    jobs.resume()
    handlers.gate.set()
    await ended(jobs)
    assert handlers.begun == ["acme"]


async def test_unknown_work_is_refused(tmp_path):
    jobs = Handlers().jobs(Paths(tmp_path))
    with pytest.raises(InvalidInput):
        jobs.put(ID, JobRequest(kind="other", customer=""))
    with pytest.raises(InvalidInput):
        jobs.put("../x", request())


async def test_what_was_not_done_yet_may_be_given_up() -> None:
    cleaned: list[str] = []

    async def long() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append("removed")

    work = Work("job", JobRequest(kind="upgrade", customer="acme"), lambda: None)
    doing = asyncio.create_task(work.unless_aborted(long()))
    await asyncio.sleep(0)
    work.abort()
    with pytest.raises(Conflict, match="aborted"):
        await doing
    assert cleaned == ["removed"]


async def test_what_a_part_comes_to_is_its_own() -> None:
    async def short() -> int:
        return 7

    assert await Work("job", JobRequest(kind="upgrade", customer="acme"), lambda: None).unless_aborted(short()) == 7


async def test_a_full_disk_is_told_and_leaves_no_job_that_never_runs(tmp_path, monkeypatch):
    handlers = Handlers()
    jobs = handlers.jobs(Paths(tmp_path))
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/var/lib/aloft/backup")

    def refuse(*args, **options):
        raise full

    with monkeypatch.context() as disk:
        disk.setattr("aloft.base.files.write", refuse)
        with pytest.raises(TemporaryError, match="No space left"):
            jobs.put(ID, request())
    handlers.error = full
    handlers.gate.set()
    jobs.put(ID, request())
    status = await ended(jobs)
    assert status.error.message == "This machine refused something: No space left on device (/var/lib/aloft/backup)."
    assert handlers.begun == ["acme"]


async def test_what_another_node_asks_for_is_not_taken_for_the_planes_job_of_that_id(tmp_path):
    handlers = Handlers()
    jobs = Jobs(Paths(tmp_path), {"work": handlers.work, "arrive": handlers.work})
    handlers.gate.set()
    jobs.put(ID, request().model_copy(update={"kind": "arrive"}))
    assert not jobs.knows(ID) and not jobs.knows("b" * 32)
    jobs.put("b" * 32, request())
    assert jobs.knows("b" * 32)
    assert (await ended(jobs)).state == (await ended(jobs, "b" * 32)).state == "succeeded"
