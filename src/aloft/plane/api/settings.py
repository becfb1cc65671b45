"""Routes of what customers' administrators set by themselves, and of the provider's bounds for it."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header

from aloft.base.errors import InvalidInput
from aloft.controller.rules import AccessRules
from aloft.controller.services import switches
from aloft.plane import backups, customers, toggles
from aloft.plane.access.policy import Principal
from aloft.plane.api import care_types, views
from aloft.plane.api.callers import ThePlane, may
from aloft.plane.records.database import Transaction
from aloft.plane.records.tables import utcnow

router = APIRouter(prefix="/v1/customers/{customer}/settings", tags=["settings"])

Reader = Annotated[Principal, Depends(may("settings.read"))]
Writer = Annotated[Principal, Depends(may("settings.write"))]
Provider = Annotated[Principal, Depends(may("customer.write"))]


@router.get("")
def show_settings(customer: str, plane: ThePlane, principal: Reader) -> care_types.CustomerSettings:
    """What a customer's administrator set, what waits to be confirmed, and what the provider allows."""
    with plane.records.transaction() as work:
        return _shown(work, customer)


@router.patch("")
def change_settings(
    customer: str, body: care_types.CustomerSettingsChange, plane: ThePlane, principal: Writer
) -> care_types.SettingsChanged:
    """Set what is named; all of it or nothing.

    Networks hold at once, but only until ``confirm_within`` seconds have passed, unless they are confirmed by then.
    """
    changes: dict[str, Any] = body.model_dump(mode="json", exclude_unset=True, exclude={"confirm_within"})
    for name in ("services", "access", "backup", "log_days"):
        if name in changes and changes[name] is None:
            raise InvalidInput(f"{name} cannot be nothing.", "Leave it out to keep it as it is.")
    for name in ("access", "backup"):
        if name in changes:
            changes[name] = {kind: value for kind, value in changes[name].items() if value is not None}
    with plane.records.transaction() as work:
        begun = toggles.change(work, principal, customer, changes, body.confirm_within)
        work.session.flush()
        operations = [views.operation(row) for row in begun]
        return care_types.SettingsChanged(settings=_shown(work, customer), operations=operations)


@router.post("/confirm")
def confirm_settings(
    customer: str,
    body: care_types.Confirmation,
    plane: ThePlane,
    principal: Writer,
    source: Annotated[str | None, Header(alias="X-Forwarded-For")] = None,
) -> care_types.CustomerSettings:
    """Have the networks that are on trial hold for good; refused to who is shut out by them, unless they are sure."""
    with plane.records.transaction() as work:
        toggles.confirm(work, principal.actor, customer, source, body.even_if_shut_out)
        return _shown(work, customer)


@router.put("/bounds")
def set_bounds(
    customer: str, body: toggles.Bounds, plane: ThePlane, principal: Provider
) -> care_types.CustomerSettings:
    """Say what the customer's administrator may set."""
    with plane.records.transaction() as work:
        toggles.set_bounds(work, principal.actor, customer, body)
        return _shown(work, customer)


def _shown(work: Transaction, customer: str) -> care_types.CustomerSettings:
    found = customers.find_customer(work.session, customer)
    row, now = toggles.row_of(work.session, customer), utcnow()
    trial = toggles.on_trial(row, now)
    return care_types.CustomerSettings(
        customer=customer,
        services={region.name: switches(region.services) for region in found.regions},
        access=toggles.rules(row, now).access,
        confirm_until=row.trial_until if trial else None,
        confirmed=AccessRules.model_validate(row.access),
        backup=views.backup_policy(backups.policy(work.session, customer)),
        window=toggles.Window.model_validate(row.window) if row.window else None,
        window_open=toggles.open_now(row, now),
        log_days=row.log_days,
        bounds=toggles.Bounds.model_validate(row.bounds),
    )
