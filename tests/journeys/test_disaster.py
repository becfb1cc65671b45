"""Who lost the first datacenter has all customers back in a second one, from what was shipped there alone."""

import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from aloft.bench.datacenter import ADDRESS, PROGRAMS, Datacenter, Shelf

from ..running import LISTS, PATHS, Region, aloft, eventually, https, told, trust

REPOSITORY = "far-away"
LOG_DAYS = 9

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, PROGRAMS)), reason="needs the packages openssh-server and rclone"
)


@contextmanager
def _second(folder: Path) -> Iterator[tuple[Datacenter, Shelf]]:
    """A second datacenter that gets a copy of every backup, and whose Aloft comes up meanwhile."""
    second = Datacenter(folder, PATHS, "aloft.internal")
    try:
        shelf = second.keep_backups()
        told(
            *("backup", "repository", "add", REPOSITORY, shelf.url, "--secondary"),
            *("--ssh-key", str(shelf.key), "--known-hosts", str(shelf.known_hosts)),
        )
        yield second, shelf
    finally:
        aloft("backup", "repository", "remove", REPOSITORY, "--yes")
        second.close()


def _there(method: str, url: str, **more: Any) -> httpx.Response:
    """A request as users make it once the name leads to the second datacenter; they trust what they trusted before."""
    name = urlsplit(url).netloc
    head = {"Host": name, **more.pop("headers", {})}
    with httpx.Client(verify=trust(), timeout=60, trust_env=False) as client:
        moved = url.replace(f"//{name}", f"//{ADDRESS}", 1)
        return client.request(method, moved, headers=head, extensions={"sni_hostname": name}, **more)


def _make_project(region: Region, name: str) -> str:
    body = {"project": {"name": name, "domain_id": "default"}}
    url = region.endpoint("identity") + "/projects"
    answer = https("POST", url, json=body, headers={"X-Auth-Token": region.token()})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["project"]["id"])


def _node_knows(customer: str) -> bool:
    """Whether the records that go with the binary logs have what was set last."""
    kept = PATHS.state / "backup/records" / f"{customer}.json"
    settings = json.loads(kept.read_text())["customer_settings"] if kept.exists() else []
    return [row["log_days"] for row in settings] == [LOG_DAYS]


def _shipped(since: datetime) -> bool:
    """Whether the second datacenter has all that was changed before a moment."""
    there = {one["name"]: one for one in told("backup", "repository", "list")}[REPOSITORY]
    return there["shipped"] is not None and datetime.fromisoformat(there["shipped"]) >= since


def test_all_customers_come_back_in_a_second_datacenter(customer: Callable[..., Region], tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as meanwhile, _second(tmp_path) as (second, shelf):
        coming_up = meanwhile.submit(second.up)
        regions = [customer("lost"), customer("lost-too")]
        for region in regions:
            told("backup", "policy", region.customer, "--off")  # nothing by itself meanwhile
            copies = told("backup", "run", region.customer)["result"]["copies"]
            assert copies[REPOSITORY] == "", copies
        later = {region.customer: _make_project(region, "later") for region in regions}
        told("customer", "settings", regions[0].customer, "--log-days", str(LOG_DAYS))
        eventually(lambda: _node_knows(regions[0].customer), what="the plane's records of that are at the node")
        tokens = {region.customer: region.token() for region in regions}
        now = datetime.now(UTC)
        eventually(lambda: _shipped(now), 180, "what came after the backups is shipped")
        password = tmp_path / "password"
        password.write_text(aloft("backup", "repository", "password", REPOSITORY).out)
        coming_up.result()

        found = second.restore_all(REPOSITORY, shelf, password)
        assert {name: one["state"] for name, one in found["restores"].items()} == dict.fromkeys(later, "succeeded")
        others = {one["name"] for one in told("customer", "list")} - later.keys()
        settings = json.loads(second.aloft("customer", "settings", regions[0].customer, "--json"))
        assert settings["log_days"] == LOG_DAYS, "what was set after the backup is lost"
        assert found["failed"] == [] and set(found["missing"]) <= others, "who has no backup there is named"
        for region in regions:
            head = {"X-Auth-Token": tokens[region.customer]}
            answers = {kind: _there("GET", region.endpoint(kind) + path, headers=head) for kind, path in LISTS.items()}
            assert {kind: one.status_code for kind, one in answers.items()} == dict.fromkeys(LISTS, 200)
            projects = {one["name"]: one["id"] for one in answers["identity"].json()["projects"]}
            assert projects["later"] == later[region.customer], "what was changed after the backup is lost"
            login = region.login_request()
            assert _there("POST", region.endpoint("identity") + "/auth/tokens", json=login).status_code == 201
