"""Calls of a controller's APIs, against a small server in this process."""

import http.client
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from aloft.base.errors import NotFound, TemporaryError
from aloft.base.paths import Paths
from aloft.bench import probes
from aloft.bench.caller import Caller
from aloft.bench.workload import LISTS, mixed
from aloft.controller.context import Context, Secrets, Slot
from aloft.controller.services import ALL
from aloft.controller.spec import ControllerSpec


class Service(BaseHTTPRequestHandler):
    """Answers like an OpenStack service; closes every connection after the answer without saying so."""

    protocol_version = "HTTP/1.1"
    requests: list[tuple[str, str, str]] = []  # noqa: RUF012  # one list for all handlers, emptied by the fixture

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        type(self).requests.append((self.command, self.headers["Host"].partition(".")[0], self.path))
        status = {"POST": 200 if "flavors" in self.path else 201, "DELETE": 202 if "flavors" in self.path else 204}
        code = 503 if self.path == "/down" else status.get(self.command, 200)
        made = {"id": "7"}
        body = b"" if code == 204 else json.dumps({"network": made, "flavor": made, **made}).encode()
        self.send_response(code)
        self.send_header("X-Subject-Token", "secret")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815  # the server's names

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def caller(tmp_path: Path) -> Iterator[Caller]:
    Service.requests.clear()
    names = {service.name for service in ALL}
    spec = ControllerSpec(customer="acme", region="acme-1", release="2026.2", domain="example.test")
    context = Context(spec, Slot(3, Paths(tmp_path)), Secrets.generate(names, names, names))
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        made = Caller(context, lambda _: http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5))
        yield made
        made.close()
        server.shutdown()


def test_a_token_is_kept_and_sent_along(caller: Caller) -> None:
    assert caller.authenticate() > 0
    assert caller.token == "secret"
    assert Service.requests == [("POST", "identity", "/v3/auth/tokens")]


def test_a_kept_connection_that_was_closed_is_replaced(caller: Caller) -> None:
    for _ in range(3):
        caller.get("compute", "/v2.1/servers")
    assert Service.requests == [("GET", "compute", "/v2.1/servers")] * 3


def test_another_status_than_expected_is_an_error(caller: Caller) -> None:
    with pytest.raises(TemporaryError, match="503"):
        caller.get("compute", "/down")


def test_silence_is_an_error(caller: Caller) -> None:
    caller.connect = lambda _: http.client.HTTPConnection("127.0.0.1", 1, timeout=1)
    with pytest.raises(TemporaryError, match=r"compute\.acme-1\.acme\.example\.test does not answer"):
        caller.get("compute", "/v2.1/servers")


@pytest.mark.parametrize("calls", [1, 17, 200])
def test_ordinary_use_is_as_many_calls_as_asked_for(caller: Caller, calls: int) -> None:
    mixed(caller, calls)
    assert len(Service.requests) == calls


def test_ordinary_use_asks_every_service_and_deletes_what_it_makes(caller: Caller) -> None:
    mixed(caller, 200)
    assert {label for _, label, _ in Service.requests} == {label for label, _ in LISTS}
    verbs = [verb for verb, label, _ in Service.requests if label == "network"]
    assert verbs.count("POST") == verbs.count("DELETE") > 0


def test_every_process_of_a_controller_is_needed_by_a_call() -> None:
    for service in ALL:
        for process in service.processes:
            assert probes.of_process(process.name)
    with pytest.raises(NotFound, match="butler"):
        probes.of_process("butler")


def test_a_call_that_was_answered_is_not_made_again(caller: Caller) -> None:
    probe = probes.all_of(probes.token, probes.listing("compute", "/down"))(caller)
    for _ in range(2):
        with pytest.raises(TemporaryError):
            probe()
    assert [path for _, _, path in Service.requests] == ["/v3/auth/tokens", "/down", "/down"]


def test_a_probe_says_when_nothing_answers(caller: Caller, tmp_path: Path) -> None:
    with pytest.raises(TemporaryError):
        probes.zygote(tmp_path / "none.sock")()
    with pytest.raises(TemporaryError):
        probes.listing("compute", "/down")(caller)()
    probes.token(caller)()
