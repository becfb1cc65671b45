"""Grants: what a host of a region gets so that it can work for it, and how that is taken back.

A host has users of its own, at the broker and, as far as its roles need them, at Keystone and MariaDB; nothing that it
is given to log in with opens anything once it was removed.
"""

import secrets
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from aloft.base import files
from aloft.base.errors import InvalidInput
from aloft.base.pki import serial
from aloft.controller import slots
from aloft.controller.context import INTERNAL_PORT, Context
from aloft.controller.ports import Broker, Database
from aloft.controller.processes import LINKS
from aloft.controller.services import enabled
from aloft.node.controllers import Controllers
from aloft.node.keystone import PROJECT, Keystone
from aloft.node.registry import Record, Registry

CERTIFICATE_DAYS = 90

HYPERVISOR, LIBRARY = "hypervisor", "image-library"

KEYSTONE_ROLES = {HYPERVISOR: frozenset({"admin", "service"}), LIBRARY: frozenset({"service"})}
"""What the user of a host may do in Keystone's sense, by the host's role.

nova-compute reads floating IPs and providers' attributes of networks of all projects, which Neutron shows to ``admin``
alone; a library only asks who holds a token.
"""


class GrantRequest(BaseModel):
    """A host asks to work for a region: its certificate request (PEM) and its roles.

    With ``replace`` the certificates that were signed for it before, and what it logged in with, open nothing any more:
    it has enrolled anew.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    csr: str | None = Field(None, max_length=16_384)
    roles: tuple[str, ...] = ()
    replace: bool = False


class Grant(BaseModel):
    """What the host gets: its certificate (PEM; empty when none was asked for), the region's authority, settings."""

    certificate: str
    authority: str
    settings: dict[str, Any]


class Grants:
    """Gives and takes grants.

    Args:
        controllers: the node's controllers.
        registry: where grants are remembered.
        broker: RabbitMQ.
        keystone: customers' Keystones.
        database: MariaDB.
    """

    def __init__(
        self, controllers: Controllers, registry: Registry, broker: Broker, keystone: Keystone, database: Database
    ) -> None:
        self._controllers = controllers
        self._registry = registry
        self._broker = broker
        self._keystone = keystone
        self._database = database
        self._unpublished: set[str] = set()

    async def give(self, key: str, host: str, request: GrantRequest) -> Grant:
        """Give a host its grant, or the same again with other roles.

        Broker and edge are asked for what they do not have yet: with hundreds of hosts, each change of roles would wait
        for those of others otherwise.

        Raises:
            NotFound: there is no such controller.
            InvalidInput: the host's name or certificate request is not acceptable.
            TemporaryError: broker, Keystone or MariaDB does not answer; what was done is found done the next time.
        """
        context = self._controllers.context(key)
        if not host.replace("-", "").replace(".", "").isalnum() or len(host) > 64:
            raise InvalidInput(f"'{host}' cannot be a host's name.", "Use letters, digits, dots and hyphens.")
        authority = slots.authority(context.slot)
        certificate = ""
        if request.csr is not None:
            certificate = authority.sign_csr(
                request.csr.encode(), common_name=host, organisation=key, days=CERTIFICATE_DAYS
            ).decode()
        user = f"{context.slot.vhost}-host-{host}"
        path = slots.host_secret(context.slot, host)
        files.folder(path.parent, mode=0o700)
        if request.replace or not path.exists():
            files.write(path, secrets.token_urlsafe(32), mode=0o600)
        password = path.read_text()
        await self._broker.keep_user(user, password, context.slot.vhost)
        await self._let_in(key, context, host, request.roles, password)
        number = serial(certificate.encode()) if certificate else ""
        await self._remember(key, self._registry.present(key).with_grant(host, request.roles, number, request.replace))
        return Grant(
            certificate=certificate,
            authority=authority.certificate.decode(),
            settings=_describe(context, host, user, password, request.roles),
        )

    async def take(self, key: str, host: str) -> None:
        """Take a host's grant back, with all that it could log in with; nothing happens when it has none.

        Raises:
            NotFound: there is no such controller.
            TemporaryError: something does not answer; the certificate opens nothing any more nevertheless.
        """
        context = self._controllers.context(key)
        await self._remember(key, self._registry.present(key).without_grant(host))
        secret = slots.host_secret(context.slot, host)
        if not secret.exists():
            return
        await self._broker.delete_user(f"{context.slot.vhost}-host-{host}")
        await self._shut_out(key, context, host)
        secret.unlink()

    async def weed(self, customer: str) -> None:
        """Remove the users of hosts that have no grant from a customer's Keystone: a backup may have brought them back.

        Raises:
            TemporaryError: Keystone does not answer.
        """
        for record in self._registry.all():
            if record.spec.customer == customer:
                key = record.spec.key
                context = self._controllers.context(key)
                granted = {login_name(context, host) for host in record.hosts}
                await self._keystone.keep_only(self._controllers.identity(key), login_name(context, ""), granted)

    async def _let_in(self, key: str, context: Context, host: str, roles: Iterable[str], password: str) -> None:
        """Have a host's users of Keystone and MariaDB be there as far as its roles need them."""
        wanted = frozenset[str]().union(*(KEYSTONE_ROLES.get(role, ()) for role in roles))
        identity = self._controllers.identity(key)
        if wanted:
            await self._keystone.keep_user(identity, login_name(context, host), password, wanted)
        elif any(role in KEYSTONE_ROLES for role in self._former(key, host)):
            await self._keystone.delete_user(identity, login_name(context, host))
        user = slots.host_database_user(context.slot, host)
        if LIBRARY in roles:
            schemas = frozenset({context.slot.schema("glance")})
            await self._database.ensure_users({user: (password, schemas)})
        elif LIBRARY in self._former(key, host):
            await self._database.drop_users([user])

    async def _shut_out(self, key: str, context: Context, host: str) -> None:
        """Remove a host's users of Keystone and MariaDB."""
        await self._database.drop_users([slots.host_database_user(context.slot, host)])
        await self._keystone.delete_user(self._controllers.identity(key), login_name(context, host))

    def _former(self, key: str, host: str) -> tuple[str, ...]:
        """The roles that a host had been granted."""
        return self._registry.present(key).hosts.get(host, ())

    async def _remember(self, key: str, record: Record) -> None:
        """Keep a record, and have the edge serve what follows from it when that is something else than before."""
        former = self._registry.present(key)
        if record == former and key not in self._unpublished:
            return
        self._registry.put(record)
        if key in self._unpublished or self._controllers.names(record) != self._controllers.names(former):
            self._unpublished.add(key)
            await self._controllers.publish_names()
            self._unpublished.discard(key)


def login_name(context: Context, host: str) -> str:
    """What a host's user in its customer's Keystone is called."""
    return f"host.{context.spec.region}.{host}"


def _describe(context: Context, host: str, user: str, password: str, roles: Iterable[str]) -> dict[str, Any]:
    """Everything that the agent needs besides its key and certificate; no login that none of its roles needs."""
    labels = {endpoint.label for service in enabled(context.spec) for endpoint in service.endpoints}
    login = {"username": login_name(context, host), "password": password, "project": PROJECT}
    accounts = {"nova": HYPERVISOR, "glance": LIBRARY}
    database = {
        "user": slots.host_database_user(context.slot, host),
        "password": password,
        "schema": context.slot.schema("glance"),
    }
    return {
        "customer": context.spec.customer,
        "region": context.spec.region,
        "release": context.spec.release,
        "domain": context.spec.domain,
        "edge": {"host": f"plane.{context.spec.domain}", "port": context.edge_port},
        "internal_port": INTERNAL_PORT,
        "names": {label: context.host(label) for label in sorted({*labels, *LINKS, "identity"})},
        "amqp": {"user": user, "password": password, "vhost": context.slot.vhost},
        "keystone": {account: login for account, role in accounts.items() if role in roles},
        "metadata_secret": context.secrets.metadata if HYPERVISOR in roles else "",
        "database": database if LIBRARY in roles else None,
        "image_library": {"listen": str(context.slot.socket("library"))},
    }
