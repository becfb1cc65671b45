"""A customer comes to a newer release, and back, at the portal, under a client that never sees a call fail."""

import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, Locator, expect

from ..running import ALOFT, PATHS, Region, aloft, eventually, https, lists_answer, told
from . import machine
from .browser import Person

CUSTOMER = "riser"


@dataclass
class Client:
    """Somebody who reads and writes all the time with one token, and never tries again."""

    region: Region
    token: str
    made: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def work(self, stop: threading.Event) -> None:
        while not stop.is_set():
            for service, path in (("identity", "/projects"), ("compute", "/servers"), ("network", "/v2.0/networks")):
                self.call("GET", self.endpoints[service] + path, 200)
            name = uuid4().hex  # an answer that is lost may be one to what has been done
            body = {"project": {"name": name, "domain_id": "default"}}
            answer = self.call("POST", self.endpoints["identity"] + "/projects", 201, body)
            if answer is not None:
                self.made.append(answer.json()["project"]["id"])

    def call(self, method: str, url: str, wanted: int, body: object = None) -> httpx.Response | None:
        try:
            answer = https(method, url, headers={"X-Auth-Token": self.token}, json=body, timeout=60)
        except httpx.HTTPError as error:
            self.failed.append(f"{method} {url}: {error!r}")
            return None
        if answer.status_code != wanted:
            self.failed.append(f"{method} {url}: {answer.status_code} {answer.text[:200]}")
            return None
        return answer

    def __post_init__(self) -> None:
        self.endpoints = {name: self.region.endpoint(name) for name in ("identity", "compute", "network")}


@contextmanager
def at_work(region: Region) -> Iterator[Client]:
    client, stop = Client(region, region.token()), threading.Event()
    working = threading.Thread(target=client.work, args=(stop,))
    working.start()
    try:
        yield client
    finally:
        stop.set()
        working.join()


@pytest.fixture
def pat(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Person]:
    """Somebody of the provider, logged in; what the last page looked like is kept."""
    person = Person.at(browser)
    person.open("/provider")
    person.log_in_as_provider()
    yield person
    person.picture(PATHS.log / f"{request.node.name}.png")
    person.leave()
    assert not person.complaints


def act(person: Person, action: str, fatal: str = "") -> Any:
    """Do something about the customer's release on its page, and see it to its end there, as `watched` does."""
    page = person.page
    page.get_by_role("button", name=action, exact=True).click()
    person.fill({}, action)
    steps = steps_of(person)
    expect(steps.get_by_role("listitem").first).to_be_visible()
    result = watched(told("upgrade", "show", CUSTOMER)["operation"]["id"], fatal)
    expect(steps).to_have_count(0)
    return result


def steps_of(person: Person) -> Locator:
    """The steps of what is being done about a customer's release, on its page."""
    return person.page.get_by_role("list", name="Steps")


def watched(begun: str, fatal: str = "") -> Any:
    """See an operation to its end, with a kill of the node once a step has ended; what it tells."""
    ended = followed(begun, fatal, lambda: os.kill(machine.daemon_pid("node"), signal.SIGKILL))
    assert ended["state"] == "succeeded", ended
    return ended["result"]


def followed(begun: str, after: str, act: Callable[[], object]) -> Any:
    """How an operation ended, with something done once a step of it has ended; no step is none."""
    command = [ALOFT, "operation", "watch", begun, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watcher:
        assert watcher.stderr is not None
        for line in watcher.stderr:
            if after and line.startswith(f"done   {after}"):
                act()
                after = ""
        assert watcher.stdout is not None
        ended = json.loads(watcher.stdout.read())
    assert not after, ended
    return ended


def make_server(region: Region, token: str) -> None:
    """A server, which nobody has a place for: migrations of rows have something to look at."""
    head = {"X-Auth-Token": token, "OpenStack-API-Version": "compute 2.37"}
    compute = region.endpoint("compute")
    flavor = {"flavor": {"name": "small", "id": "small", "ram": 64, "vcpus": 1, "disk": 0}}
    assert https("POST", compute + "/flavors", headers=head, json=flavor, timeout=60).status_code == 200
    disk = {"boot_index": 0, "source_type": "blank", "destination_type": "volume", "volume_size": 1}
    server = {"name": "one", "flavorRef": "small", "networks": "none", "block_device_mapping_v2": [disk]}
    made = https("POST", compute + "/servers", headers=head, json={"server": server}, timeout=60)
    assert made.status_code == 202, made.text
    path = f"/servers/{made.json()['server']['id']}"
    eventually(lambda: region.get("compute", path, token).json()["server"]["status"] == "ERROR", what="it has no place")


def projects(region: Region, token: str) -> set[str]:
    return {one["id"] for one in region.get("identity", "/projects", token).json()["projects"]}


def make_volume(region: Region, token: str) -> str:
    """A volume that no backend takes: Cinder's upgrade check refuses it, as it never comes to a service."""
    volumes = region.endpoint("block-storage") + "/volumes"
    made = https("POST", volumes, headers={"X-Auth-Token": token}, json={"volume": {"size": 1}}, timeout=60)
    assert made.status_code == 202, made.text
    return str(made.json()["volume"]["id"])


def volume_status(region: Region, token: str, volume: str) -> object:
    return region.get("block-storage", f"/volumes/{volume}", token).json()["volume"]["status"]


def begun_by(wave: str, customer: str) -> str:
    """The operation that upgrades a customer of a wave, once its turn has come."""
    steps = {step["name"]: step for step in told("operation", "show", wave)["steps"]}
    assert steps[customer]["state"] == "running", steps
    return str(steps[customer]["detail"])


def test_a_wave_stops_at_a_failure_and_its_canary_goes_there_and_back_while_it_works(
    customer: Callable[..., Region], pat: Person
) -> None:
    told("release", "prepare", "2026.1")
    refused = customer("refused", "--release", "2026.1")
    token = refused.token()
    volume = make_volume(refused, token)
    untouched, region = customer("untouched", "--release", "2026.1"), customer(CUSTOMER, "--release", "2026.1")
    for one in (region, refused, untouched):
        told("backup", "policy", one.customer, "--off")  # nothing by itself meanwhile
    make_server(region, region.token())
    eventually(lambda: volume_status(refused, token, volume) == "error", what="the volume has no place")
    before = [(one.status["slot"], one.pids()) for one in (refused, untouched)]
    pat.open(f"/provider/customers/{CUSTOMER}/upgrade")
    act(pat, "Rehearse")
    expect(pat.page.get_by_text("2026.1 → 2026.2")).to_be_visible()
    expect(pat.page.get_by_text(re.compile(r"\d+ s, for requests that write"))).to_be_visible()
    names = (CUSTOMER, "refused", "untouched")
    with at_work(region) as client:
        wave = told("upgrade", "wave", "start", *names, "--canary", CUSTOMER, "--no-wait")["id"]
        rising = eventually(lambda: begun_by(wave, CUSTOMER), what="the canary goes first")
        expect(steps_of(pat).get_by_role("listitem").first).to_be_visible()
        watched(rising, fatal="copy the metadata")  # the node comes back, and begins again
        expect(pat.page.get_by_text("2026.1 is kept: you can go back to it", exact=False)).to_be_visible()
    assert told("upgrade", "show", CUSTOMER)["release"] == region.status["release"] == "2026.2"
    assert lists_answer(region)
    assert client.failed == []

    ended = json.loads(aloft("operation", "watch", wave, "--json").out)
    assert ended["state"] == "failed" and "The upgrade of refused failed." in ended["error"]["message"], ended
    assert [(one["name"], one["state"]) for one in ended["steps"]] == [
        (CUSTOMER, "done"), ("refused", "failed"), ("untouched", "pending")
    ]  # fmt: skip
    why = told("operation", "show", ended["steps"][1]["detail"])["error"]["message"]
    assert "service UUID" in why, why
    for one, was in zip((refused, untouched), before, strict=True):
        assert (one.status["slot"], one.pids()) == was and one.status["release"] == "2026.1"
        assert lists_answer(one)

    rolled_back_while_it_works(region, pat, set(client.made))


def rolled_back_while_it_works(region: Region, pat: Person, made_before: set[str]) -> None:
    """The way back, asked for on its page; the node is killed after the switch, and all that was written is there."""
    with at_work(region) as client:
        eventually(lambda: client.made, what="something is written after the upgrade")
        result = act(pat, "Roll back", fatal="lead the names there")  # what had switched stays
        expect(pat.page.get_by_role("row").filter(has_text="Roll back upgrade")).to_contain_text("Succeeded")
        expect(pat.page.get_by_role("button", name="Roll back")).to_have_count(0)
    assert result.get("lost", []) == []
    # What waited at the node is broken off when that is killed, and nothing else is.
    assert all(one.startswith("POST") for one in client.failed) and len(client.failed) <= 1, client.failed
    assert region.status["release"] == "2026.1" and lists_answer(region)
    assert made_before | set(client.made) <= projects(region, client.token), "something that was written is lost"
    assert aloft("upgrade", "finish", region.customer, "--yes").code == 1, "there is something kept after the way back"
