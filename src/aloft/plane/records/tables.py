"""The plane's records as tables. The schema itself is made by the migrations beside this module."""

import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Dialect,
    Float,
    ForeignKey,
    Integer,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.dialects.mysql import DATETIME, LONGTEXT
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from aloft.plane.records import sealing

Json = dict[str, Any]


class Utc(TypeDecorator[datetime]):
    """A point in time, stored in UTC with microseconds, always with its zone in Python."""

    impl = DATETIME(fsp=6)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store in UTC."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back the zone."""
        return None if value is None else value.replace(tzinfo=UTC)


def new_id() -> str:
    """A fresh random identifier."""
    return uuid.uuid4().hex


def utcnow() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)


class Sealed(TypeDecorator[Json]):
    """JSON that nobody can read or change without the plane's key (see :mod:`aloft.plane.records.sealing`)."""

    impl = LONGTEXT
    cache_ok = True

    def process_bind_param(self, value: Json | None, dialect: Dialect) -> str | None:
        """Encrypt."""
        return None if value is None else sealing.seal(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Json | None:
        """Decrypt."""
        return None if value is None else sealing.unseal(value)


class Base(DeclarativeBase):
    """What every table shares."""

    type_annotation_map = {datetime: Utc, str: String(255), Json: JSON, list[str]: JSON, list[Json]: JSON}  # noqa: RUF012  SQLAlchemy's own declaration


class Node(Base):
    """A provider's machine that runs controllers."""

    __tablename__ = "node"
    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    address: Mapped[str]
    state: Mapped[str] = mapped_column(String(16), default="unknown")
    detail: Mapped[str] = mapped_column(Text, default="")
    seen_at: Mapped[datetime | None]


class Release(Base):
    """A release as a node last told of it."""

    __tablename__ = "release"
    node_id: Mapped[str] = mapped_column(ForeignKey("node.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(16), primary_key=True)
    pins: Mapped[str] = mapped_column(String(16), default="")
    state: Mapped[str] = mapped_column(String(16))
    detail: Mapped[str] = mapped_column(Text, default="")
    seen_at: Mapped[datetime]


class Customer(Base):
    """An organisation with its own Keystone; ``state`` is creating, active, failed or deleting."""

    __tablename__ = "customer"
    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(32), unique=True)
    display_name: Mapped[str]
    state: Mapped[str] = mapped_column(String(16), default="creating")
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    regions: Mapped[list["Region"]] = relationship(back_populates="customer", order_by="Region.created_at")


class Region(Base):
    """A region: what is wanted (``wanted``, ``generation`` and the specification) and what was last seen.

    ``wanted`` is ``present``, ``torn-down`` (no controller, but the record stays and shows why) or ``removed`` (no
    controller, and then no record). ``ready_at`` is set when the controller was ready for the first time; from then on
    the plane never tears it down by itself. ``pins`` are those of its release that it was last seen to run with.
    ``network`` is its template (:mod:`aloft.controller.network`); empty for the default one. ``node`` is the peer that
    it was last seen on; empty is the node that the plane asks.
    """

    __tablename__ = "region"
    __table_args__ = (UniqueConstraint("customer_id", "name"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.id"))
    name: Mapped[str] = mapped_column(String(32))
    node_id: Mapped[str] = mapped_column(ForeignKey("node.id"))
    release: Mapped[str] = mapped_column(String(16))
    pins: Mapped[str] = mapped_column(String(16), default="")
    node: Mapped[str] = mapped_column(String(64), default="")
    identity: Mapped[bool] = mapped_column(Boolean)
    services: Mapped[Json]
    limits: Mapped[Json]
    network: Mapped[Json] = mapped_column(default=dict)
    wanted: Mapped[str] = mapped_column(String(16), default="present")
    generation: Mapped[int] = mapped_column(Integer, default=1)
    pushed_generation: Mapped[int] = mapped_column(Integer, default=0)
    phase: Mapped[str] = mapped_column(String(16), default="pending")
    slot: Mapped[int | None]
    revision: Mapped[int] = mapped_column(Integer, default=0)
    endpoints: Mapped[Json] = mapped_column(default=dict)
    components: Mapped[list[Json]] = mapped_column(default=list)
    error_message: Mapped[str] = mapped_column(Text, default="")
    error_remedy: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    ready_at: Mapped[datetime | None]
    customer: Mapped[Customer] = relationship(back_populates="regions")
    hosts: Mapped[list["Host"]] = relationship(back_populates="region", order_by="Host.name")


class Host(Base):
    """A customer's machine that runs the agent: its authorised roles, its grant and its last report.

    ``granted`` is what the node last granted, kept encrypted: ``{"roles", "settings", "opened", "attempt"}``; only
    that is given to the agent. ``bearing`` is how long it has been in its state
    (:mod:`aloft.plane.reconcile.bearing`). ``task`` is what shall become of it and its instances
    (:mod:`aloft.plane.tasks`), empty when nothing. ``software`` is what shall run on it and what ran before
    (:mod:`aloft.plane.rollout`).
    """

    __tablename__ = "host"
    __table_args__ = (UniqueConstraint("region_id", "name"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    region_id: Mapped[str] = mapped_column(ForeignKey("region.id"))
    name: Mapped[str] = mapped_column(String(64))
    machine_id: Mapped[str] = mapped_column(String(64), default="", index=True)
    roles: Mapped[list[str]]
    token_id: Mapped[str | None] = mapped_column(String(32))
    wanted: Mapped[str] = mapped_column(String(16), default="present")
    generation: Mapped[int] = mapped_column(Integer, default=1)
    granted_generation: Mapped[int] = mapped_column(Integer, default=0)
    granted: Mapped[Json] = mapped_column(Sealed, default=dict, deferred=True)
    reported_generation: Mapped[int] = mapped_column(Integer, default=0)
    report: Mapped[Json] = mapped_column(default=dict)
    facts: Mapped[Json] = mapped_column(default=dict, deferred=True)
    state: Mapped[str] = mapped_column(String(16), default="pending")
    bearing: Mapped[Json] = mapped_column(default=dict)
    drained: Mapped[bool] = mapped_column(Boolean, default=False)
    keep_instances: Mapped[bool] = mapped_column(Boolean, default=False)
    task: Mapped[Json] = mapped_column(default=dict)
    software: Mapped[Json] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    reported_at: Mapped[datetime | None]
    region: Mapped[Region] = relationship(back_populates="hosts")


class HostHistory(Base):
    """A state that a host came into, and why. Names are copied: the history outlives the host."""

    __tablename__ = "host_history"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(default=utcnow)
    subject: Mapped[str] = mapped_column(String(160), index=True)
    state: Mapped[str] = mapped_column(String(16))
    before: Mapped[str] = mapped_column(String(16), default="")
    detail: Mapped[str] = mapped_column(Text, default="")
    remedy: Mapped[str] = mapped_column(Text, default="")


class HostToken(Base):
    """Leave to enrol hosts in a region with these roles; only the token's digest is kept."""

    __tablename__ = "host_token"
    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    region_id: Mapped[str] = mapped_column(ForeignKey("region.id", ondelete="CASCADE"))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    roles: Mapped[list[str]]
    uses_left: Mapped[int]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    expires_at: Mapped[datetime]
    region: Mapped[Region] = relationship()


class Account(Base):
    """A person or program of the provider."""

    __tablename__ = "account"
    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(63), unique=True)
    roles: Mapped[list[str]]
    password_hash: Mapped[str | None]
    disabled: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class ApiToken(Base):
    """A token of an account; only its digest is kept."""

    __tablename__ = "api_token"
    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    expires_at: Mapped[datetime]
    account: Mapped[Account] = relationship()


class OperationRow(Base):
    """A change that somebody asked for. Names are copied: an operation outlives what it was about."""

    __tablename__ = "operation"
    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(32))
    customer: Mapped[str | None] = mapped_column(String(32), index=True)
    subject: Mapped[str]
    target_id: Mapped[str] = mapped_column(String(32), index=True)
    actor: Mapped[str]
    state: Mapped[str] = mapped_column(String(16), index=True, default="queued")
    steps: Mapped[list[Json]] = mapped_column(default=list)
    progress: Mapped[float] = mapped_column(Float, default=0.0)
    error_code: Mapped[str | None] = mapped_column(String(32))
    error_message: Mapped[str] = mapped_column(Text, default="")
    error_remedy: Mapped[str] = mapped_column(Text, default="")
    cancel_reason: Mapped[str] = mapped_column(Text, default="")
    resumable: Mapped[bool] = mapped_column(Boolean, default=True)
    job: Mapped[Json] = mapped_column(default=dict)
    result: Mapped[Json] = mapped_column(default=dict)
    revision: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime] = mapped_column(default=utcnow, index=True)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    changed_at: Mapped[datetime] = mapped_column(default=utcnow)


class Backup(Base):
    """A backup of a customer: ``made``, ``proved`` once it was restored and compared, or ``suspect`` when that failed.

    ``copies`` has for each secondary repository an empty text, or why there is no copy in it. ``node`` is the peer in
    a folder of which it lies, empty is the node that the plane asks; ``None`` where it lies elsewhere, so that every
    node can read it. Names are copied: a backup outlives its customer.
    """

    __tablename__ = "backup"
    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    customer: Mapped[str] = mapped_column(String(32), index=True)
    repository: Mapped[str] = mapped_column(String(32))
    node: Mapped[str | None] = mapped_column(String(64))
    snapshot: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16), default="made")
    detail: Mapped[str] = mapped_column(Text, default="")
    bytes_read: Mapped[int] = mapped_column(BigInteger)
    bytes_added: Mapped[int] = mapped_column(BigInteger)
    copies: Mapped[Json] = mapped_column(default=dict)
    made_at: Mapped[datetime]
    proved_at: Mapped[datetime | None]


class BackupPolicy(Base):
    """When a customer is backed up (``at``, hours and minutes in UTC) and for how many days backups are kept."""

    __tablename__ = "backup_policy"
    customer: Mapped[str] = mapped_column(String(32), primary_key=True)
    enabled: Mapped[bool] = mapped_column(Boolean, default=True)
    at: Mapped[str] = mapped_column(String(5), default="02:00")
    keep_days: Mapped[int] = mapped_column(Integer, default=30)


class CustomerSettings(Base):
    """What a customer's administrator set, and within which ``bounds`` of the provider's (:mod:`aloft.plane.toggles`).

    ``access`` are the confirmed rules of access; ``trial`` those that hold until ``trial_until`` unless they are
    confirmed. ``window`` is when maintenance may happen, empty for any time.
    """

    __tablename__ = "customer_settings"
    customer: Mapped[str] = mapped_column(String(32), primary_key=True)
    access: Mapped[Json] = mapped_column(default=dict)
    trial: Mapped[Json] = mapped_column(default=dict)
    trial_until: Mapped[datetime | None]
    window: Mapped[Json] = mapped_column(default=dict)
    log_days: Mapped[int] = mapped_column(Integer, default=0)
    bounds: Mapped[Json] = mapped_column(default=dict)


class AuditEntry(Base):
    """Who did what to what, when, and whether it was allowed."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(default=utcnow)
    actor: Mapped[str]
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str]
    customer: Mapped[str | None] = mapped_column(String(32), index=True)
    outcome: Mapped[str] = mapped_column(String(16))
    detail: Mapped[Json] = mapped_column(default=dict)


class EventRow(Base):
    """Something that happened, for those who follow along."""

    __tablename__ = "event"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(default=utcnow, index=True)
    kind: Mapped[str] = mapped_column(String(32))
    customer: Mapped[str | None] = mapped_column(String(32), index=True)
    subject: Mapped[str]
    data: Mapped[Json] = mapped_column(default=dict)
