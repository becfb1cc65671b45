"""What a grant costs those that all hosts share: broker and edge are asked for what is new, and for nothing else."""

from pathlib import Path

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


class Controllers:
    """One controller, and the names of it that the edge was told."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.published = 0
        self.fault: TemporaryError | None = None

    def context(self, key: str) -> Context:
        return self._context

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
        self.grants = Grants(self.controllers, self.registry, self.broker)  # type: ignore[arg-type]  # as far as needed

    async def give(self, host: str, *roles: str, anew: bool = False) -> None:
        csr = pki.new_request(host)[1].decode() if anew else None
        await self.grants.give(SPEC.key, host, GrantRequest(csr=csr, roles=roles, replace=anew))


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
