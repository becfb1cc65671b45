"""Routes of backups, their repositories and policies, and of restoring."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from aloft.base.errors import Conflict, InvalidInput
from aloft.plane import backups, checks, customers, toggles
from aloft.plane.access.policy import Principal
from aloft.plane.api import care_types, types, views
from aloft.plane.api.callers import ThePlane, may
from aloft.plane.node_api import NodeRepository
from aloft.plane.reconcile.releases import node_of
from aloft.plane.records.tables import Backup, Customer

router = APIRouter(prefix="/v1", tags=["backups"])

Reader = Annotated[Principal, Depends(may("backup.read"))]
Runner = Annotated[Principal, Depends(may("backup.run"))]
Writer = Annotated[Principal, Depends(may("backup.write"))]
Overseer = Annotated[Principal, Depends(may("status.read"))]
Keeper = Annotated[Principal, Depends(may("repository.write"))]
CUSTOMER = "/customers/{customer}"


@router.get("/backups/status")
async def show_overview(plane: ThePlane, principal: Overseer) -> care_types.BackupOverview:
    """How all customers' backups stand, and how far each place for them is."""
    places = await plane.node.repositories()

    def read() -> care_types.BackupOverview:
        with plane.records.transaction() as work:
            saved = views.backup_statuses(work.session)
            repositories = views.repositories(work.session, places)
        well = all(one.state not in ("late", "suspect") for one in saved) and not any(one.late for one in repositories)
        return care_types.BackupOverview(healthy=well, customers=saved, repositories=repositories)

    return await asyncio.to_thread(read)


@router.get("/backups")
def list_all_backups(plane: ThePlane, principal: Reader) -> types.Items[care_types.Backup]:
    """Every backup on record that the caller may see, newest first."""
    with plane.records.transaction() as work:
        query = select(Backup).order_by(Backup.made_at.desc())
        if principal.customer is not None:
            query = query.where(Backup.customer == principal.customer)
        own = node_of(work.session).name
        return types.Items(items=[views.backup(row, own) for row in work.session.scalars(query)])


@router.get(CUSTOMER + "/backups")
def list_backups(customer: str, plane: ThePlane, principal: Reader) -> types.Items[care_types.Backup]:
    """The backups of a customer on record, newest first; also of one that is gone."""
    with plane.records.transaction() as work:
        query = select(Backup).where(Backup.customer == customer).order_by(Backup.made_at.desc())
        own = node_of(work.session).name
        return types.Items(items=[views.backup(row, own) for row in work.session.scalars(query)])


@router.post(CUSTOMER + "/backups", status_code=202)
def run_backup(customer: str, plane: ThePlane, principal: Runner) -> types.Accepted:
    """Back up a customer now: stored, read back, copied to the secondary repositories."""
    with plane.records.transaction() as work:
        return views.accepted(backups.run(work, principal.actor, customer))


@router.get(CUSTOMER + "/backups/{backup}")
def show_backup(customer: str, backup: str, plane: ThePlane, principal: Reader) -> care_types.Backup:
    """One backup."""
    with plane.records.transaction() as work:
        return views.backup(backups.find(work.session, backup, customer), node_of(work.session).name)


@router.post(CUSTOMER + "/backups/{backup}/prove", status_code=202)
def prove_backup(customer: str, backup: str, plane: ThePlane, principal: Writer) -> types.Accepted:
    """Restore a backup (``newest``, or its id) into a scratch controller, start that, and compare."""
    with plane.records.transaction() as work:
        row = (
            backups.newest(work.session, customer)
            if backup == "newest"
            else backups.find(work.session, backup, customer)
        )
        return views.accepted(backups.prove(work, principal.actor, row))


@router.get(CUSTOMER + "/backup-policy")
def show_policy(customer: str, plane: ThePlane, principal: Reader) -> care_types.BackupPolicy:
    """When a customer is backed up, and how long backups are kept."""
    with plane.records.transaction() as work:
        customers.find_customer(work.session, customer)
        return views.backup_policy(backups.policy(work.session, customer))


@router.patch(CUSTOMER + "/backup-policy")
def change_policy(
    customer: str, body: care_types.BackupPolicyChange, plane: ThePlane, principal: Runner
) -> care_types.BackupPolicy:
    """Change when a customer is backed up, and how long backups are kept."""
    with plane.records.transaction() as work:
        changes = body.model_dump(exclude_none=True)
        return views.backup_policy(toggles.set_backup_policy(work, principal, customer, changes))


@router.post("/restores", status_code=202)
async def restore(body: care_types.NewRestore, plane: ThePlane, principal: Writer) -> types.Accepted:
    """Bring a customer back, also one that is gone, from a backup on record or from a snapshot in a repository.

    Without either it is the newest backup on record; with only a repository the newest snapshot in that.
    """
    repository, snapshot, made = body.repository, body.snapshot, None
    if repository is not None and snapshot is None:
        found = await plane.node.snapshots(repository, body.customer)
        if not found:
            raise InvalidInput(
                f"The repository {repository!r} has no backup of customer {body.customer!r}.",
                f"See `aloft backup list --repository {repository}`.",
            )
        fitting = [one for one in found if body.at is None or one.time <= body.at] or found[:1]
        snapshot, made = fitting[-1].id, fitting[-1].time

    def write() -> types.Accepted:
        with plane.records.transaction() as work:
            where, age = (repository, snapshot), made
            if repository is None:
                kept = (
                    backups.newest(work.session, body.customer, body.at)
                    if body.backup is None
                    else backups.find(work.session, body.backup, body.customer)
                )
                backups.check_reach(work.session, kept)
                where, age = (kept.repository, kept.snapshot), None if body.backup else kept.made_at
            if age is not None:
                _insist_own(work.session, body.customer, age)
            row = backups.restore(work, principal.actor, body.customer, str(where[0]), str(where[1]), body.at)
            return views.accepted(row)

    return await asyncio.to_thread(write)


def _insist_own(session: Session, customer: str, made: datetime) -> None:
    """See that a backup that nobody named is not one of a former customer of the same name.

    Raises:
        Conflict: it is older than the customer.
    """
    since = session.scalars(select(Customer.created_at).where(Customer.name == customer)).first()
    if since is not None and made < since:
        raise Conflict(
            f"The newest backup, of {made:%Y-%m-%d %H:%M}, is older than customer {customer!r}: it is a former one's.",
            "Back up the present one; or name that backup, if it is to take this one's place.",
        )


@router.post("/restores/all", status_code=202)
async def restore_all(body: care_types.RestoreAll, plane: ThePlane, principal: Keeper) -> types.Accepted:
    """Bring back every customer that a lost node left in a repository.

    The operation sees what lies there and begins an operation for each customer, which its result names.
    """
    await _check_repository(plane, body.repository)

    def write() -> types.Accepted:
        with plane.records.transaction() as work:
            return views.accepted(backups.restore_all(work, principal.actor, body.repository))

    return await asyncio.to_thread(write)


@router.get("/repositories")
async def list_repositories(plane: ThePlane, principal: Keeper) -> types.Items[types.Repository]:
    """The places for backups, without their secrets."""
    return await asyncio.to_thread(_repositories, plane, await plane.node.repositories())


@router.put("/repositories/{repository}")
async def put_repository(
    repository: str, body: care_types.NewRepository, plane: ThePlane, principal: Keeper
) -> types.Items[types.Repository]:
    """Name a place for backups; the password is made where none is given, and is to be kept elsewhere too."""
    wanted = {
        "url": body.url,
        "role": body.role,
        "password": body.password.get_secret_value() if body.password else None,
        "credentials": {kind: text.get_secret_value() for kind, text in body.credentials.items()},
    }
    found = await plane.node.put_repository(repository, wanted)
    await asyncio.to_thread(_note, plane, principal, "repository.put", repository, {"url": body.url, "role": body.role})
    return await asyncio.to_thread(_repositories, plane, found)


@router.delete("/repositories/{repository}", status_code=204)
async def remove_repository(repository: str, plane: ThePlane, principal: Keeper) -> Response:
    """Forget a place for backups; what lies there stays."""
    await plane.node.remove_repository(repository)
    await asyncio.to_thread(_note, plane, principal, "repository.delete", repository, {})
    return Response(status_code=204)


@router.get("/repositories/{repository}/password")
async def repository_password(
    repository: str, response: Response, plane: ThePlane, principal: Keeper
) -> care_types.RepositoryPassword:
    """What encrypts a repository; every reading is kept in the audit log."""
    password = await plane.node.repository_password(repository)
    await asyncio.to_thread(_note, plane, principal, "repository.password", repository, {})
    response.headers["Cache-Control"] = "no-store"
    return care_types.RepositoryPassword(repository=repository, password=password)


@router.get("/repositories/{repository}/snapshots")
async def list_snapshots(
    repository: str, plane: ThePlane, principal: Writer, customer: str | None = None
) -> types.Items[types.Snapshot]:
    """What lies in a repository, whoever wrote it, the oldest first."""
    found = await plane.node.snapshots(repository, customer)
    shown = [
        types.Snapshot(id=one.id, customer=one.tags.get("customer", ""), made=one.time, original=one.original)
        for one in found
    ]
    return types.Items(items=shown)


@router.post("/repositories/{repository}/check", status_code=202)
async def check_repository(repository: str, plane: ThePlane, principal: Writer) -> types.Accepted:
    """Read all of a repository and see that it is what was written."""
    await _check_repository(plane, repository)

    def write() -> types.Accepted:
        with plane.records.transaction() as work:
            return views.accepted(checks.check(work, principal.actor, repository))

    return await asyncio.to_thread(write)


def _repositories(plane: ThePlane, found: Sequence[NodeRepository]) -> types.Items[types.Repository]:
    with plane.records.transaction() as work:
        return types.Items(items=views.repositories(work.session, found))


async def _check_repository(plane: ThePlane, repository: str) -> None:
    known = {one.name for one in await plane.node.repositories()}
    if repository not in known:
        raise InvalidInput(f"There is no repository {repository!r}.", f"There are: {', '.join(sorted(known))}.")


def _note(plane: ThePlane, principal: Principal, action: str, repository: str, detail: dict[str, str]) -> None:
    with plane.records.transaction() as work:
        work.audit(principal.actor, action, repository, None, **detail)
