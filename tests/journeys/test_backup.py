"""A customer's metadata is backed up, proved, lost and brought back, with everything that its users had made."""

import os
import signal
from collections.abc import Callable
from typing import Any

from ..running import PATHS, Region, aloft, eventually, https, lists_answer, run, told
from .machine import daemon_pid, lives


def _make_project(region: Region, name: str) -> str:
    body = {"project": {"name": name, "domain_id": "default"}}
    answer = https("POST", f"{region.credentials['auth_url']}/projects", json=body, headers=_as_admin(region))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["project"]["id"])


def _all_projects(region: Region) -> list[dict[str, Any]]:
    answer = https("GET", f"{region.credentials['auth_url']}/projects", headers=_as_admin(region))
    return list(answer.json()["projects"])


def _projects(region: Region) -> set[str]:
    return {one["id"] for one in _all_projects(region)}


def _as_admin(region: Region) -> dict[str, str]:
    return {"X-Auth-Token": region.token()}


def test_a_customer_that_is_lost_comes_back_from_a_proved_backup(customer: Callable[..., Region]) -> None:
    region = customer("backed")
    told("backup", "policy", "backed", "--off")  # nothing by itself meanwhile
    kept, token = _make_project(region, "kept"), region.token()
    backup: dict[str, Any] = told("backup", "run", "backed")["result"]
    assert told("backup", "prove", "backed")["result"]["tables"] > 400
    assert told("backup", "show", "backed", backup["backup"])["state"] == "proved"
    secret = region.secrets["admin"]
    lying = run("grep", "-rlF", secret, str(PATHS.state / "backup"))
    assert lying.out == "", "a secret lies open in the repository"
    later = _make_project(region, "later")

    deleted = told("customer", "delete", "backed", "--yes")
    assert deleted["state"] == "succeeded"
    restored = told("backup", "restore", "backed", "--backup", backup["backup"], "--yes")
    assert restored["state"] == "succeeded", restored
    again = Region("backed", region.name)
    assert lists_answer(again)
    assert kept in _projects(again) and later not in _projects(again)
    assert again.get("identity", "/projects", token).status_code == 200, "a token from before is not valid any more"
    assert told("customer", "show", "backed")["regions"][0]["phase"] == "ready"
    _restore_and_kill_the_node_after_the_switch(again, backup["backup"])


def _restore_and_kill_the_node_after_the_switch(region: Region, backup: str) -> None:
    """What is written after the switch stays, though the restoration was interrupted and goes on."""
    _make_project(region, "undone")
    before = region.slot.number
    begun = told("backup", "restore", region.customer, "--backup", backup, "--yes", "--no-wait")["id"]
    eventually(lambda: region.status["slot"] != before, what="the customer is served from the restored slot")
    killed = daemon_pid("node")
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: not lives(killed), what="the node is killed")
    eventually(lambda: region.status["slot"] != before, what="the node is there again")
    between = eventually(lambda: _make_project(region, "between"), what="Keystone answers")
    said = aloft("operation", "watch", begun, "--json")
    assert said.code == 0, said
    assert not {before} & _slots(), "the slot from before is gone"
    projects = {one["name"]: one["id"] for one in _all_projects(region)}
    assert projects["between"] == between and "undone" not in projects


def _slots() -> set[int]:
    return {int(path.name) for path in (PATHS.state / "slots").iterdir()}


def test_what_cannot_be_restored_is_refused_and_changes_nothing() -> None:
    before = told("customer", "list")
    for words in (("restore", "nobody"), ("restore", "demo", "--repository", "none"), ("prove", "nobody")):
        said = aloft("backup", *words, *(("--yes",) if words[0] == "restore" else ()))
        assert said.code != 0 and "→" in said.err, said
    assert told("customer", "list") == before
