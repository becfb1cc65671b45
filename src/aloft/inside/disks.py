"""Instances' files between the hypervisors of a site: what Nova does by SSH as root, done by mutual TLS instead.

Each hypervisor serves its folder of instances on a unix socket; the link offers it to those who have a certificate of
the region. :func:`use` has nova-compute move disks by it, straight from host to host.

Run as ``python -m aloft.inside.disks SOCKET FOLDER``.
"""

import contextlib
import http.client
import os
import shutil
import socketserver
import ssl
import sys
import tempfile
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, unquote

from aloft.inside.sockets import listen

PORT = 19293
_CHUNK = 1 << 20
_TIMEOUT = 60.0


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Serves a folder.

    Args:
        path: of the unix socket.
        folder: what is served; nothing outside of it is.
    """

    daemon_threads = True

    def __init__(self, path: str, folder: Path) -> None:
        super().__init__(path, _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listen(path)
        self.folder = folder.resolve()


class _Handler(BaseHTTPRequestHandler):
    """``PUT`` a file, ``GET`` one, ``MKCOL`` (make a folder), ``DELETE`` either."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """What was asked for, without a client's address, which the link hides."""
        sys.stderr.write(f"{format % args}\n")

    def do_PUT(self) -> None:
        """Take a file; its holes stay holes."""
        path = self._path()
        if path is None:
            return
        left = int(self.headers.get("Content-Length", "0"))
        handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=".incoming.")
        try:
            with os.fdopen(handle, "wb") as file:
                while left:
                    data = self.rfile.read(min(left, _CHUNK))
                    if not data:
                        raise ConnectionError("the file ended early")
                    left -= len(data)
                    if data.count(0) == len(data):
                        file.seek(len(data), os.SEEK_CUR)
                    else:
                        file.write(data)
                file.truncate()
            Path(fresh).chmod(0o644)
            Path(fresh).replace(path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                Path(fresh).unlink()
        self._answer(201)

    def do_GET(self) -> None:
        """Give a file."""
        path = self._path()
        if path is None:
            return
        if not path.is_file():
            self._answer(404)
            return
        with path.open("rb") as file:
            self.send_response(200)
            self.send_header("Content-Length", str(os.fstat(file.fileno()).st_size))
            self.end_headers()
            shutil.copyfileobj(file, self.wfile, _CHUNK)

    def do_MKCOL(self) -> None:
        """Make a folder, with those above it."""
        path = self._path()
        if path is not None:
            path.mkdir(parents=True, exist_ok=True)
            self._answer(201)

    def do_DELETE(self) -> None:
        """Remove a file, or a folder with all that is in it."""
        path = self._path()
        if path is None:
            return
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        self._answer(204)

    def _path(self) -> Path | None:
        """The file that is meant; ``None``, and a refusal, for one outside of the folder."""
        folder = cast(_Server, self.server).folder
        path = Path(unquote(self.path)).resolve()
        if folder in path.parents:
            return path
        self._answer(403)
        return None

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


class SiteDriver:
    """Nova's idea of a remote file system (``nova.virt.libvirt.volume.remotefs.RemoteFilesystemDriver``).

    Args:
        identity: the agent's folder, with the host's certificate and the region's authority.
    """

    def __init__(self, identity: Path) -> None:
        self._identity = identity

    def create_file(self, host: str, dst_path: str, **_: Any) -> None:
        """Make an empty file on a host."""
        self._call(host, "PUT", dst_path, b"")

    def remove_file(self, host: str, dst_path: str, **_: Any) -> None:
        """Remove a file from a host."""
        self._call(host, "DELETE", dst_path)

    def create_dir(self, host: str, dst_path: str, **_: Any) -> None:
        """Make a folder on a host."""
        self._call(host, "MKCOL", dst_path)

    def remove_dir(self, host: str, dst_path: str, **_: Any) -> None:
        """Remove a folder from a host."""
        self._call(host, "DELETE", dst_path)

    def copy_file(self, src: str, dst: str, **_: Any) -> None:
        """Copy a file to a host (``dst`` is ``host:path``), or from one (``src`` is)."""
        if ":" in dst:
            host, _separator, path = dst.rpartition(":")
            with Path(src).open("rb") as file:
                self._call(host, "PUT", path, file)
            return
        host, _separator, path = src.rpartition(":")
        connection = self._connect(host)
        try:
            connection.request("GET", quote(path))
            answer = connection.getresponse()
            self._check(host, "GET", path, answer.status)
            with Path(dst).open("wb") as file:
                shutil.copyfileobj(answer, file, _CHUNK)
        finally:
            connection.close()

    def _call(self, host: str, method: str, path: str, body: Any = None) -> None:
        connection = self._connect(host)
        try:
            length = os.fstat(body.fileno()).st_size if hasattr(body, "fileno") else len(body or b"")
            connection.request(method, quote(path), body=body, headers={"Content-Length": str(length)})
            answer = connection.getresponse()
            answer.read()
            self._check(host, method, path, answer.status)
        finally:
            connection.close()

    def _connect(self, host: str) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=str(self._identity / "region.crt"))
        context.check_hostname = False  # Nova knows hosts by address; the region's authority signs for its hosts alone
        context.load_cert_chain(str(self._identity / "host.pem"))
        return http.client.HTTPSConnection(host.strip("[]"), PORT, context=context, timeout=_TIMEOUT, blocksize=_CHUNK)

    def _check(self, host: str, method: str, path: str, status: int) -> None:
        if status >= 300:
            raise OSError(f"Host {host} answers {method} of {path} with status {status}.")


def use(identity: Path) -> None:
    """Have nova-compute move files between hosts by :class:`SiteDriver`."""
    from nova.virt.libvirt.volume import remotefs

    def start(filesystem: Any) -> None:
        filesystem.driver = SiteDriver(identity)

    remotefs.RemoteFilesystem.__init__ = start


def main(path: str, folder: str) -> None:
    """Serve ``folder`` on the unix socket ``path``."""
    with _Server(path, Path(folder)) as server:
        os.umask(0o022)  # the socket is private; QEMU, another user, must get at what is made from now on
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
