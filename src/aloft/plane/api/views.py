"""Records as the API shows them."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from aloft.controller.services import switches
from aloft.plane import backups, checks, hosts, rollout
from aloft.plane.access.policy import Role
from aloft.plane.api import care_types, host_types, types
from aloft.plane.node_api import NodePeer, NodeRepository
from aloft.plane.presence import Presence
from aloft.plane.reconcile import rollouts
from aloft.plane.records import tables
from aloft.plane.records.tables import utcnow
from aloft.plane.rollout import Software
from aloft.plane.upgrades import Standing


def operation(row: tables.OperationRow) -> types.Operation:
    """An operation."""
    failure = None
    if row.error_code:
        failure = types.ErrorDetail(code=row.error_code, message=row.error_message, remedy=row.error_remedy)
    return types.Operation.model_validate(
        {
            "id": row.id,
            "kind": row.kind,
            "customer": row.customer,
            "subject": row.subject,
            "actor": row.actor,
            "state": row.state,
            "steps": row.steps,
            "progress": row.progress,
            "error": failure,
            "resumable": row.resumable,
            "revision": row.revision,
            "result": row.result,
            "created": row.created_at,
            "started": row.started_at,
            "ended": row.ended_at,
        }
    )


def accepted(row: tables.OperationRow) -> types.Accepted:
    """The answer to a change."""
    return types.Accepted(operation=operation(row))


def region(row: tables.Region, node: str) -> types.Region:
    """A region; ``node`` is the name of the one that the plane asks."""
    return types.Region.model_validate(
        {
            "customer": row.customer.name,
            "name": row.name,
            "release": row.release,
            "node": row.node or node,
            "slot": row.slot,
            "identity": row.identity,
            "services": switches(row.services),
            "limits": row.limits,
            "generation": row.generation,
            "phase": row.phase,
            "endpoints": row.endpoints,
            "components": row.components,
            "error": region_error(row),
            "created": row.created_at,
            "ready": row.ready_at,
        }
    )


def region_error(row: tables.Region) -> types.ErrorDetail | None:
    """What is wrong with a region."""
    if not row.error_message:
        return None
    return types.ErrorDetail(code="region_failed", message=row.error_message, remedy=row.error_remedy)


def customer(row: tables.Customer, node: str) -> types.Customer:
    """A customer with its regions."""
    return types.Customer.model_validate(
        {
            "name": row.name,
            "display_name": row.display_name,
            "state": row.state,
            "created": row.created_at,
            "regions": [region(one, node) for one in row.regions],
        }
    )


def host(row: tables.Host, presence: Presence) -> host_types.Host:
    """A host; ``presence`` knows of signs of life that are not in the records yet."""
    account = hosts.account_of(row)
    bearing = hosts.shown(row)
    heard = presence.last(row.id, row.reported_at)
    return host_types.Host.model_validate(
        {
            "customer": row.region.customer.name,
            "region": row.region.name,
            "name": row.name,
            "roles": row.roles,
            "state": row.state,
            "since": bearing.since or row.created_at,
            "step": account.step,
            "done": account.done,
            "reason": f"last heard of {heard:%Y-%m-%d %H:%M:%S} UTC" if row.state == "missing" else account.reason,
            "remedy": hosts.MISSING_REMEDY if row.state == "missing" else account.remedy,
            "drained": row.drained,
            "warnings": hosts.warnings(row.roles, row.facts),
            "lacks": hosts.lacks(row.facts),
            "software": {
                "release": row.software["release"],
                "wanted": row.software["packages"],
                "running": hosts.running(row.facts),
            },
            "generation": row.generation,
            "reported_generation": row.reported_generation,
            "report": row.report,
            "facts": row.facts,
            "created": row.created_at,
            "reported": heard,
        }
    )


def rolling_out(target: Software, rows: Sequence[tables.Host]) -> host_types.Rollout:
    """The rollout of a region."""
    listed, reasons = [], []
    sights = {row.id: rollouts.sight(row, busy=bool(row.task)) for row in rows}
    for row in rows:
        software = rollout.restored(row.software)
        wanted = software.wanted
        if software.refused == target:
            progress, reason = "reverted", software.reason
            reasons.append(f"{row.name} went back: {software.reason}")
        else:
            progress, reason = "trial" if software.former else ("settled" if wanted == target else "waiting"), ""
            if progress == "waiting":
                reason = rollout.why_waiting(target, sights[row.id], list(sights.values()))
        listed.append(
            host_types.RolloutHost.model_validate(
                {
                    "name": row.name,
                    "progress": progress,
                    "release": wanted.release,
                    "packages": dict(wanted.packages),
                    "reason": reason,
                }
            )
        )
    return host_types.Rollout(
        release=target.release, packages=dict(target.packages), halted="; ".join(reasons), hosts=listed
    )


def host_history(row: tables.HostHistory) -> host_types.HostHistory:
    """An entry of a host's history."""
    return host_types.HostHistory.model_validate(
        {
            "id": row.id,
            "at": row.at,
            "state": row.state,
            "before": row.before,
            "detail": row.detail,
            "remedy": row.remedy,
        }
    )


def host_token(row: tables.HostToken) -> host_types.HostToken:
    """A host token."""
    return host_types.HostToken.model_validate(
        {
            "id": row.id,
            "roles": row.roles,
            "uses_left": row.uses_left,
            "created_by": row.created_by,
            "created": row.created_at,
            "expires": row.expires_at,
        }
    )


def release(row: tables.Release, node: str) -> types.Release:
    """A release."""
    return types.Release.model_validate(
        {
            "name": row.name,
            "pins": row.pins,
            "node": node,
            "state": row.state,
            "detail": row.detail,
            "seen": row.seen_at,
        }
    )


def node(row: tables.Node, controllers: int) -> types.Node:
    """The node that the plane asks, and how many controllers it has."""
    return types.Node.model_validate(
        {
            "name": row.name,
            "own": True,
            "address": row.address,
            "state": row.state,
            "detail": row.detail,
            "controllers": controllers,
            "seen": row.seen_at,
        }
    )


def peer(told: NodePeer) -> types.Node:
    """Another node, which was asked just now."""
    seen = utcnow() if told.state == "up" else None
    return types.Node.model_validate({**told.model_dump(), "own": False, "seen": seen})


def account(row: tables.Account) -> types.Account:
    """An account."""
    roles: list[Role] = row.roles  # type: ignore[assignment]  # checked when it was written
    return types.Account(
        name=row.name,
        roles=roles,
        disabled=row.disabled,
        has_password=row.password_hash is not None,
        created=row.created_at,
    )


def token(row: tables.ApiToken) -> types.Token:
    """A token."""
    return types.Token(id=row.id, account=row.account.name, created=row.created_at, expires=row.expires_at)


def event(row: tables.EventRow) -> types.Event:
    """An event."""
    return types.Event(id=row.id, at=row.at, kind=row.kind, customer=row.customer, subject=row.subject, data=row.data)


def audit_entry(row: tables.AuditEntry) -> types.AuditEntry:
    """An entry of the audit log."""
    return types.AuditEntry.model_validate(
        {
            "id": row.id,
            "at": row.at,
            "actor": row.actor,
            "action": row.action,
            "subject": row.subject,
            "customer": row.customer,
            "outcome": row.outcome,
            "detail": row.detail,
        }
    )


def backup(row: tables.Backup, own: str) -> care_types.Backup:
    """A backup; ``own`` is the name of the node that the plane asks."""
    return care_types.Backup.model_validate(
        {
            "id": row.id,
            "customer": row.customer,
            "state": row.state,
            "detail": row.detail,
            "repository": row.repository,
            "node": own if row.node == "" else row.node,
            "snapshot": row.snapshot,
            "bytes_read": row.bytes_read,
            "bytes_added": row.bytes_added,
            "copies": row.copies,
            "made": row.made_at,
            "proved": row.proved_at,
        }
    )


def backup_policy(row: tables.BackupPolicy) -> care_types.BackupPolicy:
    """A policy of backups."""
    return care_types.BackupPolicy(customer=row.customer, enabled=row.enabled, at=row.at, keep_days=row.keep_days)


def backup_statuses(session: Session) -> list[types.BackupStatus]:
    """How the backups of every customer stand, by name."""
    rows = session.scalars(
        select(tables.Customer).where(tables.Customer.state == "active").order_by(tables.Customer.name)
    )
    return [backup_status(row.name, *backups.standing(session, row, utcnow())) for row in rows]


def repositories(session: Session, told: Sequence[NodeRepository]) -> list[types.Repository]:
    """The places for backups, with what their checks found."""
    known = checks.checked(session, [one.name for one in told])
    return [
        types.Repository(
            name=one.name,
            url=one.url,
            role=one.role,
            shipped=one.shipped,
            behind_seconds=one.behind,
            trouble=one.trouble,
            late=one.late or bool(known[one.name].failure),
            checked=known[one.name].at,
            check_failure=known[one.name].failure,
        )
        for one in told
    ]


def backup_status(customer: str, state: str, newest: tables.Backup | None) -> types.BackupStatus:
    """How a customer's backups stand."""
    return types.BackupStatus.model_validate(
        {
            "customer": customer,
            "state": state,
            "age_seconds": None if newest is None else (utcnow() - newest.made_at).total_seconds(),
            "proved": newest is not None and newest.state == "proved",
            "copies": {} if newest is None else newest.copies,
        }
    )


def upgrade(customer: str, standing: Standing) -> care_types.Upgrade:
    """Where a customer stands with upgrades."""
    return care_types.Upgrade(
        customer=customer,
        release=standing.release,
        pins=standing.pins,
        kept=standing.kept,
        since=standing.since,
        operation=None if standing.operation is None else operation(standing.operation),
    )
