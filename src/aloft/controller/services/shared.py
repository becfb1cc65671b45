"""Config sections that OpenStack services have in common."""

from aloft.controller.context import Context
from aloft.controller.ini import Value

Options = dict[str, Value]


def logging() -> Options:
    """Log to standard error, which the supervisor appends to the process's file."""
    return {
        "use_stderr": True,
        "debug": False,
        "logging_context_format_string": "%(asctime)s.%(msecs)03d %(levelname)s %(name)s"
        " [%(request_id)s %(user_identity)s] %(message)s",
        "logging_default_format_string": "%(asctime)s.%(msecs)03d %(levelname)s %(name)s %(message)s",
    }


def database(context: Context, service: str, schema: str) -> Options:
    """A small pool: a customer has few requests at once, and MariaDB holds every customer's connections."""
    return {
        "connection": context.database_url(service, schema),
        "max_pool_size": 4,
        "max_overflow": 16,
        "connection_recycle_time": 1800,
        "max_retries": -1,
        "retry_interval": 1,
    }


def login(context: Context, service: str) -> Options:
    """The service's own login at Keystone."""
    return {
        "auth_type": "password",
        "auth_url": context.internal("identity", "/v3"),
        "username": service,
        "password": context.secrets.keystone[service],
        "project_name": "service",
        "user_domain_name": "Default",
        "project_domain_name": "Default",
        "region_name": context.spec.region,
    }


def client(context: Context, service: str) -> Options:
    """A login, used to reach another service by its internal endpoint."""
    return {**login(context, service), "valid_interfaces": "internal"}


def authtoken(context: Context, service: str) -> Options:
    """keystonemiddleware: validate tokens, cached in the customer's own memcached."""
    return {
        **login(context, service),
        "www_authenticate_uri": context.public("identity", "/v3"),
        "interface": "internal",
        "memcached_servers": f"unix:{context.slot.socket('memcached')}",
        "memcache_use_advanced_pool": True,
        "service_token_roles": "service",
        "service_token_roles_required": True,
        "service_type": None,
    }


def service_user(context: Context, service: str) -> Options:
    """Send a service token along, so that long work outlives the user's token."""
    return {**login(context, service), "send_service_user_token": True}


def messaging() -> Options:
    """RabbitMQ: find out about a dead connection soon, come back soon, survive the broker's restart."""
    return {
        "heartbeat_timeout_threshold": 60,
        "heartbeat_in_pthread": True,
        "kombu_reconnect_delay": 0.5,
        "rabbit_retry_interval": 1,
        "rabbit_retry_backoff": 1,
        "rabbit_interval_max": 1,
        "amqp_durable_queues": True,
        "rabbit_transient_queues_ttl": 1800,
    }


def notifications(context: Context, service: str) -> Options:
    """Tell others what happens. A broker that does not answer must not hold up a request, so it is asked again once."""
    return {"driver": "messagingv2", "transport_url": context.transport_url(service), "retry": 1}


def rpc_pool() -> Options:
    """Few threads per process: each costs memory, and a customer's controller has little to do at once."""
    return {"executor_thread_pool_size": 16, "rpc_response_timeout": 60}


def concurrency(context: Context) -> Options:
    """Where interprocess locks lie."""
    return {"lock_path": str(context.slot.state / "locks")}
