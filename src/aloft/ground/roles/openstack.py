"""Config sections that OpenStack's services on a host have in common.

Every service reaches the region through the link's loopback ports. Logins post straight to Keystone's token URL
(``v3password``) and endpoints are overridden, so that no catalog and no version document is followed: their URLs lead
past the link.
"""

from pathlib import Path
from urllib.parse import quote

from aloft.base.accounts import group as account_group
from aloft.base.errors import PermanentError
from aloft.ground import ini, link
from aloft.ground.roles.model import Context, Folder
from aloft.ground.settings import Broker, ServiceAccount

LINK_USER = "haproxy"
"""Whom the link runs as."""


def logging() -> ini.Options:
    """Log to standard error, which the supervisor appends to the process's file."""
    return {
        "use_stderr": True,
        "debug": False,
        "logging_default_format_string": "%(asctime)s.%(msecs)03d %(levelname)s %(name)s %(message)s",
        "logging_context_format_string": "%(asctime)s.%(msecs)03d %(levelname)s %(name)s [%(request_id)s] %(message)s",
    }


def login(context: Context, service: str) -> dict[str, ini.Value]:
    """A service's login at Keystone.

    Raises:
        PermanentError: the plane gave the host no such login.
    """
    account: ServiceAccount | None = getattr(context.settings.keystone, service)
    if account is None:
        raise PermanentError(
            f"The plane gave this host no login for {service}.", "Take the role from the host and give it again."
        )
    return {
        "auth_type": "v3password",
        "auth_url": f"http://{context.settings.names.identity}:{link.HTTP_PORT}/v3",
        "username": account.username,
        "password": account.password,
        "project_name": account.project,
        "user_domain_name": account.domain,
        "project_domain_name": account.domain,
    }


def client(context: Context, service: str, name: str) -> dict[str, ini.Value]:
    """A login, used to reach the service behind ``name``."""
    return {
        **login(context, service),
        "region_name": context.settings.region,
        "endpoint_override": f"http://{name}:{link.HTTP_PORT}",
    }


def transport_url(broker: Broker) -> str:
    """oslo.messaging's URL of the broker behind the link."""
    user, password, vhost = (quote(part, safe="") for part in (broker.user, broker.password, broker.vhost))
    return f"rabbit://{user}:{password}@127.0.0.1:{link.AMQP_PORT}/{vhost}"


def messaging(broker: Broker) -> ini.Options:
    """RabbitMQ's options; queues must be declared as the controller declares them."""
    return {
        "heartbeat_timeout_threshold": 60,
        "kombu_reconnect_delay": 0.5,
        "rabbit_retry_interval": 1,
        "rabbit_retry_backoff": 1,
        "rabbit_interval_max": 1,
        "amqp_durable_queues": True,
        "rabbit_transient_queues_ttl": 1800,
        **broker.options,
    }


def notifications(broker: Broker) -> ini.Options:
    """Tell others what happens; a broker that does not answer holds nothing up."""
    return {"driver": "messagingv2", "transport_url": transport_url(broker), "retry": 1}


def privileges(context: Context, config: str, *sections: str) -> dict[str, ini.Options]:
    """How privileged helpers are started: straight, since the service is root; by default oslo.privsep calls sudo."""
    helper = f"{context.environment}/bin/privsep-helper --config-file {context.layout.config / config}"
    return {section: {"helper_command": helper} for section in sections}


def link_folder(path: Path, owner: int = 0) -> Folder:
    """A folder whose sockets the link may connect to, and nobody else but their owner."""
    return Folder(path, 0o2710, owner, account_group(LINK_USER) or 0)
