"""Calls that need a certain process: what is tried again and again after it was killed, until it is answered.

Each function here makes a *probe*: a function that returns when the call was answered, and raises
:class:`TemporaryError` when it was not. A probe may remember what it asked for, so that the next attempt goes on there.
"""

import json
import socket
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

from aloft.base.errors import NotFound, TemporaryError
from aloft.base.invoke import answer
from aloft.bench.caller import Caller, Connect
from aloft.bench.records import ask_server, placed
from aloft.bench.upstream import DAEMONS
from aloft.controller.check import calls
from aloft.controller.services import ALL, enabled

Probe = Callable[[], None]
MakeProbe = Callable[[Caller], Probe]

SOCKET_SECONDS = 2.0


def listing(label: str, path: str) -> MakeProbe:
    """A list call."""

    def make(caller: Caller) -> Probe:
        def probe() -> None:
            caller.get(label, path)

        return probe

    return make


def token(caller: Caller) -> Probe:
    """A new token."""

    def probe() -> None:
        caller.authenticate()

    return probe


def everything(caller: Caller) -> Probe:
    """A new token, and a list call of each service."""

    def probe() -> None:
        caller.authenticate()
        for call in calls(caller.context, enabled(caller.context.spec)):
            label = call.host.partition(".")[0]
            caller.get(label, call.path)

    return probe


def server(caller: Caller) -> Probe:
    """A new server gets the scheduler's answer: API, conductor, scheduler and broker all had to do with it."""
    asked: list[str] = []

    def probe() -> None:
        if not asked:
            asked.append(ask_server(caller, "bench-probe"))
        if not placed(caller, asked[0]):
            raise TemporaryError(f"The server {asked[0]} is not scheduled yet.")

    return probe


def southbound(caller: Caller) -> Probe:
    """A new network is known to the hosts' side of OVN: both databases and northd had to do with it."""
    slot = caller.context.slot
    made: list[str] = []

    def probe() -> None:
        if not made:
            body = {"network": {"name": "bench-probe"}}
            made.append(caller.expect(201, "POST", "network", "/v2.0/networks", body)["network"]["id"])
        command = ["/usr/bin/ovn-sbctl", f"--db=unix:{slot.socket('ovn-sb')}", "--timeout=2", "--bare"]
        if made[0] not in answer([*command, "--columns=external_ids", "list", "Datapath_Binding"]):
            raise TemporaryError(f"The network {made[0]} is not in the southbound database yet.")

    return probe


def cache(caller: Caller) -> Probe:
    """The customer's memcached answers, and so does a service that keeps tokens in it."""

    def probe() -> None:
        if not ask_socket(caller.context.slot.socket("memcached"), b"version\r\n").startswith(b"VERSION"):
            raise TemporaryError("memcached does not answer.")
        caller.get("compute", "/v2.1/servers")

    return probe


def zygote(path: Path) -> Probe:
    """The zygote takes requests to fork."""

    def probe() -> None:
        told = json.loads(ask_socket(path, b'{"op": "ping"}\n') or b"{}")
        if "pid" not in told:
            raise TemporaryError("The zygote does not answer.")

    return probe


def plane(connect: Connect, host: str) -> Probe:
    """The plane answers through the edge, and has its database."""

    def probe() -> None:
        connection = connect(host)
        try:
            connection.request("GET", "/v1/health", headers={"Host": host})
            response = connection.getresponse()
            if response.status != 200 or json.loads(response.read())["status"] != "ok":
                raise TemporaryError("The plane does not answer.")
        except (OSError, HTTPException) as error:
            raise TemporaryError(f"The plane does not answer: {error}.") from error
        finally:
            connection.close()

    return probe


def ask_socket(path: Path, request: bytes) -> bytes:
    """One line of an answer on a unix socket.

    Raises:
        TemporaryError: there is none.
    """
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(SOCKET_SECONDS)
            client.connect(str(path))
            client.sendall(request)
            with client.makefile("rb") as stream:
                return stream.readline()
    except OSError as error:
        raise TemporaryError(f"{path} does not answer: {error}.") from error


def all_of(*makes: MakeProbe) -> MakeProbe:
    """Every one of several calls; one that was answered is not made again."""

    def make(caller: Caller) -> Probe:
        left = [each(caller) for each in makes]

        def probe() -> None:
            while left:
                left[0]()
                del left[0]

        return probe

    return make


OF_PROGRAMS: dict[str, MakeProbe] = {
    "keystone": token,
    "placement": listing("placement", "/resource_providers"),
    "nova-api": listing("compute", "/v2.1/servers"),
    "nova-conductor": server,
    "nova-scheduler": server,
    "nova-novncproxy": listing("console", "/vnc_lite.html"),
    "neutron-api": listing("network", "/v2.0/networks"),
    "glance": listing("image", "/v2/images"),
    "cinder-api": listing("volume", "/v3/volumes"),
    "cinder-scheduler": listing("volume", "/v3/scheduler-stats/get_pools"),
    "memcached": cache,
    "ovn-nb": southbound,
    "ovn-sb": southbound,
    "ovn-northd": southbound,
}
"""The call that needs each of upstream's programs; one that is not here takes no calls (it works by the clock)."""


def of_process(name: str) -> MakeProbe:
    """What needs a process of a controller: the calls of all of upstream's programs whose work it does.

    A program without a process of its own lives in the first process of its service, or of the one it is a guest of.

    Raises:
        NotFound: it is no process of a controller, or takes no calls.
    """
    for service in ALL:
        names = [process.name for process in service.processes]
        if name in names:
            guests = (guest.name for guest in ALL if guest.within == service.name)
            within = [program for program in (*DAEMONS.get(service.name, {}), *guests) if program not in names]
            programs = (name, *(within if name == names[0] else ()))
            if found := [OF_PROGRAMS[program] for program in programs if program in OF_PROGRAMS]:
                return all_of(*found)
    raise NotFound(f"There is no call that needs the process {name}.")
