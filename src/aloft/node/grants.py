"""Grants: what a host of a region gets so that it can work for it, and how that is taken back."""

import secrets
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from aloft.base import files
from aloft.base.errors import InvalidInput
from aloft.base.pki import serial
from aloft.controller import slots
from aloft.controller.context import INTERNAL_PORT, Context
from aloft.controller.ports import Broker
from aloft.controller.processes import LINKS
from aloft.controller.services import enabled
from aloft.node.controllers import Controllers
from aloft.node.registry import Record, Registry

CERTIFICATE_DAYS = 90


class GrantRequest(BaseModel):
    """A host asks to work for a region: its certificate request (PEM) and its roles.

    With ``replace`` the certificates that were signed for it before open nothing any more: it has enrolled anew.
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
        broker: RabbitMQ; each host has a user of its own.
    """

    def __init__(self, controllers: Controllers, registry: Registry, broker: Broker) -> None:
        self._controllers = controllers
        self._registry = registry
        self._broker = broker
        self._unpublished: set[str] = set()

    async def give(self, key: str, host: str, request: GrantRequest) -> Grant:
        """Give a host its grant, or the same again with other roles.

        Broker and edge are asked for what they do not have yet: with hundreds of hosts, each change of roles would wait
        for those of others otherwise.

        Raises:
            NotFound: there is no such controller.
            InvalidInput: the host's name or certificate request is not acceptable.
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
        path = context.slot.state / "hosts" / f"{host}.secret"
        files.folder(path.parent, mode=0o700)
        if not path.exists():
            files.write(path, secrets.token_urlsafe(32), mode=0o600)
        password = path.read_text()
        make = self._broker.ensure_user if request.replace else self._broker.keep_user
        await make(user, password, context.slot.vhost)
        number = serial(certificate.encode()) if certificate else ""
        await self._remember(key, self._registry.present(key).with_grant(host, request.roles, number, request.replace))
        return Grant(
            certificate=certificate,
            authority=authority.certificate.decode(),
            settings=self._describe(context, user, password),
        )

    async def take(self, key: str, host: str) -> None:
        """Take a host's grant back; nothing happens when it has none.

        Raises:
            NotFound: there is no such controller.
        """
        context = self._controllers.context(key)
        if host not in self._registry.present(key).hosts:
            return
        await self._broker.delete_user(f"{context.slot.vhost}-host-{host}")
        (context.slot.state / "hosts" / f"{host}.secret").unlink(missing_ok=True)
        await self._remember(key, self._registry.present(key).without_grant(host))

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

    def _describe(self, context: Context, user: str, password: str) -> dict[str, Any]:
        """Everything that the agent needs besides its key and certificate."""
        labels = {endpoint.label for service in enabled(context.spec) for endpoint in service.endpoints}
        logins = {
            name: {"username": name, "password": secret, "project": "service"}
            for name, secret in context.secrets.keystone.items()
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
            "keystone": logins,
            "metadata_secret": context.secrets.metadata,
            "database": {
                "user": context.slot.database_user("glance"),
                "password": context.secrets.database["glance"],
                "schema": context.slot.schema("glance"),
            },
            "image_library": {"listen": str(context.slot.socket("library"))},
        }
