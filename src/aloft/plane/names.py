"""What a customer, a region and a host may be called.

Customer and region names become DNS labels (``compute.<region>.<customer>.<domain>``), so the rules are those of
RFC 1123 section 2.1 and RFC 5890 (no ``--`` in places three and four), narrowed to what is safe in file names,
certificates and command lines.
"""

import re

from aloft.base.errors import InvalidInput
from aloft.controller.services import optional_names

LABEL_LENGTH = 32
HOST_LENGTH = 64  # the longest common name that a certificate may carry (RFC 5280, ub-common-name)

RESERVED = frozenset(
    {
        *("plane", "portal", "api", "agent", "identity", "compute", "network", "image", "volume", "placement"),
        *("console", "streams", "metadata", "amqp", "ovn", "db", "edge", "node"),
        *("internal", "localhost", "aloft", "www"),
        *("admin", "object-store", "orchestration", "load-balancer", "shared-file-system", "metric", "default"),
    }
)
"""Names that Aloft itself uses, or may come to use, where a customer's or a region's name would stand."""

SCRATCH = ("proof-", "trial-")
"""How names begin of the scratch controllers in which backups are proved and upgrades tried."""

ROLES = ("hypervisor", "network", "image-library")
"""What a host can do."""

_LABEL = re.compile(r"[a-z](?:[a-z0-9-]*[a-z0-9])?")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*")
_NODE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_ACCOUNT = re.compile(r"[a-z][a-z0-9._-]{0,62}")
_RELEASE = re.compile(r"[0-9]{4}\.[0-9]{1,2}")


def check_label(kind: str, name: str) -> str:
    """Return ``name`` when it may name a customer or a region.

    Args:
        kind: ``customer`` or ``region``; used in the message.
        name: the name that was asked for.

    Raises:
        InvalidInput: the name is reserved, or no lower-case DNS label of 1 to 32 characters that starts with a letter.
    """
    if len(name) > LABEL_LENGTH:
        raise InvalidInput(
            f"The {kind} name {name[:40]!r} has {len(name)} characters.", f"Use at most {LABEL_LENGTH} characters."
        )
    if not _LABEL.fullmatch(name) or name[2:4] == "--":
        raise InvalidInput(
            f"The {kind} name {name!r} is not a DNS label.",
            "Use lower-case letters, digits and hyphens; start with a letter and do not end with a hyphen.",
        )
    if name in RESERVED or name.startswith(SCRATCH):
        raise InvalidInput(f"The {kind} name {name!r} is reserved for Aloft itself.", "Choose another name.")
    return name


def check_node(name: str) -> str:
    """Return ``name`` when it may name a node: a lower-case DNS label.

    Raises:
        InvalidInput: it may not.
    """
    if not _NODE.fullmatch(name):
        raise InvalidInput(
            f"The node name {name[:80]!r} is not a DNS label.",
            "Use the name that the node goes by: lower-case letters, digits and hyphens.",
        )
    return name


def check_host(name: str) -> str:
    """Return ``name`` when it may name a host: a DNS name of at most 64 characters, lower case.

    Raises:
        InvalidInput: it may not.
    """
    if len(name) > HOST_LENGTH or not _HOST.fullmatch(name):
        raise InvalidInput(
            f"The host name {name[:80]!r} is not a lower-case DNS name of at most {HOST_LENGTH} characters.",
            "Give the host a name of letters, digits, hyphens and dots.",
        )
    return name


def check_account(name: str) -> str:
    """Return ``name`` when it may name a provider's account.

    Raises:
        InvalidInput: it may not.
    """
    if not _ACCOUNT.fullmatch(name):
        raise InvalidInput(
            f"The account name {name[:80]!r} cannot be used.",
            "Use 1 to 63 lower-case letters, digits, dots, underscores and hyphens; start with a letter.",
        )
    return name


def check_release(name: str) -> str:
    """Return ``name`` when it has the form of a release, such as ``2026.2``.

    Raises:
        InvalidInput: it has not.
    """
    if not _RELEASE.fullmatch(name):
        raise InvalidInput(f"{name[:40]!r} is not an OpenStack release.", "Name a release such as 2026.2.")
    return name


def check_roles(roles: list[str]) -> list[str]:
    """Return the roles without repetitions, in the order in which Aloft lists them.

    Raises:
        InvalidInput: one of them does not exist.
    """
    unknown = sorted(set(roles) - set(ROLES))
    if unknown:
        raise InvalidInput(f"No such role: {', '.join(unknown)}.", f"Choose from {', '.join(ROLES)}.")
    return [role for role in ROLES if role in roles]


def check_services(services: dict[str, bool]) -> dict[str, bool]:
    """Return the services as given when each of them may be switched on and off.

    Raises:
        InvalidInput: one does not exist, or the others need it.
    """
    optional = optional_names()
    unknown = sorted(set(services) - set(optional))
    if unknown:
        raise InvalidInput(
            f"There is no optional service {', '.join(unknown)}.", f"Optional are: {', '.join(optional)}."
        )
    return dict(services)
