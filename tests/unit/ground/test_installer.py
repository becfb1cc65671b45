"""The line to paste and the script that it fetches."""

import hashlib
import subprocess
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from aloft.ground.installer import Platform, line, script

URL = "https://plane.example.org"
PLATFORM = Platform("3.11", "x86_64")


def test_the_line_carries_the_fingerprint_of_the_authority():
    text = line(URL, b"authority", "token")
    assert hashlib.sha256(b"authority").hexdigest() in text
    assert text.count("--cacert $f") == 1
    assert "-fsSko" in text.partition("sha256sum")[0]
    assert "curl -fsS --cacert" in text.partition("sha256sum")[2]


def test_an_edge_that_every_machine_trusts_needs_no_fingerprint():
    assert line(URL, b"", "token") == f"curl -fsS {URL}/v1/install | ALOFT_TOKEN=token sh"


def test_an_authority_that_was_exchanged_stops_the_line(tmp_path):
    """The line runs as it is, with a curl that serves another authority than the one that was promised."""
    (tmp_path / "curl").write_text('#!/bin/sh\nfor last; do :; done\nprintf forged >"$3"\n')
    (tmp_path / "curl").chmod(0o755)
    (tmp_path / "sh").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (tmp_path / "sh").chmod(0o755)
    command = line(URL, b"genuine", "token")
    done = subprocess.run(["/bin/sh", "-c", command], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True)
    assert done.returncode != 0
    assert not (tmp_path / "ran").exists()


def test_a_line_that_is_not_believed_for_a_wrong_clock_names_both_clocks(tmp_path):
    """The line runs as it is, with a curl that finds certificates not to be valid yet."""
    curl = """#!/bin/sh
case "$*" in
  *-fsSko*) printf genuine >"$2" ;;
  *--cacert*) echo 'curl: (60) certificate is not yet valid' >&2; exit 60 ;;
  *-skI*) printf 'HTTP/1.1 405\r\nDate: Mon, 23 Nov 2026 01:30:00 GMT\r\n' ;;
esac
"""
    (tmp_path / "curl").write_text(curl)
    (tmp_path / "curl").chmod(0o755)
    command = line(URL, b"genuine", "token")
    done = subprocess.run(
        ["/bin/sh", "-c", command], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "23 Nov 2026 01:30:00 GMT" in done.stderr
    assert "UTC" in done.stderr
    assert "timedatectl set-ntp true" in done.stderr


@pytest.mark.parametrize("now", [0, 2**31])
def test_a_wrong_clock_is_told_with_what_to_do(now):
    text = script(URL, PLATFORM, "0123", now)
    done = subprocess.run(
        ["/bin/sh"], input=text.replace("$(id -u)", "0"), text=True, capture_output=True, env={"ALOFT_TOKEN": "t"}
    )
    assert done.returncode == 1
    assert "clock" in done.stderr
    assert "timedatectl" in done.stderr


def test_half_a_script_does_nothing():
    text = script(URL, PLATFORM, "0123", 0)
    done = subprocess.run(["/bin/sh"], input=text[: len(text) // 2], text=True, capture_output=True)
    assert done.stdout == ""
    assert "Aloft" not in done.stderr


class _Busy(BaseHTTPRequestHandler):
    """An edge whose plane still packs when it is first asked."""

    answers = iter((503, 200))

    def do_GET(self):
        self.send_response(next(self.answers))
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"what")

    def log_message(self, *_):
        """Say nothing."""


def test_a_package_that_is_still_being_packed_is_asked_for_again(tmp_path):
    server = HTTPServer(("127.0.0.1", 0), _Busy)
    Thread(target=server.serve_forever, daemon=True).start()
    fetching = f'fetch -o "{tmp_path}/archive" http://127.0.0.1:{server.server_port}/tool'
    text = script(URL, PLATFORM, "0123", 0).replace('main "$@"\n', f"{fetching}\n")
    env = {"ALOFT_TOKEN": "t", "PATH": "/usr/bin:/bin", "no_proxy": "*"}
    try:
        done = subprocess.run(["/bin/sh"], input=text, text=True, capture_output=True, env=env)
    finally:
        server.shutdown()
        server.server_close()
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "archive").read_text() == "what"
