"""How long python-ovs waits without a word before it asks whether the other end of a unix socket lives.

Run with the Python of a release as ``probe_unix_sockets.py FILE``; prints JSON: milliseconds (0: it never asks) before
and after it was told to.
"""

import json
import sys

from ovs import jsonrpc, stream

from aloft.inside.metadata import probe_unix_sockets

INTERVAL = 5000


def interval(file: str) -> int:
    """Of a session that is opened now."""
    session = jsonrpc.Session.open(f"unix:{file}", probe_interval=INTERVAL)
    return int(session.reconnect.get_probe_interval())


if __name__ == "__main__":
    before = interval(sys.argv[1])
    probe_unix_sockets(stream)
    print(json.dumps([before, interval(sys.argv[1])]))
