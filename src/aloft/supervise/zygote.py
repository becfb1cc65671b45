"""A zygote: a process that has imported everything and forks services that have everything imported.

    python -m aloft.supervise.zygote --socket S --preload package.module:function [--log L]

It calls the preload function, freezes its heap (``gc.freeze``), and listens on a unix socket. A client sends one JSON
object on one line and gets one back:

``{"op": "fork", "request": {...}}``
    forks a child (see :class:`aloft.supervise.child.Request`) → ``{"pid": 12, "start": 3456}``; the listening sockets
    that it shall have come with the first byte (``SCM_RIGHTS``, unix(7))
``{"op": "exit", "pid": 12, "start": 3456}``
    how a child ended → ``{"status": 0}``: exit code, minus the signal's number, or ``null`` while it is not known
``{"op": "ping"}``
    → ``{"pid": 11, "children": 3}``

A zygote may itself be forked from another one: :func:`serve` is its entry. It imports on top of what that one has
imported, and the pages of the common part are shared by all that descend from it.

Anything that goes wrong is answered with ``{"error": "..."}``. After the freeze the zygote touches as little of its
memory as it can: a page it writes to is no longer shared with its children. It has one thread, because a fork in the
presence of others may inherit locks that nobody will ever release. Children have sessions of their own and outlive it.
Standard library only.
"""

import argparse
import atexit
import ctypes
import gc
import importlib
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from select import POLLIN, poll
from socket import AF_UNIX, SOCK_STREAM, recv_fds, socket, socketpair
from typing import Any, NoReturn

from aloft.supervise import child, heap

_REMEMBERED_EXITS = 1000
_LONGEST_REQUEST = 1 << 20
_MOST_LISTENERS = 16
_CLIENT_TIMEOUT = 5.0
_PR_SET_DUMPABLE, _PR_SET_NAME, _PR_SET_MM, _PR_SET_MM_ARG_END = 4, 15, 35, 9


class Refused(Exception):
    """The zygote cannot serve; the text says why."""


class Title:
    """The memory in which the kernel looks for a process's arguments; children overwrite it with their names.

    Made once, by the first zygote: its children see only as much room as the title takes that they were given.
    """

    def __init__(self) -> None:
        places = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        self.start, self.end = int(places[45]), int(places[46])
        self._libc = ctypes.CDLL(None)

    def set(self, title: str, short: str) -> None:
        """Show ``title`` in the arguments and ``short`` (15 bytes) as the name."""
        self._libc.prctl(_PR_SET_NAME, short.encode()[:15], 0, 0, 0)
        room = self.end - self.start
        text = title.encode()[: room - 1] + b"\0"
        ctypes.memset(self.start, 0, room)
        ctypes.memmove(self.start, text, len(text))
        # Needs CAP_SYS_RESOURCE; without it the listing shows the title and blanks.
        self._libc.prctl(_PR_SET_MM, _PR_SET_MM_ARG_END, ctypes.c_ulong(self.start + len(text)), 0, 0)

    def stay_dumpable(self) -> None:
        """Undo what a change of user does to ``/proc/self``, as an ``exec`` would: a service may look at itself."""
        self._libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)


def resolve(reference: str) -> Callable[..., Any]:
    """Import ``package.module:function``.

    Raises:
        ValueError: the reference has not this form.
    """
    module, separator, name = reference.partition(":")
    if not separator or not module or not name:
        raise ValueError(f"{reference!r} is not of the form package.module:function")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


def _preload(reference: str) -> None:
    """Import everything, then freeze the heap.

    Raises:
        Refused: the preload function failed, or left threads behind.
    """
    gc.disable()
    try:
        resolve(reference)()
    except BaseException as error:
        traceback.print_exc()
        raise Refused(f"preload {reference} failed: {type(error).__name__}: {error}") from error
    if names := sorted({thread.name for thread in threading.enumerate() if thread is not threading.main_thread()}):
        raise Refused(f"preload {reference} left threads running, so forking is not safe: {', '.join(names)}")
    native = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
    if len(native) > 1:
        raise Refused(f"preload {reference} left native threads running, so forking is not safe: {', '.join(native)}")
    gc.collect()
    heap.fill_holes()
    gc.freeze()


class Zygote:
    """The loop: one request at a time.

    Args:
        path: the socket; whatever lies there is replaced.
        title: where children write their names.
    """

    def __init__(self, path: Path, title: Title) -> None:
        self._title = title
        self._exits: OrderedDict[tuple[int, int], int] = OrderedDict()
        self._children: dict[int, int] = {}
        self._listener = socket(AF_UNIX, SOCK_STREAM)
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            self._listener.bind(str(path))
        finally:
            os.umask(before)
        self._listener.listen(128)
        self._wake, wake = socketpair()
        for end in (self._wake, wake):
            end.setblocking(False)
        self._wake_sender = wake
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)

    def serve(self) -> NoReturn:
        """Fork children for ever."""
        watched = poll()
        watched.register(self._listener, POLLIN)
        watched.register(self._wake, POLLIN)
        while True:
            ready = watched.poll()
            self._reap()
            for descriptor, _ in ready:
                if descriptor == self._wake.fileno():
                    self._wake.recv(4096)
                else:
                    self._accept()

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.settimeout(_CLIENT_TIMEOUT)
        try:
            self._converse(connection)
        except OSError as error:
            print(f"zygote: a client went away: {error}", file=sys.stderr, flush=True)
        finally:
            connection.close()

    def _converse(self, connection: socket) -> None:
        first, listeners, _, _ = recv_fds(connection, 1, _MOST_LISTENERS)
        try:
            line = self._read_line(connection, first)
            if line:
                connection.sendall(json.dumps(self._answer(line, connection, listeners)).encode() + b"\n")
        finally:
            for descriptor in listeners:
                os.close(descriptor)

    @staticmethod
    def _read_line(connection: socket, first: bytes) -> bytes:
        received = bytearray(first)
        while not received.endswith(b"\n") and len(received) <= _LONGEST_REQUEST:
            part = connection.recv(65536)
            if not part:
                return b""
            received += part
        return bytes(received)

    def _answer(self, line: bytes, connection: socket, listeners: list[int]) -> dict[str, Any]:
        try:
            message = json.loads(line)
            if message["op"] == "fork":
                return self._fork(child.Request.from_json(message["request"]), connection, listeners)
            if message["op"] == "exit":
                self._reap()
                return {"status": self._exits.get((message["pid"], message["start"]))}
            if message["op"] == "ping":
                return {"pid": os.getpid(), "children": len(self._children)}
            return {"error": f"unknown op {message['op']!r}"}
        except (ValueError, KeyError, TypeError) as error:
            return {"error": f"bad request: {type(error).__name__}: {error}"}
        except OSError as error:
            return {"error": f"cannot fork: {error}"}

    def _fork(self, request: child.Request, connection: socket, listeners: list[int]) -> dict[str, Any]:
        if len(listeners) != len(request.listen):
            return {"error": f"{len(listeners)} sockets came with a request for {len(request.listen)}"}
        with child.signals_blocked():
            pid = os.fork()
            if pid == 0:
                self._run(request, connection, listeners)
        start = child.start_time(pid)  # still there, as a zombie at least: only this loop reaps
        if start is not None:
            self._children[pid] = start
        return {"pid": pid, "start": start}

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            start = self._children.pop(pid, None)
            if start is not None:
                self._exits[pid, start] = os.waitstatus_to_exitcode(status)
            while len(self._exits) > _REMEMBERED_EXITS:
                self._exits.popitem(last=False)

    def _run(self, request: child.Request, connection: socket, listeners: list[int]) -> NoReturn:
        """The child's whole life."""
        try:
            signal.set_wakeup_fd(-1)
            # Closed as objects: left to closerange alone, their finalizers would later close whoever has their numbers.
            for inherited in (connection, self._listener, self._wake, self._wake_sender):
                inherited.close()
            _inherited.append(self._title)
            self._title.set(request.title, request.name.rpartition("/")[2])
            child.become(request, listeners)
            self._title.stay_dumpable()
            _refresh_interpreter(request)
        except BaseException as error:
            child.fail(request, error)
        os._exit(_call(request))


def _refresh_interpreter(request: child.Request) -> None:
    """Give a forked interpreter the state of one that was just started with the request's environment."""
    os.environ.clear()
    os.environ.update(child.environment(request))
    time.tzset()
    tempfile.tempdir = None
    random.seed()
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = [request.title]
    child.speak_plainly()
    gc.enable()


def _call(request: child.Request) -> int:
    """Call the entry and clean up as the interpreter would, short of tearing down a heap that is shared anyway."""
    code = 0
    try:
        resolve(request.entry)(**request.arguments)
    except SystemExit as end:
        if end.code is not None and not isinstance(end.code, int):
            print(end.code, file=sys.stderr)
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    try:
        # As multiprocessing does: wait for threads that are no daemons, then run what is registered for the exit.
        threading._shutdown()  # type: ignore[attr-defined]  # it is private
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
    return code & 0xFF


_inherited: list[Title] = []
"""In a child, its zygote's title."""


def serve(path: str, preload: str) -> NoReturn:
    """Be a zygote: the entry of one that is forked from another.

    Args:
        path: of the unix socket to listen on.
        preload: ``package.module:function`` that imports what is still missing.
    """
    try:
        _preload(preload)
        zygote = Zygote(Path(path), _inherited[-1] if _inherited else Title())
    except (Refused, OSError) as error:
        print(f"zygote: {error}", file=sys.stderr, flush=True)
        sys.exit(1)
    sys.stdout.flush()
    sys.stderr.flush()
    zygote.serve()


def main() -> None:
    """Run a zygote from the command line."""
    parser = argparse.ArgumentParser(description="Fork preloaded services.")
    parser.add_argument("--socket", type=Path, required=True, help="unix socket to listen on")
    parser.add_argument("--preload", required=True, help="package.module:function that imports everything")
    parser.add_argument("--log", type=Path, help="file for this process's own output")
    options = parser.parse_args()
    if options.log:
        log = os.open(options.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
    serve(str(options.socket), options.preload)


if __name__ == "__main__":
    # Not this copy of the module, which is called __main__: entries of children name the other one.
    importlib.import_module("aloft.supervise.zygote").main()
