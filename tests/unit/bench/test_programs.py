"""Programs that a benchmark starts, and the ways to them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aloft.base.errors import PermanentError
from aloft.bench import measure
from aloft.bench.programs import Programs, free_ports
from aloft.bench.proxy import Door, configuration
from aloft.bench.uwsgi import APPLICATIONS, Uwsgi, processes

ENDLESS = ("/usr/bin/tail", "-f", "/dev/null")


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    started = Programs(user=299_997, cwd=tmp_path)
    yield started
    started.close()


def test_a_program_runs_until_it_is_killed_and_can_be_started_again(programs: Programs, tmp_path: Path) -> None:
    programs.start("one", ENDLESS, log=tmp_path / "one.log")
    (first,) = programs.pids("one")
    programs.check()
    programs.kill("one")
    assert measure.user(first) == -1
    assert programs.names == ()
    programs.start("one", ENDLESS, log=tmp_path / "one.log")
    assert programs.pids("one") != {first}


def test_closing_ends_all_programs(programs: Programs, tmp_path: Path) -> None:
    for name in ("one", "two"):
        programs.start(name, ENDLESS, log=tmp_path / "log")
    pids = programs.pids("one") | programs.pids("two")
    programs.close()
    assert all(measure.user(pid) == -1 for pid in pids)


def test_a_program_that_ended_is_told_with_its_last_words(programs: Programs, tmp_path: Path) -> None:
    programs.start("bad", ("/bin/sh", "-c", "echo no such table; exit 3"), log=tmp_path / "bad.log")
    with pytest.raises(PermanentError, match=r"(?s)bad .*code 3.*no such table"):
        while True:
            programs.check()


def test_free_ports_are_different_ones() -> None:
    assert len(set(free_ports(10))) == 10


def test_the_proxy_routes_by_name_and_by_port() -> None:
    doors = {
        "identity": Door("identity.a.test", 5000, "unix@/run/k.sock"),
        "console": Door("c.test", 6080, "127.0.0.1:1"),
    }
    text = configuration(Path("/tmp/x"), 8443, doors)
    assert "bind 127.0.0.1:8443 ssl crt /tmp/x/server.pem" in text
    assert "use_backend identity if { req.hdr(host),host_only -i identity.a.test }" in text
    assert "server service unix@/run/k.sock" in text
    assert text.count("\nbackend ") == 2


@pytest.mark.parametrize(("cores", "number"), [(1, 2), (2, 2), (8, 2), (16, 4)])
def test_uwsgi_has_as_many_processes_as_devstack_gives_it(cores: int, number: int) -> None:
    assert processes(cores) == number


def test_uwsgis_settings_go_into_a_file(tmp_path: Path) -> None:
    uwsgi = Uwsgi(tmp_path, Path("/opt/env"))
    command = uwsgi.command("cinder-api", tmp_path / "c.sock", "--config-file=/c.conf")
    text = Path(command[-1]).read_text()
    assert f"module = {APPLICATIONS['cinder-api']}" in text
    assert f"http-socket = {tmp_path / 'c.sock'}" in text
    assert "pyargv = --config-file=/c.conf" in text
    assert uwsgi.env({"A": "b", "ASGI_WORKERS": "1"})["PYTHONPATH"] == str(tmp_path / "layer")
    assert "ASGI_WORKERS" not in uwsgi.env({"A": "b", "ASGI_WORKERS": "1"})
