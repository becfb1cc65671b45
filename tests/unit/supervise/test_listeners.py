"""Making listening sockets where their owner can get in the way."""

import os
import socket
import stat

import pytest

from aloft.base.errors import PermanentError
from aloft.supervise.listeners import Listeners


@pytest.fixture
def listeners(tmp_path):
    workshop = tmp_path / "workshop"
    workshop.mkdir(mode=0o700)
    made = Listeners(workshop)
    yield made
    made.let_go()


def provide(listeners, *paths):
    return listeners.provide(paths, os.getuid(), os.getgid(), 0o770)


def test_a_socket_listens_with_its_mode(listeners, tmp_path):
    path = tmp_path / "s"
    provide(listeners, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o770
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    assert list((tmp_path / "workshop").iterdir()) == []


def test_what_is_held_is_handed_out_again(listeners, tmp_path):
    paths = (tmp_path / "a", tmp_path / "b")
    assert provide(listeners, *paths) == provide(listeners, *paths)


def test_a_link_in_its_place_is_replaced_and_not_followed(listeners, tmp_path):
    target = tmp_path / "precious"
    target.write_text("kept")
    (tmp_path / "s").symlink_to(target)
    provide(listeners, tmp_path / "s")
    assert target.read_text() == "kept"
    assert (tmp_path / "s").is_socket()
    assert not (tmp_path / "s").is_symlink()


def test_a_file_that_was_exchanged_is_made_anew(listeners, tmp_path):
    path = tmp_path / "s"
    provide(listeners, path)
    path.unlink()
    path.write_text("not a socket")
    provide(listeners, path)
    assert path.is_socket()


def test_a_place_that_cannot_be_taken_is_told(listeners, tmp_path):
    (tmp_path / "s").mkdir()
    with pytest.raises(PermanentError, match="Nothing can listen"):
        provide(listeners, tmp_path / "s")
    assert not listeners.held


def test_let_go_connections_are_refused(listeners, tmp_path):
    path = tmp_path / "s"
    provide(listeners, path)
    listeners.let_go()
    with socket.socket(socket.AF_UNIX) as client, pytest.raises(ConnectionRefusedError):
        client.connect(str(path))


def test_what_is_not_listening_is_not_taken_back(listeners, tmp_path):
    pidfd = os.pidfd_open(os.getpid())
    try:
        assert not listeners.recover(pidfd, [tmp_path / "never"])
    finally:
        os.close(pidfd)
    assert not listeners.held
