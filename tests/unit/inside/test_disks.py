"""The folder of instances as other hypervisors of the site see it."""

import http.client
import os
import socket
import threading

import pytest

from aloft.inside.disks import _Server


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("site")
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


@pytest.fixture
def ask(tmp_path):
    (tmp_path / "instances").mkdir()
    (tmp_path / "secret").write_text("secret")
    path = f"{tmp_path}/disks.sock"
    with _Server(path, tmp_path / "instances") as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        def call(method, target, body=None):
            connection = Connection(path)
            try:
                connection.request(method, f"{tmp_path}/{target}", body)
                answer = connection.getresponse()
                return answer.status, answer.read()
            finally:
                connection.close()

        yield call
        server.shutdown()
        thread.join()


def test_a_disk_arrives_as_it_was_and_its_holes_stay_holes(ask, tmp_path):
    content = b"boot" + bytes((1 << 20) - 4) + bytes(8 << 20)
    assert ask("MKCOL", "instances/one")[0] == 201
    assert ask("PUT", "instances/one/disk", content)[0] == 201
    assert ask("GET", "instances/one/disk") == (200, content)
    found = os.stat(tmp_path / "instances/one/disk")  # noqa: PTH116 - blocks are what is asked for
    assert found.st_blocks * 512 < len(content) / 2
    assert ask("DELETE", "instances/one")[0] == 204
    assert not (tmp_path / "instances/one").exists()


@pytest.mark.parametrize("target", ["secret", "instances/../secret", "instances/%2e%2e/secret", "instances"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "MKCOL"])
def test_nothing_outside_of_the_folder_is_touched(ask, tmp_path, method, target):
    assert ask(method, target)[0] == 403
    assert (tmp_path / "secret").read_text() == "secret"
    assert (tmp_path / "instances").is_dir()


def test_a_link_leads_nowhere_else(ask, tmp_path):
    (tmp_path / "instances/link").symlink_to(tmp_path)
    assert ask("GET", "instances/link/secret")[0] == 403


def test_what_is_not_there_is_not_found(ask):
    assert ask("GET", "instances/none")[0] == 404
