"""What a customer's administrator sets without asking anybody: services, access, backups, maintenance window, logs.

Rules of access hold at once, on trial: unless whoever set them confirms them in time, those from before hold again, so
that nobody shuts out themselves. The provider says within which bounds all of this may be set.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from aloft.base.errors import Conflict, Forbidden, InvalidInput
from aloft.controller.rules import AccessRules, CustomerRules, lets_in
from aloft.controller.services import optional_names, switches
from aloft.plane import backups, customers, names
from aloft.plane.access.policy import Principal
from aloft.plane.records.database import Transaction
from aloft.plane.records.tables import (
    BackupPolicy,
    Customer,
    CustomerSettings,
    Host,
    Json,
    OperationRow,
    Region,
    utcnow,
)

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TRIAL_SECONDS = 120
LONGEST_TRIAL_SECONDS = 3600
REVERTER = "system:settings"

_AT = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


class Window(BaseModel):
    """When maintenance that is noticed may happen: on these days, from ``at`` (UTC), for so many ``hours``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: tuple[str, ...] = Field(DAYS, min_length=1)
    at: str
    hours: int = Field(ge=1, le=24)


class Bounds(BaseModel):
    """What the provider allows a customer's administrator.

    Args:
        services: which optional services they may switch; ``None`` for all.
        access: whether they may set rules of access.
        keep_days: the longest time that backups may be kept.
        log_days: the longest time that logs may be kept.
        window_hours: the shortest maintenance window.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    services: tuple[str, ...] | None = None
    access: bool = True
    keep_days: int = Field(365, ge=1, le=3650)
    log_days: int = Field(365, ge=1, le=3650)
    window_hours: int = Field(2, ge=1, le=24)


def row_of(session: Session, customer: str, lock: bool = False) -> CustomerSettings:
    """A customer's settings; fresh ones, which are not stored yet, when nothing was set."""
    row = session.get(CustomerSettings, customer, with_for_update=lock)
    fresh = CustomerSettings(customer=customer, access={}, trial={}, trial_until=None, window={}, log_days=0, bounds={})
    return row or fresh


def on_trial(row: CustomerSettings, now: datetime) -> bool:
    """Whether rules of access hold that nobody has confirmed yet.

    A clock that is put back makes no trial longer than one may be: nobody is shut out until it has caught up.
    """
    left = None if row.trial_until is None else (row.trial_until - now).total_seconds()
    return left is not None and 0 < left <= LONGEST_TRIAL_SECONDS


def rules(row: CustomerSettings, now: datetime) -> CustomerRules:
    """What the node shall bring about now."""
    held = row.trial if on_trial(row, now) else row.access
    return CustomerRules(access=AccessRules.model_validate(held), log_days=row.log_days)


def open_now(row: CustomerSettings, now: datetime) -> bool:
    """Whether a customer's maintenance window is open; it always is when none was set. Pure.

    A window that reaches past midnight belongs to the day on which it begins.
    """
    return not row.window or closing(row, now) is not None


def closing(row: CustomerSettings, now: datetime) -> datetime | None:
    """When the maintenance window closes that is open now; ``None`` when none is, or none was set. Pure."""
    if not row.window:
        return None
    window = Window.model_validate(row.window)
    begun = backups.last_time(window.at, now)
    closes = begun + timedelta(hours=window.hours)
    return closes if DAYS[begun.weekday()] in window.days and now < closes else None


def set_bounds(work: Transaction, actor: str, customer: str, bounds: Bounds) -> CustomerSettings:
    """Say what a customer's administrator may set; what is set already stays.

    Raises:
        NotFound: there is no such customer.
        InvalidInput: there is no such optional service.
    """
    customers.find_customer(work.session, customer)
    names.check_services(dict.fromkeys(bounds.services or (), True))
    row = row_of(work.session, customer, lock=True)
    row.bounds = bounds.model_dump(mode="json")
    work.session.add(row)
    work.audit(actor, "settings.bounds", customer, customer, **row.bounds)
    return row


def change(
    work: Transaction, principal: Principal, customer: str, changes: Json, trial_seconds: int
) -> list[OperationRow]:
    """Set what is named; all of it or nothing.

    Args:
        work: the transaction.
        principal: who sets it.
        customer: whose settings.
        changes: any of ``services`` (switch by name), ``access`` (networks by kind), ``backup`` (policy), ``window``
            (``None`` for any time), ``log_days``.
        trial_seconds: within which rules of access must be confirmed.

    Returns:
        The operations that switch services, one for each region that changes.

    Raises:
        NotFound: there is no such customer.
        InvalidInput: a value is not possible.
        Forbidden: the provider does not allow it.
    """
    found = customers.find_customer(work.session, customer, lock=True)
    row = row_of(work.session, customer, lock=True)
    if principal.kind == "customer":
        _check_bounds(Bounds.model_validate(row.bounds), changes)
    begun = [
        customers.change_region(work, principal.actor, customer, region.name, changes["services"], None)
        for region in found.regions
        if region.wanted == "present" and _differs(region, changes.get("services") or {})
    ]
    if "access" in changes:
        _try_access(work.session, found, row, changes["access"], trial_seconds)
    if "backup" in changes:
        backups.set_policy(work, principal.actor, customer, changes["backup"])
    if "window" in changes:
        row.window = _window(changes["window"])
    if "log_days" in changes:
        row.log_days = changes["log_days"]
    work.session.add(row)
    work.audit(principal.actor, "settings.change", customer, customer, **changes)
    work.event("settings.changed", customer, customer, what=sorted(changes))
    work.work("settings", customer)
    return begun


def set_backup_policy(work: Transaction, principal: Principal, customer: str, changes: Json) -> BackupPolicy:
    """Change when a customer is backed up, and how long backups are kept.

    Raises:
        NotFound: there is no such customer.
        InvalidInput: that is no time of day.
        Forbidden: the provider does not allow it.
    """
    if principal.kind == "customer":
        _check_bounds(Bounds.model_validate(row_of(work.session, customer).bounds), {"backup": changes})
    return backups.set_policy(work, principal.actor, customer, changes)


def check_open(session: Session, customer: str, remedy: str) -> Json:
    """Refuse what interrupts a customer while its maintenance window is closed.

    Returns:
        What a job is told of it: in ``closes`` when the window closes (ISO 8601), nothing when it never does.

    Raises:
        Conflict: it is; with that remedy.
    """
    row, now = row_of(session, customer), utcnow()
    if not open_now(row, now):
        raise Conflict(f"The maintenance window of {customer!r} is closed.", remedy)
    closes = closing(row, now)
    return {} if closes is None else {"closes": closes.isoformat()}


def confirm(work: Transaction, actor: str, customer: str, source: str | None, sure: bool) -> CustomerSettings:
    """Have the rules of access that are on trial hold for good.

    Args:
        work: the transaction.
        actor: who confirms.
        customer: whose.
        source: the address that this comes from, where it is known.
        sure: confirm although that address is shut out.

    Raises:
        Conflict: nothing is on trial, or the address could not call the APIs any more.
    """
    row = row_of(work.session, customer, lock=True)
    if not on_trial(row, utcnow()):
        raise Conflict("Nothing waits to be confirmed.", "What was on trial holds no more: set it again.")
    access = AccessRules.model_validate(row.trial)
    if source is not None and not sure and not lets_in(access.for_api(), source):
        raise Conflict(
            f"Your address {source} could not call the APIs any more.",
            "Set the rules again with a network that it lies in, or confirm with --even-if-shut-out.",
        )
    row.access, row.trial, row.trial_until = row.trial, {}, None
    work.audit(actor, "settings.confirm", customer, customer, access=row.access)
    work.work("settings", customer)
    return row


def revert_if_due(work: Transaction, row: CustomerSettings, now: datetime) -> None:
    """Have the rules from before hold again where those on trial were not confirmed in time."""
    if row.trial_until is not None and not on_trial(row, now):
        work.audit(REVERTER, "settings.revert", row.customer, row.customer, access=row.access, tried=row.trial)
        work.event("settings.reverted", row.customer, row.customer)
        row.trial, row.trial_until = {}, None


def _differs(region: Region, services: Mapping[str, bool]) -> bool:
    now = switches(region.services)
    return any(now.get(name) != wanted for name, wanted in services.items())


def _try_access(session: Session, customer: Customer, row: CustomerSettings, given: Json, seconds: int) -> None:
    held = row.trial if on_trial(row, utcnow()) else row.access
    try:
        access = AccessRules.model_validate({**held, **given})
    except ValidationError as error:
        wrong = "; ".join(f"{told['input']!r}: {told['msg']}" for told in error.errors(include_url=False))
        raise InvalidInput(f"That is no list of networks: {wrong}.", "Write each like 192.0.2.0/24.") from error
    regions = [region.id for region in customer.regions]
    hosts: Sequence[str] = session.scalars(select(Host.name).where(Host.region_id.in_(regions))).all()
    if access.api and not access.links and hosts:
        raise InvalidInput(
            "The customer's hosts call the APIs too, and it is not said where they are.",
            "Name the networks of the hosts' links as well; they are let in to the APIs by that.",
        )
    row.trial, row.trial_until = access.model_dump(mode="json"), utcnow() + timedelta(seconds=seconds)


def _window(given: Json | None) -> Json:
    if given is None:
        return {}
    window = Window.model_validate(given)
    if not _AT.fullmatch(window.at) or not set(window.days) <= set(DAYS):
        raise InvalidInput(
            f"{' '.join(window.days)} at {window.at} is no maintenance window.",
            f"Name days out of {', '.join(DAYS)} and a time like 01:30, in UTC.",
        )
    return window.model_dump(mode="json")


def _check_bounds(bounds: Bounds, changes: Json) -> None:
    allowed = set(optional_names() if bounds.services is None else bounds.services)
    if refused := set(changes.get("services") or {}) - allowed:
        raise _beyond(f"The provider does not let you switch {', '.join(sorted(refused))}.")
    if "access" in changes and not bounds.access:
        raise _beyond("The provider does not let you set from where your names may be used.")
    if changes.get("backup", {}).get("keep_days", 0) > bounds.keep_days:
        raise _beyond(f"Backups may be kept for at most {bounds.keep_days} days.")
    if changes.get("log_days", 0) > bounds.log_days:
        raise _beyond(f"Logs may be kept for at most {bounds.log_days} days.")
    window = changes.get("window")
    if window is not None and window["hours"] < bounds.window_hours:
        raise _beyond(f"A maintenance window has at least {bounds.window_hours} hours.")


def _beyond(message: str) -> Forbidden:
    return Forbidden(message, "Ask the provider to allow it.")
