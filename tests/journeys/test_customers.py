"""A customer's life on the command line: created, grown by a region, shown, deleted, and gone."""

import contextlib
import json
import subprocess
from pathlib import Path

import httpx
import pytest

from ..running import PATHS, Region, aloft, eventually, forget, https, lists_answer, told


def database(statement):
    """What MariaDB tells its root."""
    command = ["mariadb", f"--socket={PATHS.database_socket}", "-uroot", "-N", "-e", statement]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def broker(kind):
    """Names of RabbitMQ's virtual hosts or users."""
    login = ("aloft", (PATHS.state / "rabbitmq.secret").read_text())
    with httpx.Client(auth=login, trust_env=False) as client:
        return {one["name"] for one in client.get(f"http://127.0.0.1:7673/api/{kind}").json()}


def of_slot(number, names, separators="_-"):
    """Those names that belong to a slot."""
    own = [f"s{number}{separator}" for separator in separators]
    return [name for name in names if name == f"s{number}" or any(name.startswith(one) for one in own)]


def processes_of(user):
    """Process ids of an OS user; other containers of this machine have users of the same number."""
    here = Path("/proc/self/ns/pid").readlink()
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if path.stat().st_uid == user and (path / "ns/pid").readlink() == here:
                found.append(path.name)
    return found


def traces(slot):
    """All that there is of a slot on the machine."""
    return {
        "folders": [str(path) for path in (slot.state, slot.run, slot.log) if path.exists()],
        "schemas": of_slot(slot.number, database("SHOW DATABASES")),
        "database users": of_slot(slot.number, database("SELECT User FROM mysql.user")),
        "virtual hosts": of_slot(slot.number, broker("vhosts")),
        "broker users": of_slot(slot.number, broker("users")),
        "processes": processes_of(slot.user),
    }


def named(customer):
    """Where a customer's name stands on the machine."""
    lines = [line for line in Path("/etc/hosts").read_text().splitlines() if f".{customer}." in line]
    edge = [str(path) for path in (PATHS.state / "edge-certificates").glob(f"{customer}.*")]
    maps = [path.name for path in (PATHS.state / "edge").glob("*.map") if f".{customer}." in path.read_text()]
    records = [str(path) for path in (PATHS.state / "node/controllers").glob(f"{customer}.*")]
    return [*lines, *edge, *maps, *records]


@pytest.fixture(scope="module")
def grown(installed):
    """A customer with two regions."""
    forget("voyage")
    first = told("customer", "create", "voyage", "--display-name", "A voyage")
    second = told("region", "create", "voyage", "voyage-west")
    yield first, second
    forget("voyage")


REGIONS = (Region("voyage", "voyage-1"), Region("voyage", "voyage-west"))


def test_creating_tells_each_step_and_how_it_went(grown):
    for operation, kind in zip(grown, ("customer.create", "region.create"), strict=True):
        assert (operation["kind"], operation["state"], operation["progress"]) == (kind, "succeeded", 1.0)
        assert len(operation["steps"]) > 2
        assert all(step["state"] == "done" and step["started"] <= step["ended"] for step in operation["steps"])
        assert told("operation", "show", operation["id"]) == operation
        assert operation["id"] in {one["id"] for one in told("operation", "list", "--customer", "voyage")}


def test_a_customer_is_listed_and_shown(grown):
    shown = told("customer", "show", "voyage")
    assert (shown["display_name"], shown["state"]) == ("A voyage", "active")
    assert [one["name"] for one in shown["regions"]] == ["voyage-1", "voyage-west"]
    assert {one["release"] for one in shown["regions"]} == {"2026.2"}
    assert "voyage" in {one["name"] for one in told("customer", "list")}
    assert told("region", "list", "voyage") == shown["regions"]
    region = told("region", "show", "voyage", "voyage-west")
    assert region["phase"] == "ready"
    assert all(component["state"] == "ready" for component in region["components"])


@pytest.mark.parametrize("region", REGIONS, ids=lambda region: region.name)
def test_every_service_of_both_regions_answers(grown, region):
    assert eventually(lambda: lists_answer(region))


def test_both_regions_share_one_keystone_and_stand_in_its_catalog(grown):
    first, second = REGIONS
    assert first.endpoint("identity") == f"{first.credentials['auth_url']}"
    assert first.credentials["auth_url"] == second.credentials["auth_url"]
    assert "keystone" in first.pids()
    assert "keystone" not in second.pids()
    token = first.token()
    catalog = first.get("identity", "/auth/catalog", token).json()["catalog"]
    for entry in catalog:
        public = {one["region"]: one["url"] for one in entry["endpoints"] if one["interface"] == "public"}
        assert public.keys() == {"voyage-1", "voyage-west"}, entry["type"]
        if entry["type"] != "identity":
            assert ".voyage-west.voyage." in public["voyage-west"]
    assert second.get("compute", "/servers", token).status_code == 200


def test_what_is_made_in_one_region_is_not_in_the_other(grown):
    first, second = REGIONS
    token = first.token()
    made = https(
        "POST",
        f"{first.endpoint('network')}/v2.0/networks",
        headers={"X-Auth-Token": token},
        json={"network": {"name": "here"}},
    )
    assert made.status_code == httpx.codes.CREATED

    def names(region):
        return [one["name"] for one in region.get("network", "/v2.0/networks", token).json()["networks"]]

    assert names(first) == ["here"]
    assert names(second) == []


def test_a_deleted_region_is_gone_and_the_other_stays(grown):
    first, second = REGIONS
    slot = second.slot
    assert all(traces(slot).values())
    done = told("region", "delete", "voyage", "voyage-west", "--yes")
    assert done["state"] == "succeeded"
    assert not any(traces(slot).values()), traces(slot)
    assert aloft("region", "show", "voyage", "voyage-west").code == 1

    def only_the_first():
        catalog = first.get("identity", "/auth/catalog", first.token()).json()["catalog"]
        return {one["region"] for entry in catalog for one in entry["endpoints"]} == {"voyage-1"}

    assert eventually(only_the_first, what="the catalog forgets the region")
    assert lists_answer(first)


def test_a_service_that_is_switched_off_ends(grown):
    first = REGIONS[0]
    url, token = first.endpoint("block-storage") + "/volumes", first.token()
    assert https("GET", url, headers={"X-Auth-Token": token}).status_code == 200
    assert aloft("customer", "settings", "voyage", "--service", "cinder=off").code == 0
    assert not [name for name in first.pids() if name.startswith("cinder")]
    with pytest.raises(httpx.ConnectError):  # its name is gone, too
        https("GET", url, headers={"X-Auth-Token": token})
    assert first.get("compute", "/servers", token).status_code == 200


def test_a_deleted_customer_leaves_nothing_behind(grown):
    slot = REGIONS[0].slot
    assert all(traces(slot).values())
    assert len(named("voyage")) > 8
    done = told("customer", "delete", "voyage", "--yes")
    assert done["state"] == "succeeded"
    assert not any(traces(slot).values()), traces(slot)
    assert named("voyage") == []
    assert aloft("customer", "show", "voyage").code == 1
    assert "voyage" not in {one["name"] for one in told("customer", "list")}


def test_the_older_release_is_deployable_too(customer):
    prepared = told("release", "prepare", "2026.1")
    assert prepared["state"] == "succeeded", prepared
    assert {one["name"]: one["state"] for one in told("release", "list")}["2026.1"] == "ready"
    region = customer("elder", "--release", "2026.1")
    assert region.status["release"] == "2026.1"
    assert lists_answer(region)
    versions = region.get("compute", "/", region.token()).json()["version"]
    assert versions["status"] == "CURRENT"
    running = Path(f"/proc/{region.pids()['nova-api']}/exe").readlink()
    assert running.exists()
    assert json.dumps(region.status["components"]).count('"ready"') == len(region.status["components"])
