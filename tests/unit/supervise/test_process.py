"""Requests, records and the words for an exit."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from aloft.supervise.child import Request, start_time
from aloft.supervise.process import Record, Records, boot_id, describe_exit, request_for, session_members
from aloft.supervise.spec import ProcessSpec

SPEC = ProcessSpec(
    name="slots/3/nova-api",
    log=Path("/var/log/x.log"),
    zygote="/run/z.sock",
    entry="a:b",
    arguments={"c": "d"},
    env={"E": "f"},
    groups=(7, 8),
    clear=(Path("/tmp/x"),),
)


def test_a_request_survives_its_journey():
    request = request_for(SPEC, Record.of(SPEC, Path("/sys/fs/cgroup/x")), Path("/run/r.json"))
    assert Request.from_json(request.to_json()) == request
    assert request.title == "aloft: slots/3/nova-api"
    assert request.cgroup == "/sys/fs/cgroup/x"


@pytest.mark.parametrize("data", [{}, {"name": "x"}, {"name": "x", "log": "/x", "other": 1}])
def test_a_malformed_request_is_refused(data: dict[str, object]):
    with pytest.raises(ValueError, match=r"missing|unknown"):
        Request.from_json(data)


def test_secrets_of_the_environment_are_not_recorded():
    spec = replace(SPEC, env={"PASSWORD": "hush"}, arguments={"key": "hush"})
    assert "hush" not in str(request_for(spec, Record.of(spec, None), Path("/run/r.json")).facts)


def test_records_are_found_again(tmp_path: Path):
    records = Records(tmp_path / "records")
    record = replace(Record.of(SPEC, None), pid=12, start=34)
    records.write(record)
    assert records.load() == {"slots/3/nova-api": record}
    assert records.read("slots/3/nova-api") == record
    assert (tmp_path / "records").stat().st_mode & 0o777 == 0o700
    records.remove("slots/3/nova-api")
    records.remove("slots/3/nova-api")
    assert records.load() == {}


def test_records_of_another_boot_and_broken_ones_are_dropped(tmp_path: Path):
    records = Records(tmp_path)
    records.write(replace(Record.of(SPEC, None), boot="another"))
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "other.json").write_text('{"name": "x"}')
    assert records.load() == {}
    assert list(tmp_path.iterdir()) == []


def test_a_process_is_named_by_its_start():
    assert start_time(os.getpid()) == start_time(os.getpid())
    assert start_time(2**22 + 1) is None
    assert len(boot_id()) == 36


def test_our_session_has_us():
    assert os.getpid() in session_members(os.getsid(0))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "ended with exit code 0"),
        (-signal.SIGKILL, "was ended by SIGKILL"),
        (-40, "was ended by signal 40"),
        (None, "ended; its exit code is not known"),
    ],
)
def test_exits_are_described(status: int | None, words: str):
    assert describe_exit(status) == words
