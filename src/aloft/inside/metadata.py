"""neutron-ovn-metadata-agent on a host: upstream's own program, which says that it lives as soon as it is back at OVN.

Neutron asks by raising a number in OVN's southbound database, and the agent answers a change of it. After a break of
the link that database is read as a whole, which upstream takes for no change: the agent would be held for dead until
the next question, half a minute later.

It reaches that database by a unix socket, and python-ovs never asks whether the other end of such a one lives. Behind
this one is the link, though: after a cut the agent would sit in a dead connection until TCP gives it up.

Run as ``python -m aloft.inside.metadata CONFIG``.
"""

import sys
from typing import Any


def main(config: str) -> None:
    """Run the agent with the file ``config``."""
    sys.argv = ["neutron-ovn-metadata-agent", "--config-file", config]
    from neutron.agent.ovn.metadata import agent
    from neutron.cmd.agents import ovn_metadata
    from ovs import stream

    _answer_when_back(agent)
    probe_unix_sockets(stream)
    ovn_metadata.main()


def _answer_when_back(agent: Any) -> None:
    """Take the number for a question, too, when it is read anew; not when it is read first, as the agent registers."""

    class Asked(agent.SbGlobalUpdateEvent):  # type: ignore[misc]  # upstream has no types
        def __init__(self, one: Any) -> None:
            super().__init__(one)
            self.events: tuple[str, ...] = (self.ROW_UPDATE, self.ROW_CREATE)
            self.known = False

        def run(self, event: str, row: Any, old: Any) -> None:
            first, self.known = not self.known, True
            if event != self.ROW_CREATE or not first:
                super().run(event, row, old)

    agent.SbGlobalUpdateEvent = Asked


def probe_unix_sockets(stream: Any) -> None:
    """Have python-ovs ask the other end of a unix socket, too, after the interval of its probes without a word."""
    stream.UnixStream.needs_probes = staticmethod(lambda: True)


if __name__ == "__main__":
    main(sys.argv[1])
