"""Who may do what: one table for the provider's accounts, one set for a customer's administrator. Pure.

A customer's administrator is never told that another customer exists: what is not theirs is *hidden* (404), what is
theirs to see but not to do is *refused* (403).
"""

from dataclasses import dataclass
from typing import Literal

Role = Literal["admin", "operator", "auditor"]
Action = Literal[
    "customer.read",
    "customer.write",
    "customer.credentials",
    "region.read",
    "region.write",
    "release.read",
    "release.write",
    "node.read",
    "node.write",
    "host.read",
    "host.write",
    "operation.read",
    "operation.write",
    "event.read",
    "account.read",
    "account.write",
    "audit.read",
    "status.read",
    "log.read",
    "backup.read",
    "backup.run",
    "backup.write",
    "repository.write",
    "settings.read",
    "settings.write",
    "upgrade.read",
    "upgrade.write",
    "wave.read",
    "move.write",
]
Verdict = Literal["allow", "refuse", "hide"]

ROLES: tuple[Role, ...] = ("admin", "operator", "auditor")

_ADMIN_ONLY: frozenset[Action] = frozenset({"customer.credentials", "account.write", "repository.write", "node.write"})
_AUDITOR: frozenset[Action] = frozenset(
    {
        *("customer.read", "region.read", "release.read", "node.read", "host.read", "operation.read", "event.read"),
        *("account.read", "audit.read", "status.read", "backup.read", "settings.read", "upgrade.read", "wave.read"),
    }
)
_CUSTOMER: frozenset[Action] = frozenset(
    {
        *("customer.read", "region.read", "release.read", "host.read", "host.write", "operation.read", "event.read"),
        *("backup.read", "backup.run", "audit.read", "settings.read", "settings.write"),
        "upgrade.read",
    }
)


@dataclass(frozen=True)
class Principal:
    """Who calls.

    Args:
        kind: ``account`` of the provider, or administrator of a ``customer``.
        name: the account's or the Keystone user's name.
        roles: the account's roles; empty for a customer's administrator.
        customer: the customer's name; ``None`` for an account.
        token_id: the record of the token that was shown, for an account.
    """

    kind: Literal["account", "customer"]
    name: str
    roles: frozenset[str] = frozenset()
    customer: str | None = None
    token_id: str | None = None

    @property
    def actor(self) -> str:
        """How operations and the audit log name the caller."""
        return f"account:{self.name}" if self.kind == "account" else f"customer:{self.customer}/{self.name}"


def decide(principal: Principal, action: Action, customer: str | None = None) -> Verdict:
    """Whether the caller may do this.

    Args:
        principal: who calls.
        action: what is asked for.
        customer: the customer whose thing it is; ``None`` for what belongs to nobody or is filtered later.
    """
    if principal.kind == "customer":
        if customer is not None and customer != principal.customer:
            return "hide"
        return "allow" if action in _CUSTOMER else "refuse"
    return "allow" if any(_role_allows(role, action) for role in principal.roles) else "refuse"


def _role_allows(role: str, action: Action) -> bool:
    if role == "admin":
        return True
    if role == "operator":
        return action not in _ADMIN_ONLY
    return role == "auditor" and action in _AUDITOR
