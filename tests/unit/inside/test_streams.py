"""Streams that wait for somebody who wants to reach a host."""

import socket
import threading

import pytest

from aloft.inside.streams import NoStream, Relay, Streams


def parked(streams, host="far", offers=("console",)):
    near, far = socket.socketpair()
    streams.park(host, frozenset(offers), near)
    far.settimeout(10)
    return far


def agent(far, answer=b"ok\n"):
    """Take one request as a host's agent does; what was asked for is put into the list that is returned."""
    asked = []

    def serve():
        asked.append(far.makefile("rb").readline())
        far.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    return asked, thread


@pytest.fixture
def streams():
    made = Streams(wait=2.0)
    yield made
    for waiting in made._waiting.values():
        for one in waiting:
            one.close()


def test_a_waiting_stream_leads_to_what_was_asked_for(streams):
    with parked(streams) as far:
        asked, thread = agent(far)
        with streams.open("far", "console 5901") as stream:
            thread.join()
            assert asked == [b"console 5901\n"]
            stream.sendall(b"hello")
            assert far.recv(5) == b"hello"


def test_a_host_that_is_not_linked_is_named():
    with pytest.raises(NoStream, match="far is not linked"):
        Streams(wait=0.01).open("far", "console 5901")


def test_a_refusal_is_passed_on(streams):
    with parked(streams) as far:
        _, thread = agent(far, b"no: nothing there\n")
        with pytest.raises(NoStream, match="nothing there"):
            streams.open("far", "console 1")
        thread.join()


def test_a_dead_stream_is_passed_over(streams):
    with parked(streams) as far:
        parked(streams).close()
        _, thread = agent(far)
        streams.open("far", "console 5901").close()
        thread.join()


def test_somebody_who_comes_early_waits_for_a_stream(streams):
    found = []

    def want():
        with streams.open("far", "console 5901") as stream:
            found.append(stream)

    thread = threading.Thread(target=want)
    thread.start()
    with parked(streams) as far:
        _, serving = agent(far)
        serving.join()
        thread.join()
    assert found


def test_pings_reach_who_waits_and_sort_out_who_has_gone(streams):
    with parked(streams) as far:
        parked(streams, "gone").close()
        streams.ping()
        assert far.recv(1) == b"\n"
        assert set(streams._waiting) == {"far"}


def test_images_are_asked_of_a_host_that_has_them(streams):
    with parked(streams, "bare"), parked(streams, "library", ("console", "images")) as far:
        asked, thread = agent(far)
        streams.open("", "images").close()
        thread.join()
        assert asked == [b"images\n"]


def test_an_agent_brings_its_stream_through_the_edge(streams, tmp_path):
    relay = Relay(streams, f"{tmp_path}/streams", f"{tmp_path}/images", f"{tmp_path}/library")
    relay.start()
    with socket.socket(socket.AF_UNIX) as far, socket.socket(socket.AF_UNIX) as user:
        far.connect(f"{tmp_path}/streams")
        far.sendall(
            b"GET /v1/stream?offers=console,images HTTP/1.1\r\nX-Aloft-Host: far\r\nUpgrade: aloft-stream\r\n\r\n"
        )
        reader = far.makefile("rb")
        assert b" 101 " in reader.readline()
        while reader.readline() != b"\r\n":
            pass
        user.connect(f"{tmp_path}/images")
        user.sendall(b"GET /v2/images")
        line = b"\n"
        while line == b"\n":  # pings
            line = reader.readline()
        assert line == b"images\n"
        far.sendall(b"ok\n")
        assert reader.read(14) == b"GET /v2/images"
        far.sendall(b"here they are")
        assert user.recv(13) == b"here they are"
    relay.stop()


def test_nobody_brings_a_stream_without_a_host(streams, tmp_path):
    relay = Relay(streams, f"{tmp_path}/streams", f"{tmp_path}/images", f"{tmp_path}/library")
    relay.start()
    with socket.socket(socket.AF_UNIX) as far:
        far.connect(f"{tmp_path}/streams")
        far.sendall(b"GET /v1/stream HTTP/1.1\r\nUpgrade: aloft-stream\r\n\r\n")
        assert b" 400 " in far.recv(100)
    relay.stop()
