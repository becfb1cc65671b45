"""The Aloft that runs on this machine, as its users reach it: command line, OpenStack's APIs, files, processes."""

import fcntl
import json
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from aloft.base.paths import Paths
from aloft.controller.context import Slot

PATHS = Paths()
ALOFT = "/usr/local/bin/aloft"
OPENSTACK = "/usr/local/bin/openstack"
PATIENCE = 60.0
PAUSE = 0.1

Answer = TypeVar("Answer")


def skip_without_aloft() -> None:
    """Skip what needs an Aloft on this machine where there is none."""
    if os.geteuid() != 0 or not Path(ALOFT).exists() or not PATHS.node_socket.exists():
        pytest.skip("needs root on a machine where `aloft up` ran", allow_module_level=True)


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other tests use the Aloft of this machine, and keep others from it."""
    with Path("/run/lock/aloft-tests").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def eventually(look: Callable[[], Answer], seconds: float = PATIENCE, what: str = "") -> Answer:
    """Ask until the answer is true, which it gives back; errors in between count as no."""
    end = time.monotonic() + seconds
    while True:
        trouble: object = ""
        try:
            if answer := look():
                return answer
        except (OSError, AssertionError, LookupError, httpx.HTTPError, subprocess.SubprocessError) as error:
            trouble = error
        if time.monotonic() > end:
            raise AssertionError(f"{what or look} did not come true within {seconds:.0f} s; {trouble!r}")
        time.sleep(PAUSE)


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(*command: str, seconds: float = 300.0, **env: str) -> Said:
    """Run a command to its end."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        env={**os.environ, "COLUMNS": "200", **env},
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def aloft(*words: str, **env: str) -> Said:
    """Run the command line; it may fail."""
    return run(ALOFT, *words, **env)


def told(*words: str) -> Any:
    """What a command of the command line says as JSON; it must succeed."""
    said = aloft(*words, "--json")
    assert said.code == 0, said
    return said.json


def node(path: str, method: str = "GET") -> httpx.Response:
    """One request to the node's local API; an ``OSError`` when nobody listens there."""
    with socket.socket(socket.AF_UNIX) as line:  # by hand: httpx leaves a socket open that does not connect
        line.settimeout(30)
        line.connect(str(PATHS.node_socket))
        connection = HTTPConnection("node", timeout=30)
        connection.sock = line
        try:
            connection.request(method, path)
            with connection.getresponse() as answer:
                return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())
        except HTTPException as error:
            raise ConnectionError(f"The node broke off: {error!r}") from error


@dataclass(frozen=True)
class Region:
    """A region of a customer, and the slot that it lives in."""

    customer: str
    name: str

    @property
    def path(self) -> str:
        return f"/v1/controllers/{self.customer}/{self.name}"

    @property
    def status(self) -> Any:
        answer = node(self.path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    @property
    def slot(self) -> Slot:
        """Where it lives now: a restore, an upgrade and a move give it another one."""
        return Slot(self.status["slot"], PATHS)

    @property
    def secrets(self) -> Any:
        return json.loads((self.slot.state / "secrets.json").read_text())

    @cached_property
    def credentials(self) -> Any:
        return node(f"{self.path}/credentials").json()

    @cached_property
    def login(self) -> dict[str, str]:
        """The customer's administrator, as OpenStack's command line takes it from the environment."""
        told = self.credentials
        return {
            "OS_AUTH_URL": told["auth_url"],
            "OS_USERNAME": told["username"],
            "OS_PASSWORD": told["password"],
            "OS_PROJECT_NAME": told["project_name"],
            "OS_USER_DOMAIN_NAME": told["user_domain_name"],
            "OS_PROJECT_DOMAIN_NAME": told["project_domain_name"],
            "OS_REGION_NAME": self.name,
            "OS_CACERT": str(PATHS.etc / "ca.pem"),
        }

    def pids(self) -> dict[str, int]:
        """Process ids of the region's processes that run."""
        return {one["name"]: one["pid"] for one in self.status["components"] if one["pid"]}

    def endpoint(self, service: str) -> str:
        """The public URL of a service; Keystone is the customer's, whichever region it lives in."""
        return str(self.credentials["auth_url"] if service == "identity" else self.status["endpoints"][service])

    def login_request(self) -> dict[str, Any]:
        """What the customer's administrator sends to get a token."""
        login = self.credentials
        domain = {"name": login["user_domain_name"]}
        user = {"name": login["username"], "password": login["password"], "domain": domain}
        return {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": {"name": login["project_name"], "domain": domain}},
            }
        }

    def token(self) -> str:
        """A fresh token of the customer's administrator."""
        answer = https("POST", f"{self.credentials['auth_url']}/auth/tokens", json=self.login_request())
        assert answer.status_code == 201, answer.text
        return answer.headers["X-Subject-Token"]

    def get(self, service: str, path: str, token: str) -> httpx.Response:
        """Read something of a service of this region."""
        return https("GET", self.endpoint(service) + path, headers={"X-Auth-Token": token})


LISTS = {
    "identity": "/projects",
    "placement": "/resource_providers",
    "compute": "/servers",
    "network": "/v2.0/networks",
    "image": "/v2/images",
    "block-storage": "/volumes/detail",
}
"""A list call of each service, below its URL in the catalog."""


def lists_answer(region: Region) -> bool:
    """Whether a fresh token and a list call of each service are answered."""
    token = region.token()
    answers = {service: region.get(service, path, token).status_code for service, path in LISTS.items()}
    assert set(answers.values()) == {200}, answers
    return True


def https(method: str, url: str, **more: Any) -> httpx.Response:
    """One request through the edge."""
    with httpx.Client(verify=trust(), timeout=30, trust_env=False) as client:
        return client.request(method, url, **more)


def trust() -> ssl.SSLContext:
    """What users of the Aloft on this machine trust."""
    return ssl.create_default_context(cafile=str(PATHS.etc / "ca.pem"))


def forget(*customers: str) -> None:
    """Delete customers, at once, those of them that exist."""
    there = {one["name"] for one in told("customer", "list")} & set(customers)
    begun = [told("customer", "delete", name, "--yes", "--no-wait")["id"] for name in sorted(there)]
    for identity in begun:
        said = aloft("operation", "watch", identity)
        assert said.code == 0, said


def ping(address: str) -> bool:
    """Whether an address answers; a packet may be lost, as a guest shares the processor with much else."""
    return run("ping", "-c", "1", "-w", "4", address).code == 0


def openstack(*words: str) -> Said:
    """Run OpenStack's command line as the demo customer's administrator; it must succeed."""
    said = run(OPENSTACK, "--os-cloud", "demo", *words)
    assert said.code == 0, said
    return said
