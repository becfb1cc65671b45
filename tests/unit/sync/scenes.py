"""Small scenes for the tests of plans."""

from collections.abc import Iterable
from typing import Any

from aloft.sync.facts import facts
from aloft.sync.inventory import Disk, Domain, Inventory
from aloft.sync.plan import Scene
from aloft.sync.policy import Policy
from aloft.sync.records import Known, View

HOST = "h1"
NOW = 1_000_000.0


def uuid(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012d}"


def domain(number: int = 1, **about: Any) -> Domain:
    told: dict[str, Any] = {
        "uuid": uuid(number),
        "name": f"vm{number}",
        "state": "running",
        "vcpus": 2,
        "memory_kib": 2048 * 1024,
        "disks": (Disk("vda", "virtio", source="file", path=f"/images/vm{number}.qcow2", pool="default"),),
    }
    return Domain(**{**told, **about})


def known(seen: Domain, **about: Any) -> Known:
    told: dict[str, Any] = {
        "uuid": seen.uuid,
        "host": HOST,
        "standing": "adopted",
        "project": "p1",
        "base": facts(seen, HOST, Inventory(NOW)),
    }
    return Known(**{**told, **about})


def view(seen: Domain, **about: Any) -> View:
    shown = facts(seen, HOST, Inventory(NOW))
    told: dict[str, Any] = {
        **{name: shown[name] for name in ("name", "description", "state", "vcpus", "memory_mib")},
        "uuid": seen.uuid,
        "host": HOST,
        "project": "p1",
    }
    return View(**{**told, **about})


def scene(
    domains: Iterable[Domain] = (),
    remembered: Iterable[Known] = (),
    views: Iterable[View] = (),
    policy: Policy | None = None,
    failed: dict[str, str] | None = None,
    **about: Any,
) -> Scene:
    return Scene(
        **{
            "host": HOST,
            "inventory": Inventory(NOW, domains=tuple(domains), failed=failed or {}),
            "known": {one.uuid: one for one in remembered},
            "views": {one.uuid: one for one in views},
            "policy": policy or Policy(),
            "now": NOW,
            **about,
        }
    )
