"""What a grant opens, and that nothing of it does once it was taken back; what it costs those that all hosts share."""

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from aloft.base import pki
from aloft.base.errors import TemporaryError
from aloft.base.paths import Paths
from aloft.controller.context import Context, Secrets, Slot
from aloft.controller.spec import ControllerSpec
from aloft.node.grants import GrantRequest, Grants
from aloft.node.registry import Record, Registry

SPEC = ControllerSpec(customer="acme", region="dc1", release="2026.2", domain="aloft.internal")
NAMES = ("nova", "glance", "neutron", "placement", "keystone", "cinder", "sync")


class Broker:
    """Counts what is asked of it."""

    def __init__(self) -> None:
        self.users: list[str] = []

    async def ensure_user(self, name: str, password: str, vhost: str) -> None:
        self.users.append(name)

    async def keep_user(self, name: str, password: str, vhost: str) -> None:
        if self.users[-1:] != [name]:
            await self.ensure_user(name, password, vhost)

    async def delete_user(self, name: str) -> None:
        self.users.append(f"-{name}")


class Keystone:
    """Remembers the users that there are, with their passwords and roles."""

    def __init__(self) -> None:
        self.users: dict[str, tuple[str, frozenset[str]]] = {}
        self.fault: TemporaryError | None = None

    async def keep_user(self, context: Context, name: str, password: str, roles: Iterable[str]) -> None:
        if self.fault:
            raise self.fault
        self.users[name] = password, frozenset(roles)

    async def delete_user(self, context: Context, name: str) -> None:
        if self.fault:
            raise self.fault
        self.users.pop(name, None)

    async def keep_only(self, context: Context, beginning: str, names: Collection[str]) -> None:
        for name in [one for one in self.users if one.startswith(beginning) and one not in names]:
            del self.users[name]


class Database:
    """Remembers the users that there are, with their passwords and schemas."""

    def __init__(self) -> None:
        self.users: dict[str, tuple[str, frozenset[str]]] = {}

    async def ensure_users(self, users: Mapping[str, tuple[str, frozenset[str]]]) -> None:
        self.users |= users

    async def drop_users(self, names: Iterable[str]) -> None:
        for name in names:
            self.users.pop(name, None)


class Controllers:
    """One controller, and the names of it that the edge was told."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.published = 0
        self.fault: TemporaryError | None = None

    def context(self, key: str) -> Context:
        return self._context

    identity = context

    def names(self, record: Record) -> tuple[bool, tuple[str, ...]]:
        return any("image-library" in roles for roles in record.hosts.values()), record.revoked

    async def publish_names(self) -> None:
        if self.fault:
            raise self.fault
        self.published += 1


class Node:
    """A node with one controller."""

    def __init__(self, folder: Path) -> None:
        paths = Paths(folder)
        paths.slot_state(3).mkdir(parents=True)
        self.registry = Registry(paths)
        self.registry.put(Record(SPEC, 3))
        self.broker = Broker()
        self.controllers = Controllers(Context(SPEC, Slot(3, paths), Secrets.generate(NAMES, NAMES, NAMES)))
        self.keystone = Keystone()
        self.database = Database()
        self.grants = Grants(
            self.controllers,  # type: ignore[arg-type]  # as far as needed
            self.registry,
            self.broker,
            self.keystone,  # type: ignore[arg-type]  # likewise
            self.database,  # type: ignore[arg-type]  # likewise
        )

    async def give(self, host: str, *roles: str, anew: bool = False) -> dict[str, Any]:
        csr = pki.new_request(host)[1].decode() if anew else None
        grant = await self.grants.give(SPEC.key, host, GrantRequest(csr=csr, roles=roles, replace=anew))
        return grant.settings


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


async def test_a_change_of_roles_that_shared_services_need_not_know_of_asks_them_nothing(node: Node) -> None:
    await node.give("h1", "network", anew=True)
    asked = len(node.broker.users), node.controllers.published
    for roles in (("network", "hypervisor"), ("network",), ()):
        await node.give("h1", *roles)
    assert (len(node.broker.users), node.controllers.published) == asked
    record = node.registry.get(SPEC.key)
    assert record is not None
    assert record.hosts == {"h1": ()}


async def test_what_the_edge_serves_otherwise_is_published(node: Node) -> None:
    await node.give("h1", "network", anew=True)
    before = node.controllers.published
    await node.give("h1", "image-library")
    await node.give("h1", "network", anew=True)
    await node.grants.take(SPEC.key, "h1")
    assert node.controllers.published == before + 3


async def test_what_could_not_be_published_is_so_the_next_time(node: Node) -> None:
    node.controllers.fault = TemporaryError("the edge is away")
    with pytest.raises(TemporaryError):
        await node.give("h1", "image-library")
    node.controllers.fault = None
    await node.give("h1", "image-library")
    assert node.controllers.published == 1


async def test_a_host_that_was_removed_gets_its_broker_user_anew(node: Node) -> None:
    await node.give("h1", "network", anew=True)
    await node.grants.take(SPEC.key, "h1")
    await node.give("h1", "network")
    assert node.broker.users == ["s3-host-h1", "-s3-host-h1", "s3-host-h1"]


async def test_a_host_logs_in_as_itself_and_as_nobody_else(node: Node) -> None:
    settings = await node.give("h1", "hypervisor", "image-library", anew=True)
    held = node.controllers.context(SPEC.key).secrets
    for secret in (*held.keystone.values(), *held.database.values(), *held.broker.values(), held.admin):
        assert secret not in json.dumps(settings)
    login = settings["keystone"]["nova"]
    assert node.keystone.users == {login["username"]: (login["password"], frozenset({"admin", "service"}))}
    assert settings["keystone"]["glance"] == login
    database = settings["database"]
    assert node.database.users == {database["user"]: (database["password"], frozenset({"s3_glance"}))}


async def test_two_hosts_have_nothing_in_common_to_log_in_with(node: Node) -> None:
    told = [await node.give(name, "image-library", anew=True) for name in ("h1", "h-1")]
    assert len(node.keystone.users) == len(node.database.users) == 2
    assert told[0]["amqp"]["password"] != told[1]["amqp"]["password"]
    assert {roles for _, roles in node.keystone.users.values()} == {frozenset({"service"})}


async def test_a_host_is_given_no_login_that_none_of_its_roles_needs(node: Node) -> None:
    for roles in ((), ("network",)):
        settings = await node.give("h1", *roles, anew=True)
        assert (settings["keystone"], settings["database"], settings["metadata_secret"]) == ({}, None, "")
    settings = await node.give("h2", "hypervisor", anew=True)
    assert (list(settings["keystone"]), settings["database"]) == (["nova"], None)


async def test_a_host_loses_its_logins_with_the_roles_that_needed_them(node: Node) -> None:
    await node.give("h1", "hypervisor", "image-library", anew=True)
    await node.give("h1", "image-library")
    assert [roles for _, roles in node.keystone.users.values()] == [frozenset({"service"})]
    await node.give("h1", "network")
    assert not node.keystone.users
    assert not node.database.users


async def test_a_removed_host_can_log_in_nowhere(node: Node) -> None:
    await node.give("h1", "hypervisor", "image-library", anew=True)
    await node.give("h2", "hypervisor", anew=True)
    await node.grants.take(SPEC.key, "h1")
    assert list(node.keystone.users) == ["host.dc1.h2"]
    assert not node.database.users
    assert node.broker.users[-1] == "-s3-host-h1"


async def test_a_removed_host_that_a_backup_brings_back_is_shut_out(node: Node) -> None:
    await node.give("h1", "hypervisor", anew=True)
    await node.give("h2", "hypervisor", anew=True)
    before = dict(node.keystone.users)
    await node.grants.take(SPEC.key, "h1")
    node.keystone.users = before
    await node.grants.weed("other")
    assert list(node.keystone.users) == ["host.dc1.h1", "host.dc1.h2"]
    await node.grants.weed("acme")
    assert list(node.keystone.users) == ["host.dc1.h2"]


async def test_a_removal_that_was_interrupted_is_brought_to_its_end(node: Node) -> None:
    settings = await node.give("h1", "hypervisor", anew=True)
    node.keystone.fault = TemporaryError("Keystone is away")
    with pytest.raises(TemporaryError):
        await node.grants.take(SPEC.key, "h1")
    record = node.registry.present(SPEC.key)
    assert (record.hosts, len(record.revoked)) == ({}, 1)
    node.keystone.fault = None
    await node.grants.take(SPEC.key, "h1")
    assert not node.keystone.users
    assert (await node.give("h1", "hypervisor"))["amqp"]["password"] != settings["amqp"]["password"]


async def test_a_host_that_enrols_anew_has_other_passwords(node: Node) -> None:
    before = await node.give("h1", "hypervisor", anew=True)
    assert (await node.give("h1", "hypervisor"))["keystone"] == before["keystone"]
    after = await node.give("h1", "hypervisor", anew=True)
    assert after["keystone"]["nova"]["password"] != before["keystone"]["nova"]["password"]
    assert after["amqp"]["password"] != before["amqp"]["password"]
