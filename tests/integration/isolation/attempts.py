"""Attempts to open what may belong to somebody else, run as the user who makes them.

This is a program of its own, for the Python of a release's environment: it reads a list of ``[attempt, arguments]`` as
JSON from standard input and writes for each whether it opened what it tried (``true``) or how it was refused (a text).
So credentials pass through a pipe, never through a process list.
"""

import ctypes
import json
import os
import socket
import sys
from pathlib import Path

REFUSED = (OSError, ValueError, RuntimeError)


def read(path):
    """Read a file."""
    with Path(path).open("rb") as file:
        file.read(1)


def write(path):
    """Open a file for writing, without changing it."""
    os.close(os.open(path, os.O_WRONLY | os.O_APPEND))


def list_folder(path):
    """List a folder."""
    list(Path(path).iterdir())


def make_in(path):
    """Make a file in a folder."""
    made = Path(path) / f"attempt-{os.getuid()}"
    made.touch(exist_ok=False)
    made.unlink()


def connect(path):
    """Connect to a unix socket."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(5)
        link.connect(path)


def ovsdb(path):
    """List the databases of an OVSDB server behind a unix socket or ``host:port``."""
    if path.startswith("/"):
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(5)
        link.connect(path)
    else:
        host, _, port = path.rpartition(":")
        link = socket.create_connection((host, int(port)), 5)
    with link:
        link.sendall(b'{"id":0,"method":"list_dbs","params":[]}')
        if b"OVN" not in link.recv(4096):
            raise ConnectionError("no OVSDB answered")


def memcached(path):
    """Ask a memcached for its version."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(5)
        link.connect(path)
        link.sendall(b"version\r\n")
        if not link.recv(100).startswith(b"VERSION"):
            raise ConnectionError("no memcached answered")


def database(path, user, password, statement, schema=None):
    """Run a statement in MariaDB that must give rows."""
    import pymysql

    try:
        link = pymysql.connect(unix_socket=path, user=user, password=password, database=schema, connect_timeout=5)
    except pymysql.MySQLError as error:
        raise PermissionError(str(error)) from error
    with link, link.cursor() as cursor:
        try:
            if not cursor.execute(statement):
                raise PermissionError("no rows")
        except pymysql.MySQLError as error:
            raise PermissionError(str(error)) from error


def broker(host, port, vhost, user, password):
    """Open a virtual host of RabbitMQ."""
    import amqp

    link = amqp.Connection(f"{host}:{port}", userid=user, password=password, virtual_host=vhost, connect_timeout=5)
    try:
        link.connect()
        link.channel().close()
    except amqp.exceptions.AMQPError as error:
        raise PermissionError(str(error)) from error
    finally:
        link.collect()


def management(url, user, password):
    """Ask RabbitMQ's management for something."""
    import requests

    answer = requests.get(url, auth=(user, password), timeout=5)
    if answer.status_code != 200:
        raise PermissionError(str(answer.status_code))


def signal(pid):
    """See whether a signal could be sent to a process."""
    os.kill(pid, 0)


def memory(pid):
    """Open a process's memory."""
    Path(f"/proc/{pid}/mem").open("rb").close()


def trace(pid):
    """Attach to a process as a debugger does (PTRACE_SEIZE stops nothing)."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if libc.ptrace(0x4206, pid, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def become(user):
    """Become another user."""
    os.setuid(user)


def main():
    """Make each attempt and tell how it went."""
    answers = []
    for name, arguments in json.load(sys.stdin):
        try:
            globals()[name](*arguments)
            answers.append(True)
        except REFUSED as error:
            answers.append(f"{type(error).__name__}: {error}")
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
